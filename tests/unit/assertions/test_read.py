"""Assertions that are wrong are refused by name and place."""

import shutil

import pytest
from tests.unit.assertions.asking import ask_all

from bakeoff.assertions import check_cases, counted_together, make, metrics, placed, settled, together
from bakeoff.assertions.cases import Settled, _gradable
from bakeoff.assertions.kinds import known_types
from bakeoff.assertions.make import Quick, Slow, at_once
from bakeoff.assertions.nodes import Check, Subject
from bakeoff.assertions.scorers import Assertions, AssertSet
from bakeoff.errors import DataError, PluginError
from bakeoff.records import Case, Choice, Grade, Sample


def refusal(*items, **options):
    with pytest.raises(PluginError) as caught:
        ask_all("x", *items, **options)
    return str(caught.value)


ONE = {"type": "contains", "value": "x"}


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ({"type": "contians", "value": "x"}, "Did you mean `contains`?"),
        ({"type": "llm-rubrik"}, "Did you mean `llm-rubric`?"),
        ({"type": "human"}, "`human` waits for a person"),
        ({"type": "not-webhook"}, "`webhook` asks a service"),
        ({"type": "ruby"}, "`ruby` runs Ruby"),
        ({"type": "assertions"}, "there is no assertion type `assertions`"),
        ({"type": "not-assert-set", "assert": [ONE]}, "there is no `not-assert-set`"),
        ({"value": "x"}, "an assertion needs a `type`"),
        ("contains", "an assertion needs a `type`"),
        (ONE | {"weight": -1}, "`weight` must not be below 0"),
        (ONE | {"weight": "much"}, "`weight` must be a number"),
        (ONE | {"weight": True}, "`weight` must be a number"),
        (ONE | {"metric": 3}, "`metric` must be a text"),
        (ONE | {"transform": ""}, "`transform` must be a text"),
        (ONE | {"transform": "output.split(',')"}, "runs code: set `allow_code: true`"),
        (ONE | {"allow_code": True}, "an assertion has no `allow_code`"),
        (ONE | {"base": "/"}, "an assertion has no `base`"),
        (ONE | {"valu": "x"}, "the options of `contains`"),
        ({"type": "python", "value": "True"}, "`python` runs code: set `allow_code: true`"),
        ({"type": "regex", "value": "("}, "is no regular expression"),
        ({"type": "regex", "value": "(a+)+$"}, "can take for ever"),
        ({"type": "assert-set", "assert": "x"}, "must be a list of assertions"),
        ({"type": "assert-set", "assert": [ONE], "valeu": 1}, "`assert-set` has no `valeu`."),
        ({"type": "assert-set", "assert": [ONE], "threshold": "x"}, "`threshold` must be a number"),
    ],
)
def test_a_mistake_is_told_with_its_place(item, told):
    message = refusal(ONE, item)
    assert told in message
    assert "assert[1]" in message


def test_a_mistake_inside_a_set_has_the_whole_place():
    inner = {"type": "assert-set", "assert": [ONE, {"type": "nothing"}]}
    assert "assert[1].assert[1]: there is no assertion type `nothing`" in refusal(ONE, inner)


def test_sets_do_not_stand_in_each_other_for_ever():
    item = ONE
    for _ in range(10):
        item = {"type": "assert-set", "assert": [item]}
    assert "too often" in refusal(item)


def test_code_that_is_no_python_is_refused():
    assert "the code is no Python" in refusal({"type": "python", "value": "if"}, allow_code=True)


def test_a_transform_of_another_kind_of_file_is_refused():
    told = refusal(ONE | {"transform": "file://x.rb"}, allow_code=True)
    assert "is no `.py`, `.js`, `.cjs` or `.mjs` file" in told


def test_empty_keys_are_no_keys():
    item = ONE | {"weight": None, "metric": None, "threshold": None, "transform": None}
    assert ask_all("x", item).passed is True


def test_every_type_but_the_holder_of_rows_may_stand_in_a_list():
    assert "contains" in known_types()
    assert "assertions" not in known_types()


def test_a_value_may_come_from_a_file(tmp_path):
    (tmp_path / "value.txt").write_text("abc\n")
    (tmp_path / "value.yaml").write_text("[abc, b]")
    (tmp_path / "value.json").write_text('["abc", "b"]')
    for name in ("value.txt", "value.yaml", "value.json"):
        kind = "contains-all" if name != "value.txt" else "equals"
        item = {"type": kind, "value": f"file://{name}"}
        assert ask_all("abc", item, base=str(tmp_path)).passed is True
    (tmp_path / "bad.json").write_text("{")
    for name, told in (
        ("no.txt", "cannot be read"),
        ("bad.json", "cannot be read"),
        ("x.py", "computes a value"),
    ):
        assert told in refusal({"type": "equals", "value": f"file://{name}"}, base=str(tmp_path))


