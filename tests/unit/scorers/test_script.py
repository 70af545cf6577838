"""Scripts of users: what they are given, what they may return, and what it means."""

import ast
import asyncio
import shutil

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.assertions import make
from bakeoff.records import Case, Choice, Grade, Sample, Usage
from bakeoff.sandbox import Reply
from bakeoff.scorers import _script
from bakeoff.scorers.javascript import JavaScript
from bakeoff.scorers.python import Python

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
SAMPLE = Sample(
    benchmark="b", case="c", target="t", outcome="ok", text="abc", thinking="hm", usage=Usage(completion=3)
)


def judged(value, threshold=None):
    return _script.grade_of(Reply(outcome="ok", value=value), "Python", threshold)


def python(code, answer="abc", case=None, **options):
    scorer = Python(value=code, allow_code=True, **options)
    return asyncio.run(scorer.grade(answer, case or Case(), SAMPLE))


@pytest.mark.parametrize(
    ("result", "threshold", "passed", "value"),
    [
        (True, None, True, 1.0),
        (False, None, False, 0.0),
        (True, 2.0, True, 1.0),
        ("true", None, True, 1.0),
        (" False ", None, False, 0.0),
        (0.4, None, True, 0.4),
        (0, None, False, 0.0),
        (0.4, 0.5, False, 0.4),
        (0.5, 0.5, True, 0.5),
        (7, 5.0, True, 1.0),
        (-2, None, False, 0.0),
        ("0.75 of it", None, True, 0.75),
        ({"pass": True, "score": 0.3, "reason": "r"}, None, True, 0.3),
        ({"pass_": True, "score": 0.3, "reason": "r"}, None, True, 0.3),
        ({"pass": True, "score": 0.3, "reason": "r"}, 0.5, False, 0.3),
        ({"pass": False, "score": 1, "reason": ""}, None, False, 1.0),
        ('{"pass": false, "score": 0, "reason": ""}', None, False, 0.0),
    ],
)
def test_a_result_means_what_it_means_in_promptfoo(result, threshold, passed, value):
    grade = judged(result, threshold)
    assert (grade.passed, grade.value) == (passed, value)
    assert grade.reason


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (None, "it returned null"),
        ([1], "it returned [1]"),
        ("yes", 'it returned the text "yes"'),
        ("1e999", "it returned the text"),
        ("{no json", "it returned a text that is no JSON"),
        ({"score": 1, "reason": "r"}, "its `pass` is not true or false"),
        ({"pass": "true", "score": 1, "reason": "r"}, "its `pass` is not true or false"),
        ({"pass": True, "reason": "r"}, "its `score` is no number"),
        ({"pass": True, "score": True, "reason": "r"}, "its `score` is no number"),
        ({"pass": True, "score": 1}, "its `reason` is no text"),
        ({"pass": True, "score": 1, "reason": "", "namedScores": {"a": "b"}}, "no number for `a`"),
    ],
)
def test_any_other_result_is_no_grade_and_says_why(result, told):
    grade = judged(result)
    assert (grade.passed, grade.value, grade.failed) == (None, None, True)
    assert told in grade.reason
    assert (_script.as_failure(grade).passed, _script.as_failure(grade).value) == (False, 0.0)


@pytest.mark.parametrize(
    ("outcome", "value"), [("error", 0.0), ("timeout", None), ("ended", None), ("refused", None)]
)
def test_a_script_that_fails_says_nothing_of_the_answer_but_as_an_assertion_of_promptfoo(outcome, value):
    failed = _script.grade_of(Reply(outcome=outcome, error="KeyError: 'x'"), "Python", None)
    assert (failed.value, failed.passed, failed.failed) == (None, None, True)
    assert "KeyError: 'x'" in failed.reason
    assertion = _script.as_failure(failed)
    assert (assertion.value, assertion.passed, assertion.failed) == (value, False, False)
    assert assertion.reason == failed.reason


def test_the_same_error_counts_differently_alone_and_in_a_set():
    options = {"value": "1 / 0", "allow_code": True}
    alone = make(Choice(type="python", options=options))
    negated = make(Choice(type="not-python", options=options))
    member = {"type": "python", "value": "1 / 0"}
    in_set = make(Choice(type="assert-set", options={"assert": [member], "allow_code": True}))
    found = [asyncio.run(each.grade("abc", Case(), SAMPLE)) for each in (alone, negated, in_set)]
    assert [(each.passed, each.failed) for each in found] == [(None, True), (None, True), (False, False)]
    assert all("ZeroDivisionError" in each.reason for each in found)


