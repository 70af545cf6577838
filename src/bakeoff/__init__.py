"""bakeoff: which LLM should a team run, proved by measurement.

The public names are loaded when they are first used, so that `import bakeoff` costs nothing; their types
stand in `__init__.pyi`.
"""

import sys
from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"

_PLACES = {
    "bakeoff.api": ("Run", "compare", "decide", "import_files", "load", "runs"),
    "bakeoff.client": ("CallError", "Client", "RunEndedError", "RunHandle", "RunInfo"),
    "bakeoff.frames": ("frame",),
    "bakeoff.errors": ("BakeoffError",),
    "bakeoff.run.compare": ("Compared", "ComparedTarget"),
    "bakeoff.decide.compare.flips": ("Flip",),
    "bakeoff.records": (
        "BudgetRule",
        "Case",
        "Comparison",
        "Constraint",
        "DecideSpec",
        "Estimate",
        "MetricRule",
        "Place",
        "QualityRule",
        "Ranking",
        "Results",
        "Sample",
        "Score",
        "SloSpec",
        "StageResult",
        "TargetCost",
        "TargetResult",
        "Usage",
        "Verdict",
    ),
}
_HOMES = {name: place for place, names in _PLACES.items() for name in names}
__all__ = sorted(["stats", *_HOMES])  # noqa: PLE0605  # pyright: ignore[reportUnsupportedDunderAll]  the stub lists them


class _Package(ModuleType):
    """Keeps the function `bakeoff.decide` when the import system binds the subpackage of that name."""

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _HOMES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


def __getattr__(name: str) -> object:
    if name == "stats":
        return import_module("bakeoff.stats")
    if name not in _HOMES:
        raise AttributeError(f"module `bakeoff` has no attribute `{name}`")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


sys.modules[__name__].__class__ = _Package