def test_a_file_that_is_too_large_is_refused(tmp_path):
    with (tmp_path / "big.txt").open("wb") as file:
        file.truncate(10_000_001)
    assert "too large" in refusal({"type": "equals", "value": "file://big.txt"}, base=str(tmp_path))


def test_without_a_base_no_file_is_opened():
    made = AssertSet(assert_=[{"type": "is-json", "value": "file://schema.json"}])
    assert made.metric == "accuracy"
    assert make(Choice(type="assert-set", options={"assert": [ONE]})) == AssertSet(assert_=[ONE])


def test_an_empty_list_asserts_nothing_and_is_refused_as_a_set():
    assert "needs at least one assertion" in refusal()


def test_files_are_placed_where_the_spec_lies(tmp_path):
    transform = placed(Choice(type="contains", options={"transform": "file://a.py", "value": "x"}), tmp_path)
    assert transform.options["transform"] == f"file://{tmp_path}/a.py"
    script = placed(Choice(type="not-python", options={"value": "file://a.py:f", "base": "sub"}), tmp_path)
    assert script.options["base"] == f"{tmp_path}/sub"
    nowhere = Choice(type="nothing")
    assert placed(nowhere, tmp_path) is nowhere


def test_the_value_of_a_scorer_alone_may_come_from_a_file_too(tmp_path):
    (tmp_path / "value.txt").write_text("abc")
    choice = placed(Choice(type="equals", options={"value": "file://value.txt"}), tmp_path)
    sample = Sample(benchmark="b", case="c", target="t", outcome="ok")
    assert make(choice).grade("abc", Case(), sample).passed is True


def test_not_and_common_keys_make_a_scorer_around_the_scorer():
    assert isinstance(make(Choice(type="not-contains", options={"value": "x"})), Quick)
    assert isinstance(make(Choice(type="not-python", options={"value": "1", "allow_code": True})), Slow)
    script = {"value": "x", "transform": "file://a.py", "allow_code": True}
    assert isinstance(make(Choice(type="contains", options=script)), Slow)
    assert not isinstance(make(Choice(type="contains", options={"value": "x", "weight": 2.0})), Quick)
    with pytest.raises(PluginError, match="there is no `not-assertions`"):
        make(Choice(type="not-assertions"))
    with pytest.raises(PluginError, match="runs code"):
        make(Choice(type="contains", options={"transform": "output.split()"}))


def test_scorers_of_one_metric_that_have_weights_are_one():
    choices = [
        Choice(type="contains", options={"value": "a", "weight": 3.0}),
        Choice(type="not-contains", options={"value": "b", "weight": 1.0}),
        Choice(type="assert-set", options={"assert": [ONE | {"metric": "Tone"}], "weight": 0.0}),
    ]
    assert counted_together(choices)
    assert not counted_together([*choices, Choice(type="exact")])
    whole = together([(each, settled(make(each), [Case()])) for each in choices])
    sample = Sample(benchmark="b", case="c", target="t", outcome="ok")
    grade = whole.grade("a b", Case(), sample)
    assert (grade.passed, grade.parts[0].value) == (False, 0.75)
    assert [(p.metric, p.negated) for p in grade.parts[1:3]] == [("", False), ("", True)]
    assert {p.metric for p in grade.parts} == {"score", "", "Tone"}


def test_metrics_are_known_before_the_cases():
    inner = {"type": "assert-set", "metric": "Inner", "assert": [ONE | {"metric": "Tone"}]}
    choice = Choice(type="assert-set", options={"assert": [inner, ONE | {"metric": "{{x}}"}]})
    assert metrics(make(choice)) == ["accuracy", "score", "Inner", "Tone"]
    assert metrics(make(Choice(type="exact"))) == ["accuracy"]
    assert metrics(make(Choice(type="not-exact"))) == ["accuracy"]


def rows(*lists, field="assert"):
    return [Case(id=f"c{n}", line=n + 2, fields={field: each}) for n, each in enumerate(lists)]


def test_a_wrong_assertion_of_a_row_names_its_line():
    scorer = Assertions()
    with pytest.raises(DataError) as caught:
        check_cases({"assertions": scorer}, rows([ONE], [ONE, {"type": "contians"}]), "rows.jsonl")
    assert str(caught.value).startswith("rows.jsonl:3: assert[1]: there is no assertion type `contians`.")
    with pytest.raises(DataError, match="case `c`: `assert` must be a list"):
        check_cases({"assertions": scorer}, [Case(id="c", fields={"assert": 3})], "rows")


