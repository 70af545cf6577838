"""Call the command line within this process: its exit code, what it printed, what it stored."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.commands import Done

from bakeoff.cli import main
from bakeoff.records import Event, Sample
from bakeoff.stores.jsonl import read_records


class Perf:
    """`bakeoff perf` against one endpoint, in a folder of its own."""

    def __init__(self, url: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.url = url
        self.folder = folder
        self._capsys = capsys

    def __call__(self, *words: str | Path, model: str = "m") -> Done:
        """Run it; a busy machine must not fail a test, so the client's own limits are allowed."""
        named = () if "--matrix" in words else ("--model", model)
        return self.bakeoff("perf", "--endpoint", self.url, *named, "--allow-invalid", *words)

    def bakeoff(self, *words: str | Path) -> Done:
        """Run any command."""
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main(list(map(str, words)))
        printed = self._capsys.readouterr()
        code = stop.value.code
        return Done(code=code if isinstance(code, int) else 0, out=printed.out, err=printed.err)

    def document(self, *words: str | Path) -> Any:
        """Run it to its end and return its JSON document."""
        done = self(*words, "--json", "--quiet")
        assert done.code == 0, done.err
        return msgspec.json.decode(done.out)

    @property
    def run(self) -> Path:
        """Return the folder of the one run there is."""
        (found,) = (self.folder / "runs").iterdir()
        return found

    def samples(self, stage: str | None = "main") -> list[Sample]:
        """Return the samples of a stage, or all."""
        found = list(read_records(self.run, Sample))
        return [sample for sample in found if stage is None or sample.stage == stage]

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the facts of all events of a kind."""
        return [event.facts for event in read_records(self.run, Event) if event.kind == kind]
