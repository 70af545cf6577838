import json
from random import Random

import pytest

from bakeoff.datasets.sharegpt import ShareGpt
from bakeoff.errors import DataError
from bakeoff.records import Message

LONG = [
    ("system", "be kind"),
    ("gpt", "hello"),
    ("human", "q1"),
    ("gpt", "a1"),
    ("human", "q2"),
    ("chatgpt", "a2"),
    ("user", "q3"),
]


def conversation(turns):
    return {"id": "x", "conversations": [{"from": who, "value": text, "extra": 1} for who, text in turns]}


@pytest.fixture(params=["list", "lines"])
def cases(request, tmp_path):
    def reading(*conversations, seed=0, **options):
        rows = [conversation(turns) for turns in conversations]
        text = json.dumps(rows, indent=1)
        if request.param == "lines":
            text = "\n\n".join(json.dumps(row) for row in rows)
        (tmp_path / "c.json").write_text(text)
        return list(ShareGpt(path="c.json", **options).cases(tmp_path, Random(seed)))

    return reading


def test_the_first_human_turn_is_asked_alone(cases):
    first, second = cases(LONG, [("human", "q")])
    assert first.fields == {"prompt": "q1", "reply": "a1", "system": "be kind"}
    assert second.fields == {"prompt": "q"}
    assert (first.messages, first.reference) == ((), None)


def test_the_history_holds_the_recorded_answers_up_to_the_last_human_turn(cases):
    (case,) = cases([*LONG, ("gpt", "a3")], turns="history")
    assert [(m.role, m.content) for m in case.messages] == [
        ("system", "be kind"),
        ("user", "q1"),
        ("assistant", "a1"),
        ("user", "q2"),
        ("assistant", "a2"),
        ("user", "q3"),
    ]
    assert case.fields == {"prompt": "q3", "reply": "a3", "system": "be kind"}


def test_live_turns_follow_one_another_with_pauses(cases):
    one, two, three, other = cases(LONG, [("human", "q")], turns="live", think=2.5)
    assert [case.fields["prompt"] for case in (one, two, three, other)] == ["q1", "q2", "q3", "q"]
    assert [case.follows for case in (one, two, three, other)] == [None, one.id, two.id, None]
    assert [case.think_s for case in (one, two, three, other)] == [0, 2.5, 2.5, 0]
    assert [case.cluster for case in (one, other)] == ["conversation-000001", "conversation-000002"]


def test_conversations_without_a_human_turn_are_left_out(cases):
    assert [case.fields["prompt"] for case in cases([], [("gpt", "a")], [("human", "q")])] == ["q"]
    with pytest.raises(DataError, match="no conversations with a human turn"):
        cases([("gpt", "a")])


def test_output_lengths_can_be_asked_for(cases):
    assert cases([("human", "q")], output_tokens=9)[0].output_tokens == 9


def test_an_unknown_speaker_is_refused(cases):
    with pytest.raises(DataError, match="a turn is from `tool`") as caught:
        cases([("human", "q")], [("human", "q"), ("tool", "t")])
    assert "c.json" in caught.value.where
    assert "human" in caught.value.hint


def test_rows_of_json_lines_have_their_line(tmp_path):
    rows = [json.dumps(conversation([("human", "q")])) for _ in range(2)]
    (tmp_path / "c.jsonl").write_text("\n".join(["", rows[0], "", rows[1]]))
    assert [case.line for case in ShareGpt(path="c.jsonl").cases(tmp_path, Random(0))] == [2, 4]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"conversations": [{"from": "human"}]}', "c.jsonl:1"),
        ('\n{"conversations": 5}', "c.jsonl:2"),
        ("\n[{}, 5]", "c.jsonl"),
        ("[{}", "c.jsonl"),
    ],
)
def test_what_is_no_conversation_is_refused_with_its_place(tmp_path, text, where):
    (tmp_path / "c.jsonl").write_text(text)
    with pytest.raises(DataError, match="no conversation") as caught:
        list(ShareGpt(path="c.jsonl").cases(tmp_path, Random(0)))
    assert caught.value.where.endswith(where)


def test_messages_are_records(cases):
    (case,) = cases([("human", "q")], turns="history")
    assert case.messages == (Message(role="user", content="q"),)