def test_a_row_can_never_allow_code():
    row = rows([{"type": "python", "value": "True", "allow_code": True}])
    for scorer in (Assertions(), Assertions(allow_code=True)):
        with pytest.raises(DataError, match="an assertion has no `allow_code`"):
            check_cases({"a": scorer}, row, "rows")
    with pytest.raises(DataError, match="runs code"):
        check_cases({"a": Assertions()}, rows([{"type": "python", "value": "True"}]), "rows")


def test_rows_may_hold_json_text_or_nothing():
    sample = Sample(benchmark="b", case="c", target="t", outcome="ok")
    texts = rows('[{"type": "contains", "value": "x"}]', "", None)
    scorer = settled(Assertions(), texts)
    assert isinstance(scorer, Settled)
    assert scorer.metric == "accuracy"
    assert [scorer.grade("y", case, sample).passed for case in texts] == [False, True, True]
    for wrong in ("[", "3", [float("nan"), object()], [{"type": "x" + "\ud800"}]):
        with pytest.raises(PluginError):
            Assertions().checks(rows(wrong)[0])


def test_rows_that_need_a_process_are_slow():
    slow = rows([{"type": "python", "value": "True"}])
    scorer = Assertions(allow_code=True)
    assert settled(scorer, slow) is scorer
    held = AssertSet(assert_=[{"type": "python", "value": "True"}], allow_code=True)
    assert settled(held, [Case()]) is held


def test_what_is_missing_is_told_before_the_run(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    for options in (
        {"value": "true", "allow_code": True},
        {"assert": [{"type": "javascript", "value": "true"}], "allow_code": True},
        {"assert": [ONE | {"transform": "output.split('')"}], "allow_code": True},
    ):
        kind = "assert-set" if "assert" in options else "javascript"
        with pytest.raises(PluginError, match="the scorer `js` cannot be used: it needs `node`"):
            check_cases({"js": make(Choice(type=kind, options=options))}, [], "")
    choice = Choice(type="not-python", options={"value": "file://no.py", "allow_code": True})
    with pytest.raises(PluginError, match="there is no file"):
        check_cases({"py": make(placed(choice, tmp_path))}, [Case()], "")


def test_the_quick_ones_among_assertions_are_tried_without_an_answer():
    scorer = Assertions(assert_=[{"type": "python", "value": "True"}], allow_code=True)
    cases = rows([{"type": "contains", "value": "{{gone}}"}], [ONE], [ONE | {"transform": "output.trim()"}])
    quick = check_cases({"a": scorer, "slow": make(Choice(type="exact"))}, cases, "rows")
    sample = Sample(benchmark="b", case="c", target="t", outcome="ok")
    assert quick["a"].metric == "accuracy"
    assert quick["a"].grade("", cases[0], sample).passed is None
    assert [quick["a"].grade("", case, sample).passed for case in cases[1:]] == [False, False]
    script = make(Choice(type="python", options={"value": "1", "allow_code": True}))
    assert check_cases({"p": script}, cases, "") == {}


def test_assertions_of_all_cases_are_tried_where_a_case_could_lack_something():
    items = [{"type": "is-json"}, {"type": "icontains"}, {"type": "contains", "value": "{{wanted}}"}]
    (tried,) = check_cases({"a": AssertSet(assert_=items)}, [Case()], "rows").values()
    sample = Sample(benchmark="b", case="c", target="t", outcome="ok")
    whole = tried.grade("", Case(reference="r", fields={"wanted": "w"}), sample)
    assert (whole.passed, whole.parsed) == (False, "")
    lacking = tried.grade("", Case(fields={"wanted": "w"}), sample)
    assert (lacking.passed, lacking.reason) == (None, "`icontains`: the case has no reference")
    lacking = tried.grade("", Case(reference="r"), sample)
    assert (lacking.passed, lacking.reason) == (None, "`contains`: the case has no `wanted`")


def test_a_scorer_that_takes_fields_for_granted_is_tried_on_the_cases_alone():
    class Granted:
        def grade(self, answer, case, sample):
            return Grade(value=1.0, passed=case.fields["yes"] == answer)

    check = Check(kind="granted", scorer=Granted())
    sample = Sample(benchmark="b", case="c", target="t", outcome="ok")
    assert not _gradable(check, Subject(answer="", case=Case(), sample=sample))
    assert _gradable(check, Subject(answer="", case=Case(fields={"yes": "x"}), sample=sample))


def test_a_quick_assertion_never_waits():
    async def pause():
        await other()

    class other:  # noqa: N801  something that is awaited and has no answer yet
        def __await__(self):
            yield

    with pytest.raises(RuntimeError, match="waited"):
        at_once(pause())
