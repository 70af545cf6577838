"""Pure arithmetic: quantiles, histograms, intervals, paired tests. Knows nothing of models.

The names in `__all__` are public and loaded when they are first used (`from bakeoff.stats import holm`), so
that a command which counts nothing pays nothing; their types stand in `__init__.pyi`. Inside bakeoff, import
the module that you need (`from bakeoff.stats.paired import compare_passes`).
"""

from importlib import import_module

_PLACES = {
    "bakeoff.stats.best": ("Chance", "Scores", "chances"),
    "bakeoff.stats.betting": ("Betting",),
    "bakeoff.stats.blocks": ("block_bootstrap", "block_length", "compare_neighbours"),
    "bakeoff.stats.grouped": ("GroupedRace", "PlannedPair", "look_p"),
    "bakeoff.stats.intervals": (
        "Interval",
        "MeanInterval",
        "QuantileInterval",
        "clopper_pearson",
        "mean_clustered",
        "mean_t",
        "quantile_interval",
        "wilson",
    ),
    "bakeoff.stats.looks": ("Look", "obrien_fleming", "obrien_fleming_p", "spending"),
    "bakeoff.stats.multiple": ("bonferroni", "holm"),
    "bakeoff.stats.paired": (
        "PairedResult",
        "PairedTable",
        "compare_passes",
        "compare_scores",
        "mcnemar",
        "newcombe_paired",
        "tabulate",
        "tango",
    ),
    "bakeoff.stats.power": (
        "floor_cases",
        "floor_passes",
        "floor_share",
        "noninferior_cases",
        "noninferior_margin",
        "paired_cases",
        "paired_gap",
        "unpaired_cases",
    ),
    "bakeoff.stats.quantiles": ("Summary", "quantile", "summarise"),
    "bakeoff.stats.race": ("Loss", "PairState", "PairTest", "Race", "RaceState", "Terms"),
    "bakeoff.stats.rank": (
        "Pairwise",
        "RankInterval",
        "Standing",
        "TiedSet",
        "rank_intervals",
        "tied_with_best",
    ),
    "bakeoff.stats.repeats": (
        "KeyedMeans",
        "Matched",
        "VarianceParts",
        "average_repeats",
        "match",
        "pass_all",
        "pass_at",
        "split_variance",
    ),
    "bakeoff.stats.resampling": ("FlipTest", "bootstrap", "sign_flip", "sign_test"),
    "bakeoff.stats.strengths": ("Game", "Outcome", "Strength", "Strengths", "fit_strengths"),
    "bakeoff.stats.unpaired": (
        "Passes",
        "UnpairedResult",
        "compare_means",
        "compare_rates",
        "fisher_exact",
        "newcombe_unpaired",
    ),
}
_HOMES = {name: place for place, names in _PLACES.items() for name in names}
__all__ = sorted(_HOMES)  # noqa: PLE0605  # pyright: ignore[reportUnsupportedDunderAll]  the stub lists them


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module `bakeoff.stats` has no attribute `{name}`")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
