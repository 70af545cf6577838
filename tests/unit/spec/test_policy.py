"""A policy file: the `decide` block alone, in place of a stored run's rule."""
# ruff: noqa: E501  a row of a table is one line

from decimal import Decimal

import pytest

from bakeoff.errors import SpecErrorGroup
from bakeoff.records import DecideSpec
from bakeoff.spec import dump, load_stored_spec, policy_schema

SPEC = """\
models:
  - {name: a, endpoint: "http://127.0.0.1:8000/v1"}
  - {name: b, endpoint: "http://127.0.0.1:8000/v1"}
benchmarks:
  - {name: q, dataset: cases.jsonl, scorers: [words]}
  - {name: imported, dataset: cases.jsonl}
decide: {incumbent: a, quality: {metric: q.accuracy}, level: 0.9}
"""
LINES = "incumbent: b\nslo: {ttft: 500ms}\nbudget: {usd_per_1k_requests: 2.50}\n"


@pytest.fixture
def under(tmp_path, load, write, catalog):
    """Return a function that reads the stored spec under a policy's text."""
    stored = tmp_path / "spec.yaml"
    stored.write_text(dump(load(SPEC)))

    def read(text: str | bytes, env=None) -> DecideSpec:
        path = tmp_path / "policy.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_stored_spec(
            stored, env or {}, base=tmp_path, for_requests=False, policy=path, catalog=catalog
        ).spec.decide

    return read


def test_the_file_is_the_block(under):
    rule = under(LINES)
    assert (rule.incumbent, rule.slo.ttft) == ("b", 0.5)
    assert rule.budget.usd_per_1k_requests == Decimal("2.50")


def test_nothing_of_the_old_rule_is_left(under):
    assert under("level: 0.99\n") == DecideSpec(level=0.99)


def test_the_block_may_stand_below_decide_as_in_a_spec(under):
    indented = "decide:\n" + "".join(f"  {line}\n" for line in LINES.splitlines())
    assert under(indented) == under(LINES)
    assert under(f"name: x\nmodels: []\n{indented}") == under(LINES)


def test_an_empty_decide_is_the_usual_rule(under):
    assert under("decide:\n") == DecideSpec()


def test_variables_are_filled_in(under):
    assert under("incumbent: ${OLD}\n", {"OLD": "b"}).incumbent == "b"


@pytest.mark.parametrize(
    ("text", "where", "said", "hint"),
    [
        ("incumbent: a\nslo: {ttfr: 1s}\n", "policy.yaml:2", "decide.slo.ttfr: unknown key. Did you mean", "ttft"),
        ("\nincumbnt: a\n", "policy.yaml:2", "decide.incumbnt: unknown key. Did you mean `incumbent`?", ""),
        ("incumbent: c\n", "policy.yaml:1", "decide.incumbent: no model is named `c`", "models: a, b"),
        ("quality: {metric: p.accuracy}\n", "policy.yaml:1", "`p.accuracy` refers to no benchmark", "q, imported"),
        ("quality: {metric: q.acuracy}\n", "policy.yaml:1", "has no quality metric `acuracy`", "accuracy"),
        ("rules:\n  - {metric: q.acc, at_least: 1}\n", "policy.yaml:2", "`q` has no metric `acc`", "known"),
        ("slo: {attainment: 2}\n", "policy.yaml:1", "must be at most 1", ""),
        ("decide: {level: 1}\nseed: 3\nincumbent: a\n", "policy.yaml:3", "unknown key beside `decide`", "below `decide`"),
        ("decide: {}\nmodls: 3\n", "policy.yaml:2", "Did you mean `models`?", "known"),
        ("", "policy.yaml:1", "the file is empty", "what would stand under `decide:`"),
        ("- a\n", "policy.yaml:1", "must be a mapping of keys, not a list", "what would stand under `decide:`"),
        ("a: b: c\n", "policy.yaml:1", "a `:` stands where no value can start", "quotes"),
        ("decide: 3\n", "policy.yaml:1", "decide: expected a mapping, got the number `3`", "incumbent"),
        (b"incumbent: \xff\n", "policy.yaml", "the text is not UTF-8", ""),
        (b"a: " + b"x" * 1_000_001, "policy.yaml", "too large", ""),
    ],
)  # fmt: skip
def test_a_mistake_names_the_policys_line_and_the_fix(under, text, where, said, hint):
    with pytest.raises(SpecErrorGroup) as caught:
        under(text)
    error = next(each for each in caught.value.errors if said in each.message)
    assert error.where.endswith(where)
    assert hint in error.hint


def test_a_policy_that_is_not_there_is_said(tmp_path, load, write, catalog):
    stored = tmp_path / "spec.yaml"
    stored.write_text(dump(load(SPEC)))
    with pytest.raises(SpecErrorGroup, match="the policy cannot be read: No such file"):
        load_stored_spec(stored, {}, base=tmp_path, policy=tmp_path / "no.yaml", catalog=catalog)


def test_another_tools_metric_of_an_imported_run_is_not_asked_for_its_scorer(under):
    assert under("quality: {metric: imported.acc_norm}\n").quality.metric == "imported.acc_norm"


def test_a_months_traffic_may_come_from_elsewhere(under):
    assert under("budget: {usd_per_month: 5}\n").traffic is None


def test_the_schema_takes_both_forms_and_refuses_a_typo(catalog):
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(policy_schema(catalog))
    good = {"incumbent": "a", "slo": {"ttft": "500ms"}, "traffic": "5/s", "race": True}
    rules = {"rules": [{"metric": "q.ttft.p95", "at_most": "2s"}]}
    for document in (good, {"decide": good}, rules, {"name": "x", "decide": rules}):
        assert validator.is_valid(document)
    for document in (
        {"incumbnt": "a"},
        {"decide": {"slo": {"ttfr": 1}}},
        {"rules": [{"metric": "m", "at_most": "2 parsecs"}]},
    ):
        assert not validator.is_valid(document)
