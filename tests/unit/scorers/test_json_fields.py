import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.plugins import PluginError, create
from bakeoff.records import Case, Sample
from bakeoff.scorers.json_fields import JsonFields

SAMPLE = Sample(benchmark="b", case="c", target="t", outcome="ok")
ORDER = {"id": 7, "items": [{"name": "tea", "n": 2}, {"name": "Milk"}], "none": [], "a.b": 1}


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        (
            '{"id": 7, "items": [{"name": "tea", "n": 2}, {"name": "Milk"}], "none": [], "a.b": 1, "c": 1}',
            1.0,
        ),
        ('so: ```{"id": 7, "items": [{"name": "tea"}], "none": [], "a.b": 1}```', 4 / 6),
        ('{"id": "7"}', 0.0),
        ("{}", 0.0),
    ],
)
def test_the_share_of_right_fields_counts(grade, answer, share):
    result = grade(JsonFields(), answer, ORDER)
    assert result.value == pytest.approx(share)
    assert result.passed is (share == 1.0)


def test_fields_may_be_named_by_path(grade):
    scorer = JsonFields(value={"items.1.name": "milk"}, ignore_case=True)
    assert grade(scorer, '{"items": [{}, {"name": "MILK"}]}').passed
    assert not grade(scorer, '{"items": [{"name": "MILK"}]}').passed
    assert not grade(scorer, '{"items": 5}').passed
    assert grade(JsonFields(value={"items.0": 1}), '{"items": [1]}').passed


def test_numbers_may_differ_by_the_tolerance(grade):
    scorer = JsonFields(value={"a": 1.0, "b": True}, tolerance=0.1)
    assert grade(scorer, '{"a": 1.05, "b": true}').passed
    assert grade(scorer, '{"a": 1.2, "b": true}').value == 0.5
    assert grade(scorer, '{"a": 1.0, "b": 1}').value == 0.5


def test_a_threshold_lets_some_be_wrong(grade):
    assert grade(JsonFields(value={"a": 1, "b": 2}, threshold=0.5), '{"a": 1}').passed


@pytest.mark.parametrize("answer", ["", "no", "[1]", '"a"', '{"a"'])
def test_an_answer_without_an_object_is_unparsable(grade, answer):
    result = grade(JsonFields(), answer, {"a": 1})
    assert (result.value, result.passed, result.parsed) == (None, False, None)


@pytest.mark.parametrize("reference", [None, "text", 5, [], {}, "{}"])
def test_a_case_without_fields_has_no_grade(grade, reference):
    assert grade(JsonFields(), '{"a": 1}', reference).passed is None


def test_a_reference_may_be_json_text_and_a_value_names_fields(grade):
    assert grade(JsonFields(), '{"a": 1}', '{"a": 1}').passed
    with pytest.raises(PluginError, match="names no field"):
        create("scorers", "json-fields", {"value": {}})


@given(st.dictionaries(st.text("ab.", min_size=1), st.integers() | st.text("x\ud800"), min_size=1))
def test_a_flat_object_equals_itself(fields):
    import json

    result = JsonFields(value=fields).grade(json.dumps(fields), Case(), SAMPLE)
    assert result.passed
    assert result.reason.encode()
