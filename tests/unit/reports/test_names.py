import types

import pytest

from bakeoff import plugins
from bakeoff.errors import PluginError
from bakeoff.reports import names
from bakeoff.reports.names import parse


@pytest.mark.parametrize(
    ("full", "parts"),
    [
        ("facts.accuracy", ("facts", "accuracy", "", "")),
        ("facts.accuracy@category=short facts", ("facts", "accuracy", "", "category=short facts")),
        ("load.ttft.p95", ("load", "ttft", "p95", "")),
        ("v1.2.ttft.p50@rate=2.5", ("v1.2", "ttft", "p50", "rate=2.5")),
        ("other.e2e.mean", ("other", "e2e", "mean", "")),
    ],
)
def test_metric_name_splits_into_its_parts(full: str, parts: tuple[str, ...]) -> None:
    name = parse(full, ["facts", "load", "v1", "v1.2"])
    assert (name.benchmark, name.base, name.statistic, name.slice) == parts


def test_metric_without_a_definition_of_ours_brings_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for metric in ("ttft", "lag"):
        monkeypatch.delitem(names._DEFINITIONS, metric)
    names._base_definition.cache_clear()
    assert parse("b.ttft", ["b"]).definition.startswith("first_token_at - scheduled_at")
    names._base_definition.cache_clear()


@pytest.mark.parametrize("failing", [True, False])
def test_metric_that_cannot_be_loaded_or_says_nothing_is_still_told(
    monkeypatch: pytest.MonkeyPatch, *, failing: bool
) -> None:
    def load(family: str, name: str) -> object:
        if failing:
            raise PluginError("its package is missing")
        return types.SimpleNamespace(__doc__=None)

    monkeypatch.delitem(names._DEFINITIONS, "lag")
    monkeypatch.setattr(plugins, "load", load)
    names._base_definition.cache_clear()
    assert parse("b.lag", ["b"]).definition.startswith("Mean of the values")
    names._base_definition.cache_clear()


def test_metric_of_a_scorer_is_defined_as_such() -> None:
    assert "scorer" in parse("b.politeness", ["b"]).definition


def test_figures_under_another_policy_are_no_headline() -> None:
    name = parse("facts.accuracy_lowest", ["facts"])
    assert not name.quality
    assert name.definition == "What `accuracy` is had every case without a grade failed."


def test_every_registered_metric_has_a_definition() -> None:
    for metric in plugins.names("metrics"):
        definition = parse(f"b.{metric}", ["b"]).definition
        assert len(definition) > 15
        assert not parse(f"b.{metric}", ["b"]).quality
        assert "scorer" not in definition
