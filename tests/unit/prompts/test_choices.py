"""Multiple choice rows in their usual forms become one form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.prompts import row_hash
from bakeoff.prompts.mapping import map_row
from bakeoff.records import Case
from bakeoff.records.spec import FieldsSpec

ARC = {"text": ["cold", "warm", "hot", "mild"], "label": ["1", "2", "3", "4"]}


def mapped(**fields):
    return map_row(Case(fields=fields), FieldsSpec(), "x:1")


@pytest.mark.parametrize(
    ("choices", "answer"),
    [
        (ARC, {"answerKey": "3"}),
        (ARC | {"label": ["A", "B", "C", "D"]}, {"answerKey": "C"}),
        (ARC["text"], {"answer": 2}),
        (ARC["text"], {"answer": "C"}),
        (ARC["text"], {"answer": "hot"}),
        (ARC["text"], {"answer": "2"}),
        ('["cold", "warm", "hot", "mild"]', {"label": "2"}),
        ('{"text": ["cold", "warm", "hot", "mild"], "label": ["a", "b", "c", "d"]}', {"answerKey": "c"}),
    ],
)
def test_every_form_names_the_third_choice(choices, answer):
    case = mapped(question="q", choices=choices, **answer)
    assert case.fields["choices"] == ["cold", "warm", "hot", "mild"]
    assert case.reference == "C"
    assert case.accepted == ("hot",)


def test_a_choice_that_is_a_number_is_meant_before_an_index():
    assert mapped(choices=["0", "1", "2", "10"], answer="2").accepted == ("2",)
    assert mapped(choices=["7", "8"], answer="1").accepted == ("8",)


def test_choices_that_are_no_texts_stay_as_they_are():
    assert mapped(choices="none", answer="x").fields["choices"] == "none"
    assert mapped(choices={"k": 1}, answer="x").fields["choices"] == {"k": 1}


def test_usual_names_of_the_right_answer():
    assert mapped(input="x", ground_truth="a").reference == "a"
    assert mapped(input="x", expected_answer="a").reference == "a"


def test_accepted_json_texts_stay_texts():
    assert mapped(input="x", accepted='{"a": 1}').accepted == ('{"a": 1}',)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, min_size=1), st.randoms())
def test_ids_by_content_do_not_depend_on_the_order_of_keys(row, rng):
    def shuffled(value):
        if isinstance(value, dict):
            keys = list(value)
            rng.shuffle(keys)
            return {key: shuffled(value[key]) for key in keys}
        return [shuffled(each) for each in value] if isinstance(value, list) else value

    assert row_hash(shuffled(row)) == row_hash(row)
