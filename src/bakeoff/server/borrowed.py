"""Benchmarks that one dialect registers and others offer too, without knowing each other."""

from typing import Any, Protocol

import msgspec

from bakeoff.server.service import Service


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark as a job takes it.

    Attributes:
        section: what stands under `benchmarks:` of a spec, without its name.
        files: content of the job's own files by relative name.
    """

    section: dict[str, Any]
    files: dict[str, bytes] = {}


class Lender(Protocol):
    """Who keeps benchmarks of its own kind."""

    def names(self, service: Service, *, project: str) -> list[str]:
        """Return the names of those that can be run as sections of a spec."""
        ...

    def section(self, service: Service, name: str, *, project: str) -> Section | None:
        """Return one of them, None where there is none of that name."""
        ...
