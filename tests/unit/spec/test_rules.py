"""The decision rule in YAML: rates and times as text, and every mistake with its line and fix."""
# ruff: noqa: E501  a row of a table is one line

import pytest

from bakeoff.records.rule import MetricRule, RaceRule

GOOD = """\
models:
  - name: a
    endpoint: http://127.0.0.1:8000/v1
benchmarks:
  - {name: q, dataset: cases.jsonl, scorers: [words]}
  - {name: load.one, dataset: cases.jsonl, measured: true}
decide:
"""


def rule(load, *lines: str):
    return load(GOOD + "".join(f"  {line}\n" for line in lines)).spec.decide


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.5", 0.5), ("300ms", 0.3), ("2s", 2.0), ("1m", 60.0), ("5/s", 5.0), ("30/min", 0.5), ("-1", -1.0)],
)
def test_a_bound_takes_numbers_times_and_rates(load, text, value):
    (found,) = rule(load, f"rules: [{{metric: q.accuracy, at_most: {text}}}]").rules
    assert found == MetricRule(metric="q.accuracy", at_most=value)


@pytest.mark.parametrize(("text", "value"), [("5/s", 5.0), ("300/min", 5.0), ("7200/h", 2.0), ("0.5", 0.5)])
def test_traffic_is_a_rate(load, text, value):
    assert rule(load, f"traffic: {text}").traffic == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("{}", RaceRule()),
        ("{step: 5, margin: 0.02}", RaceRule(step=5, margin=0.02)),
        ("{method: obrien_fleming, looks: 3}", RaceRule(method="obrien_fleming", looks=3)),
    ],
)
def test_a_race_is_a_switch_or_its_options(load, text, value):
    assert rule(load, f"race: {text}").race == value


@pytest.mark.parametrize(
    "metric",
    [
        "q.accuracy",
        "q.accuracy_answered",
        "q.accuracy_pass_at_4",
        "q.accuracy@category=easy",
        "load.one.goodput",
    ],
)
def test_metrics_of_grades_slices_repeats_and_loads_are_known(load, metric):
    (found,) = rule(load, f"rules: [{{metric: '{metric}', at_least: 0.5}}]").rules
    assert found.metric == metric


@pytest.mark.parametrize(
    ("line", "said", "hint"),
    [
        ("traffic: fast", "decide.traffic: expected a rate, got the text `fast`", "`5/s`"),
        ("traffic: 0", "decide.traffic: must be more than 0", ""),
        ("traffic: 5/day", "decide.traffic: expected a rate", "`300/min`"),
        ("race: yes please", "decide.race: expected `true` or `false`", ""),
        ("race: {methd: anytime}", "decide.race.methd: unknown key. Did you mean `method`?", "step"),
        ("race: {method: bayes}", "decide.race.method: expected one of `anytime`", ""),
        ("race: {looks: 1}", "decide.race.looks: must be at least 2", ""),
        ("race: {margin: 3}", "decide.race.margin: must be at most 1", "`0.03`"),
        ("rules: {metric: q.accuracy}", "decide.rules: expected a list", "- "),
        ("rules: [q.accuracy]", "decide.rules[0]: expected a mapping", "metric"),
        ("rules: [{at_least: 0.5}]", "decide.rules[0]: missing required key `metric`", ""),
        ("rules: [{metric: q.accuracy}]", "decide.rules[0]: it asks for nothing", "`margin`"),
        ("rules: [{metric: q.accuracy, at_lest: 1}]", "at_lest: unknown key. Did you mean `at_least`?", ""),
        ("rules: [{metric: q.accuracy, at_least: high}]", "rules[0].at_least: expected a number, got the text", ""),
        ("rules: [{metric: q.accuracy, at_least: 80%}]", "rules[0].at_least: expected a number", "`0.8`"),
        ("rules: [{metric: q.accuracy, at_least: .nan}]", "expected a finite number", ""),
        ("rules: [{metric: q.accuracy, margin: -1}]", "rules[0].margin: must be at least 0", ""),
        ("rules: [{metric: q.accuracy, at_least: 2, at_most: 1}]", "nothing is at least 2 and at most 1", "swap"),
        ("rules: [{metric: q.accuracy, margin: 0.1}]", "rules[0].margin: a margin is a loss against", "decide.incumbent"),
        ("rules: [{metric: p.accuracy, at_least: 1}]", "rules[0].metric: `p.accuracy` refers to no benchmark", "q"),
        ("rules: [{metric: qq.accuracy, at_least: 1}]", "Did you mean `q`?", "write `BENCHMARK.METRIC`"),
        ("rules: [{metric: q.acuracy, at_least: 1}]", "`q` has no metric `acuracy`. Did you mean `accuracy`?", "known"),
        ("rules: [{metric: load.one.ttft.p42, at_most: 1}]", "`load.one` has no metric `ttft.p42`", "known"),
        ("budget: {usd_per_1k_requests: -1}", "usd_per_1k_requests: a budget is not negative", ""),
        ("budget: {usd_per_1k_successes: $2}", "expected a decimal number", "without a currency sign"),
        ("budget: {usd_per_month: 100}", "what a month costs depends on the traffic", "add `decide.traffic: 5/s`"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_rule_names_line_path_and_fix(mistakes, line, said, hint):
    found = mistakes(GOOD + f"  {line}\n")
    assert [error.partition(" ")[0] for error in found] == ["bakeoff.yaml:8"] * len(found)
    error = next(each for each in found if said in each)
    assert hint in error.partition(" | ")[2]


def test_what_could_not_be_read_is_told_once(mistakes):
    (error,) = mistakes(GOOD + "  rules: [{metric: q.accuracy, at_least: high}]\n")
    assert "got the text `high`" in error


def test_a_month_with_its_traffic_is_no_mistake(load):
    found = rule(load, "traffic: 5/s", "budget: {usd_per_month: 100}")
    assert (found.traffic, str(found.budget.usd_per_month)) == (5.0, "100")


def test_a_time_needs_a_percentile_to_be_held_to_a_bound(tmp_path):
    from bakeoff.errors import SpecErrorGroup
    from bakeoff.spec import load_spec

    (tmp_path / "cases.jsonl").write_text('{"input": "a"}\n')
    path = tmp_path / "bakeoff.yaml"
    rules = "  incumbent: a\n  rules:\n    - {metric: load.one.ttft, at_most: 1s}\n"
    path.write_text(GOOD.replace("words", "exact") + rules + "    - {metric: load.one.ttft, margin: 10ms}\n")
    with pytest.raises(SpecErrorGroup) as caught:
        load_spec(path, {})
    (error,) = caught.value.errors
    assert error.where == "bakeoff.yaml:10"
    assert "`load.one.ttft` has no one value: name a percentile" in error.message
    assert "`load.one.ttft.p95`" in error.hint


def test_a_percentile_and_a_loss_of_the_mean_are_known(tmp_path):
    from bakeoff.spec import load_spec

    (tmp_path / "cases.jsonl").write_text('{"input": "a"}\n')
    path = tmp_path / "bakeoff.yaml"
    rules = "  incumbent: a\n  rules:\n    - {metric: load.one.ttft.p95, at_most: 1s}\n"
    path.write_text(GOOD.replace("words", "exact") + rules + "    - {metric: load.one.ttft, margin: 10ms}\n")
    assert [one.at_most for one in load_spec(path, {}).spec.decide.rules] == [1.0, None]