@given(
    st.one_of(
        st.booleans(),
        st.floats(-9, 9),
        st.fixed_dictionaries(
            {"pass": st.booleans(), "score": st.floats(-9, 9), "reason": st.sampled_from(["", "r"])}
        ),
    ),
    st.sampled_from([None, 0.0, 0.5]),
)
def test_not_turns_every_judgement_and_no_error(result, threshold):
    grade = judged(result, threshold)
    assert _script.negated(grade).passed is (not grade.passed)
    assert _script.negated(_script.negated(grade)).passed is grade.passed
    failed = judged("no result")
    assert _script.negated(failed) == failed
    unknown = Grade(value=None, passed=None, parsed="x")
    assert _script.negated(unknown) is unknown


def test_a_score_out_of_range_is_kept_beside_the_value():
    grade = judged({"pass": True, "score": 5, "reason": "r", "named_scores": {"Tone": 0.5}})
    assert grade.value == 1.0
    assert [(part.metric, part.value) for part in grade.parts] == [("", 5.0), ("Tone", 0.5)]
    assert [part.passed for part in _script.negated(grade).parts] == [False, None]


def test_named_scores_may_have_weights():
    named = {"namedScores": {"a": 1, "b": 0.5}, "namedScoreWeights": {"a": 3, "b": -1}}
    grade = judged({"pass": True, "score": 1, "reason": "r"} | named)
    assert [(part.metric, part.weight) for part in grade.parts] == [("a", 3.0), ("b", 0.0)]


def test_a_long_reason_is_cut():
    assert len(judged({"pass": True, "score": 1, "reason": "x" * 9000}).reason) < 1000


def test_a_script_sees_the_case_and_the_answer():
    case = Case(fields={"q": "?", "assert": [], "__metadata": {"m": 1}}, reference=4)
    found = _script.context(case, SAMPLE, {"k": 2})
    assert found["vars"] == {"q": "?"}
    assert (found["config"], found["reference"], found["metadata"]) == ({"k": 2}, 4, {"m": 1})
    assert found["test"] == {"vars": {"q": "?"}, "metadata": {"m": 1}}
    assert found["providerResponse"]["tokenUsage"]["completion"] == 3
    assert found["providerResponse"]["reasoning"] == "hm"
    msgspec.json.encode(found)


def test_placeholders_in_code_stand_for_fields():
    case = Case(fields={"a": "x", "n": 3, "o": {"p": [1]}})
    code = "'{{a}}' in output and {{ n }} < 4 and {{o.p}} and {{gone}} and {{o.q}} and f'{{}}'"
    assert (
        _script.filled(code, case, "python")
        == "'x' in output and 3 < 4 and [1] and {{gone}} and {{o.q}} and f'{{}}'"
    )


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.sampled_from(["'", '"']))
def test_no_row_of_data_becomes_code(text, quote):
    code = _script.filled(f"{quote}{{{{t}}}}{quote}", Case(fields={"t": text}), "python")
    assert ast.literal_eval(code) == text


@needs_node
@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.sampled_from(["'", '"', "`"]))
def test_no_row_of_data_becomes_javascript(text, quote):
    scorer = JavaScript(value=f"{quote}{{{{t}}}}{quote} === context.vars.t", allow_code=True)
    assert asyncio.run(scorer.grade("", Case(fields={"t": text}), SAMPLE)).passed is True


def test_code_needs_leave_and_must_be_code():
    with pytest.raises(ValueError, match="set `allow_code: true`"):
        Python(value="True")
    with pytest.raises(ValueError, match="set `allow_code: true`"):
        JavaScript(value="true")
    with pytest.raises(ValueError, match="needs code"):
        Python(value=" ", allow_code=True)
    for code in ("if", "return 1", "x = (\ny", "x\0y"):
        with pytest.raises(ValueError, match="the code is no Python"):
            Python(value=code, allow_code=True)
    for code in ("if {{x}}", "file://check.py", "  x = 1\n  return x", "output == 'a'\n"):
        Python(value=code, allow_code=True)


def test_an_expression_may_end_with_a_new_line():
    assert python("output == 'abc'\n").passed is True


def test_a_file_is_called_with_its_config(tmp_path):
    (tmp_path / "check.py").write_text(
        "def get_assert(output, context):\n"
        "    return {'pass': True, 'score': context['config']['s'], 'reason': output}\n"
    )
    grade = python("file://check.py", base=str(tmp_path), config={"s": 0.25})
    assert (grade.passed, grade.value, grade.reason) == (True, 0.25, "abc")
    assert Python(value="file://no.py", allow_code=True, base=str(tmp_path)).missing()


def test_limits_hold():
    assert python("__import__('time').sleep(60)", timeout=0.5).value is None
    assert "MemoryError" in python("len(bytearray(10**9))", memory_mb=256).reason


@needs_node
def test_javascript_grades_like_python():
    scorer = JavaScript(
        value="({pass: output === '{{a}}', score: 0.5, reason: context.vars.a})", allow_code=True
    )
    grade = asyncio.run(scorer.grade("it's", Case(fields={"a": "it's"}), SAMPLE))
    assert (grade.passed, grade.value, grade.reason) == (True, 0.5, "it's")
    assert scorer.negated(grade).passed is False
    assert not scorer.missing()
