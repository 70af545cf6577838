"""Which part of which spec a command was asked for, for this machine or for a service."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bakeoff.cli._options import environ

if TYPE_CHECKING:
    from bakeoff.client.packing import Packed
    from bakeoff.spec import LoadedSpec


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A spec file with what flags say of it.

    Attributes:
        overrides: values of flags by path, such as `seed`.
        cache: whether answers of earlier runs are taken; as the spec says by default.
        race: the method; as the spec says by default.
        models: only these, separated by commas.
        only: only these benchmarks.
    """

    path: Path
    overrides: dict[str, object]
    cache: bool | None = None
    race: str | None = None
    models: str | None = None
    only: str | None = None

    def loaded(self, *, for_requests: bool = True) -> "LoadedSpec":
        """Return the spec as this machine runs it."""
        from bakeoff.run.select import raced, selected
        from bakeoff.spec import load_spec

        overrides = dict(self.overrides)
        loaded = load_spec(self.path, environ(), overrides=overrides, for_requests=for_requests)
        if self.cache is not None and self.cache != bool(loaded.spec.cache):  # a folder of the spec is kept
            overrides["cache"] = self.cache
            loaded = load_spec(self.path, environ(), overrides=overrides, for_requests=for_requests)
        loaded = raced(loaded, self.race) if self.race else loaded
        return selected(loaded, models=self.models, benchmarks=self.only)

    def packed(self) -> "Packed":
        """Return the spec as a service runs it; secrets are with whoever sends."""
        from bakeoff.client.narrowing import narrowed
        from bakeoff.client.packing import pack
        from bakeoff.spec import load_named

        overrides = dict(self.overrides) | ({} if self.cache is None else {"cache": self.cache})
        named = load_named(self.path, environ(), overrides=overrides)
        if named is None:
            return pack(self.loaded(for_requests=False))
        return pack(narrowed(named, models=self.models, benchmarks=self.only, race=self.race))
