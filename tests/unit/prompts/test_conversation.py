"""Conversations of templates: the `messages` of a prompt."""

import pytest

from bakeoff.errors import TemplateError
from bakeoff.prompts import PromptRenderer
from bakeoff.prompts.conversation import compile_messages
from bakeoff.records import Case, Message, PromptSpec, Sampling

TURNS = [
    {"role": "system", "content": "Be {{tone}}."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello {{name}}"},
    {"role": "user", "content": "{{q}}"},
]
CASE = Case(id="1", fields={"tone": "kind", "name": "Ann", "q": "2+2?"})


def renderer(**spec):
    form = spec.pop("form", "chat")
    return PromptRenderer(PromptSpec(**spec), form=form, sampling=Sampling())


def test_every_turn_is_filled_in():
    assert [turn.content for turn in renderer(messages=TURNS).render(CASE).messages] == [
        "Be kind.",
        "Hi",
        "Hello Ann",
        "2+2?",
    ]


def test_examples_and_the_cases_own_turns_stand_before():
    case = Case(id="1", fields=CASE.fields, messages=(Message(role="user", content="before"),))
    shots = [{"input": "1+1?", "answer": "2"}]
    contents = [turn.content for turn in renderer(messages=TURNS[-1:], few_shot=shots).render(case).messages]
    assert contents == ["1+1?", "2", "before", "2+2?"]


def test_the_completion_form_writes_the_turns_out():
    prompt = renderer(messages=TURNS, form="completion").render(CASE).prompt
    assert prompt == "Be kind.\n\nQ: Hi\nA: Hello Ann\n\nQ: 2+2?\nA:"


def test_texts_inside_parts_are_filled_in():
    picture = {"type": "image_url", "image_url": {"url": "data:{{name}}", "n": 3}}
    fill = compile_messages([{"role": "user", "content": [{"type": "text", "text": "{{q}}"}, picture]}], "")
    (turn,) = fill(CASE.fields)
    assert turn.content == [
        {"type": "text", "text": "2+2?"},
        {"type": "image_url", "image_url": {"url": "data:Ann", "n": 3}},
    ]


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        ({"role": "user", "content": "x", "name": "y"}, "a turn has no `name` here"),
        ({"role": "robot", "content": "x"}, "has the role `robot`"),
        ({"content": "x"}, "has the role `None`"),
        ({"role": "user"}, "is text or a list of parts"),
        ({"role": "user", "content": "{{"}, "cannot be read"),
    ],
)
def test_a_wrong_turn_is_named_by_its_number(turn, said):
    with pytest.raises(TemplateError, match=said) as caught:
        compile_messages([TURNS[0], turn], "messages")
    assert caught.value.where.startswith("messages 2")


def test_a_field_that_a_turn_wants_and_the_row_lacks():
    with pytest.raises(TemplateError, match="asks for `tone`"):
        renderer(messages=TURNS).check([Case(id="1", fields={"q": "x"})])
