"""results.json: the results as they are, for programs."""

from pathlib import Path

import msgspec

from bakeoff.records.view import RunView


class JsonReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole results as one JSON document."""

    def write(self, view: RunView, folder: Path) -> Path:
        """Write `results.json`."""
        path = folder / "results.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(view.results), indent=2) + b"\n")
        return path
