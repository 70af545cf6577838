"""A run of some models and benchmarks is a run that can be read, resumed and reported like any other."""

import pytest
import yaml
from tests.unit.run.specs import load

from bakeoff.errors import UsageError
from bakeoff.run.select import selected
from bakeoff.spec import load_spec, load_stored_spec

RULE = {"incumbent": "old", "quality": {"metric": "sums.accuracy", "margin": 0.1}}
TWO = [{"name": name, "dataset": "cases.jsonl", "scorers": ["exact"]} for name in ("sums", "words")]


def test_without_names_everything_stays(tmp_path):
    loaded = load(tmp_path, decide=RULE)
    assert selected(loaded) == loaded


def test_models_and_benchmarks_are_narrowed_in_the_spec_and_in_what_is_stored(tmp_path):
    found = selected(load(tmp_path, benchmarks=TWO), models=" new ,", benchmarks="words")
    assert [model.name for model in found.spec.models] == ["new"]
    assert [one.name for one in found.spec.benchmarks] == ["words"]
    assert [model["name"] for model in found.document["models"]] == ["new"]
    assert [one["name"] for one in found.document["benchmarks"]] == ["words"]


def test_the_rule_lets_go_of_what_was_left_out_so_that_the_stored_spec_can_be_read(tmp_path):
    found = selected(load(tmp_path, benchmarks=TWO, decide=RULE), models="new", benchmarks="words")
    assert (found.spec.decide.incumbent, found.spec.decide.quality.metric) == (None, None)
    assert found.spec.decide.quality.margin == 0.1
    stored = tmp_path / "stored.yaml"
    stored.write_text(yaml.safe_dump(found.document))
    assert load_spec(stored, {}).spec == found.spec


def test_the_rule_keeps_what_is_still_there(tmp_path):
    found = selected(load(tmp_path, benchmarks=TWO, decide=RULE), models="old", benchmarks="sums")
    assert (found.spec.decide.incumbent, found.spec.decide.quality.metric) == ("old", "sums.accuracy")
    assert found.document["decide"]["incumbent"] == "old"


def test_a_benchmark_asks_the_models_that_are_left_or_goes_with_them(tmp_path):
    both = [TWO[0] | {"models": ["old"]}, TWO[1] | {"models": ["new", "old"]}]
    found = selected(load(tmp_path, benchmarks=both), models="new")
    assert [(one.name, one.models) for one in found.spec.benchmarks] == [("words", ["new"])]
    stored = tmp_path / "stored.yaml"
    stored.write_text(yaml.safe_dump(found.document))
    assert load_spec(stored, {}).spec == found.spec


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": "nwe"}, "the spec has no model `nwe`. Did you mean `new`?"),
        ({"benchmarks": "sum,sums"}, "the spec has no benchmark `sum`. Did you mean `sums`?"),
        ({"models": " , "}, "no model is named"),
    ],
)
def test_a_name_that_is_not_there_is_the_users_mistake(tmp_path, options, message):
    with pytest.raises(UsageError) as caught:
        selected(load(tmp_path), **options)
    assert caught.value.message == message
    assert "old, new" in caught.value.hint or "sums" in caught.value.hint


def test_a_rule_on_what_was_left_out_stays_so_that_no_gate_is_passed_without_it(tmp_path):
    rules = [{"metric": "words.exact", "at_least": 0.5}, {"metric": "sums.accuracy", "margin": 0.1}]
    spec = {"benchmarks": TWO, "decide": {"incumbent": "old", "rules": rules}}
    spec["benchmarks"] = [TWO[0], TWO[1] | {"scorers": [{"type": "exact", "metric": "exact"}]}]
    found = selected(load(tmp_path, **spec), models="new", benchmarks="sums")
    stored = tmp_path / "stored.yaml"
    stored.write_text(yaml.safe_dump(found.document))
    assert load_stored_spec(stored, {}, base=tmp_path).spec == found.spec
    assert [rule.metric for rule in found.spec.decide.rules] == ["words.exact", "sums.accuracy"]
