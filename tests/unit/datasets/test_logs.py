"""Gateway logs and OpenTelemetry records become the conversations that were asked."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bakeoff.datasets.gateway import Gateway
from bakeoff.datasets.otel import OtelLogs
from bakeoff.errors import DataError
from bakeoff.records import Case

USER = {"role": "user", "content": "2+2?"}
ANSWER = {"choices": [{"message": {"role": "assistant", "content": "4"}}], "model": "m-1"}


def gateway(tmp_path: Path, *rows: Any, **options: Any) -> list[Case]:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return list(Gateway(path="log.jsonl", **options).cases(tmp_path, Random(1)))


def otel(tmp_path: Path, *rows: Any, **options: Any) -> list[Case]:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return list(OtelLogs(path="log.jsonl", **options).cases(tmp_path, Random(1)))


GATEWAYS = {
    "litellm": {"id": "1", "messages": [USER], "response": ANSWER, "model": "gpt", "status": "success"},
    "helicone": {
        "request_id": "1",
        "request_body": json.dumps({"messages": [USER]}),
        "response_body": json.dumps(ANSWER),
    },
    "nested": {"id": 1, "request": {"body": {"messages": [USER]}}, "response": {"body": ANSWER}},
    "batch": {
        "custom_id": "1",
        "body": {"messages": [USER], "model": "m-1"},
        "response": {"body": {"choices": [{"text": "4"}]}},
    },
    "completion": {
        "id": "1",
        "request": {"prompt": "2+2?", "model": "m-1"},
        "response": {"choices": [{"text": "4"}]},
    },
    "responses": {
        "id": "1",
        "request": {"input": [{"role": "user", "content": [{"type": "input_text", "text": "2+2?"}]}]},
        "response": {
            "model": "m-1",
            "output": [{"type": "reasoning"}, {"content": [{"type": "output_text", "text": "4"}]}],
        },
    },
    "anthropic": {
        "id": "1",
        "request": {"messages": [{"role": "user", "content": [{"type": "text", "text": "2+2?"}]}]},
        "response": {"model": "m-1", "content": [{"type": "text", "text": "4"}]},
    },
    "plain": {"id": "1", "input": "2+2?", "output": "4", "model": "m-1"},
    "chat as input": {"id": "1", "input": {"messages": [USER]}, "output": "4", "model": "m-1"},
}


@pytest.mark.parametrize("name", GATEWAYS)
def test_a_gateways_row_is_what_was_asked(tmp_path, name):
    (case,) = gateway(tmp_path, GATEWAYS[name])
    assert case.id == "1"
    assert [(turn.role, turn.content) for turn in case.messages] == [("user", "2+2?")]
    assert case.fields == {"input": "2+2?", "logged_answer": "4", "logged_model": "m-1"}
    assert case.reference is None
    assert case.line == 1


def test_system_texts_and_several_turns_are_kept(tmp_path):
    turns = [{"role": "human", "content": "a"}, {"role": "ai", "content": "b"}, USER]
    (case,) = gateway(tmp_path, {"request": {"system": "s", "messages": turns}})
    assert [turn.role for turn in case.messages] == ["system", "user", "assistant", "user"]
    assert case.fields == {"input": "2+2?"}


def test_pictures_stay_parts(tmp_path):
    picture = {"type": "image_url", "image_url": {"url": "data:x"}}
    (case,) = gateway(
        tmp_path,
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "what"}, picture, "?"]}]},
    )
    assert case.messages[0].content == [
        {"type": "text", "text": "what"},
        picture,
        {"type": "text", "text": "?"},
    ]


def test_the_logged_answer_is_the_reference_when_asked(tmp_path):
    rows = [GATEWAYS["plain"], {"input": "x"}]
    assert [case.reference for case in gateway(tmp_path, *rows, reference=True)] == ["4", None]


def test_the_same_call_twice_is_two_cases(tmp_path):
    assert [case.id for case in gateway(tmp_path, *[GATEWAYS["plain"]] * 3)] == ["1", "1-2", "1-3"]
    assert [case.id for case in gateway(tmp_path, {"input": "x"})] == [""]


UNUSABLE = [
    ({"status": "failure", "messages": [USER]}, "the call failed"),
    ({"model": "m"}, "the row holds no request"),
    ({"messages": [USER | {"role": "tool"}]}, "uses tools"),
    ({"messages": [USER | {"tool_calls": [{}]}]}, "uses tools"),
    ({"messages": [{"role": "system", "content": "s"}]}, "has no question"),
    ({"messages": [USER, {"role": "assistant", "content": "4"}]}, "ends with an answer"),
    ({"messages": [{"role": "user"}]}, "its content was not logged"),
    ({"messages": ["x"]}, "a turn that is no object"),
    ({"messages": [{"role": "user", "content": [{"type": "audio"}]}]}, "neither text nor an image"),
]


@pytest.mark.parametrize(("row", "said"), UNUSABLE)
def test_what_cannot_be_asked_again_is_told_or_left_out(tmp_path, row, said):
    with pytest.raises(DataError, match=said) as caught:
        gateway(tmp_path, GATEWAYS["plain"], row)
    assert caught.value.where.endswith("log.jsonl:2")
    assert len(gateway(tmp_path, GATEWAYS["plain"], row, unusable="skip")) == 1
    with pytest.raises(DataError, match=f"holds no call that can be asked again; .*{said}"):
        gateway(tmp_path, row, unusable="skip")


def test_answers_of_unknown_form_are_unknown(tmp_path):
    rows = [
        {"input": "x", "response": each} for each in (3, {"choices": []}, {"content": 3}, {"choices": [{}]})
    ]
    assert [case.fields for case in gateway(tmp_path, *rows)] == [{"input": "x"}] * 4


def attributes(**values: Any) -> list[dict[str, Any]]:
    """Return attributes as OTLP wraps them."""
    return [{"key": key.replace("__", "."), "value": value} for key, value in values.items()]


NEW = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m-1",
    "gen_ai.system_instructions": [{"type": "text", "content": "be short"}],
    "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "2+2?"}]}]),
    "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "4"}]}],
}
SPAN_TURNS = [("system", "be short"), ("user", "2+2?")]
EVENTS = [
    {"name": "gen_ai.system.message", "attributes": {"content": "be short"}},
    {"name": "gen_ai.user.message", "attributes": {"content": "2+2?"}},
    {"name": "gen_ai.choice", "attributes": {"message": '{"content": "4"}'}},
]
FORMS = {
    "span of the console": [{"name": "chat", "context": {"span_id": "s1"}, "attributes": NEW}],
    "span with events": [
        {"name": "chat", "spanId": "s1", "attributes": {"gen_ai.response.model": "m-1"}, "events": EVENTS}
    ],
    "indexed": [
        {
            "spanId": "s1",
            "attributes": {
                "gen_ai.request.model": "m-1",
                "gen_ai.prompt.1.role": "user",
                "gen_ai.prompt.1.content": "2+2?",
                "gen_ai.prompt.0.role": "system",
                "gen_ai.prompt.0.content": "be short",
                "gen_ai.completion.0.content": "4",
            },
        }
    ],
    "content events": [
        {
            "spanId": "s1",
            "attributes": {"gen_ai.request.model": "m-1"},
            "events": [
                {
                    "name": "gen_ai.content.prompt",
                    "attributes": {
                        "gen_ai.prompt": '[{"role": "system", "content": "be short"}, '
                        '{"role": "user", "content": "2+2?"}]'
                    },
                },
                {"name": "gen_ai.content.completion", "attributes": {"gen_ai.completion": "4"}},
            ],
        }
    ],
    "log records": [
        {
            "event_name": "gen_ai.system.message",
            "span_id": "s1",
            "body": {"content": "be short"},
            "attributes": {},
        },
        {"event_name": "gen_ai.user.message", "span_id": "s1", "body": {"content": "2+2?"}, "attributes": {}},
        {
            "event_name": "gen_ai.choice",
            "span_id": "s1",
            "body": {"message": {"content": "4"}},
            "attributes": {},
        },
        {"name": "chat", "context": {"span_id": "s1"}, "attributes": {"gen_ai.response.model": "m-1"}},
    ],
    "details event": [
        {
            "eventName": "gen_ai.client.inference.operation.details",
            "spanId": "s1",
            "attributes": {"gen_ai.request.model": "m-1"},
            "body": {
                "gen_ai.system_instructions": "be short",
                "input.messages": [{"role": "user", "content": "2+2?"}],
                "output.messages": [{"role": "assistant", "content": "4"}],
            },
        }
    ],
    "otlp traces": [
        {
            "resourceSpans": [
                {
                    "scopeSpans": [
                        {
                            "spans": [
                                {
                                    "name": "GET /",
                                    "spanId": "s0",
                                    "attributes": attributes(http__method={"stringValue": "GET"}),
                                },
                                {
                                    "name": "chat m-1",
                                    "spanId": "s1",
                                    "attributes": [
                                        *attributes(
                                            gen_ai__request__model={"stringValue": "m-1"},
                                            gen_ai__usage__input_tokens={"intValue": "5"},
                                            gen_ai__system_instructions={"stringValue": "be short"},
                                            gen_ai__output__messages={
                                                "stringValue": NEW["gen_ai.input.messages"].replace(
                                                    "2+2?", "4"
                                                )
                                            },
                                        ),
                                        {
                                            "key": "gen_ai.input.messages",
                                            "value": {
                                                "arrayValue": {
                                                    "values": [
                                                        {
                                                            "kvlistValue": {
                                                                "values": attributes(
                                                                    role={"stringValue": "user"},
                                                                    content={"stringValue": "2+2?"},
                                                                )
                                                            }
                                                        }
                                                    ]
                                                }
                                            },
                                        },
                                    ],
                                },
                            ]
                        }
                    ]
                }
            ]
        }
    ],
    "otlp logs": [
        {
            "resourceLogs": [
                {
                    "scopeLogs": [
                        {
                            "logRecords": [
                                {
                                    "eventName": name,
                                    "spanId": "s1",
                                    "attributes": attributes(gen_ai__response__model={"stringValue": "m-1"}),
                                    "body": {
                                        "kvlistValue": {"values": attributes(content={"stringValue": text})}
                                    },
                                }
                                for name, text in [
                                    ("gen_ai.system.message", "be short"),
                                    ("gen_ai.user.message", "2+2?"),
                                    ("gen_ai.choice", "4"),
                                ]
                            ]
                        }
                    ]
                }
            ]
        }
    ],
}


@pytest.mark.parametrize("name", FORMS)
def test_a_span_is_what_was_asked(tmp_path, name):
    (case,) = otel(tmp_path, *FORMS[name])
    assert case.id == "s1"
    assert [(turn.role, turn.content) for turn in case.messages] == SPAN_TURNS
    assert case.fields == {"input": "2+2?", "logged_answer": "4", "logged_model": "m-1"}


def test_a_plain_prompt_and_no_span_id(tmp_path):
    (case,) = otel(tmp_path, {"attributes": {"gen_ai.prompt": "2+2?", "gen_ai.output.messages": []}})
    assert case.id == ""
    assert case.fields == {"input": "2+2?"}


def test_other_operations_and_other_spans_are_no_calls(tmp_path):
    others = [
        {"name": "db", "attributes": {"db.system": "x"}},
        {"attributes": {"gen_ai.operation.name": "embeddings", "gen_ai.input.messages": "x"}},
    ]
    with pytest.raises(DataError, match=r"holds no call that can be asked again$"):
        otel(tmp_path, *others)


def test_a_call_without_content_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match="the call has no content") as caught:
        otel(tmp_path, {"attributes": {"gen_ai.request.model": "m-1"}})
    assert "record message content" in caught.value.hint


def test_a_call_with_tools_is_unusable(tmp_path):
    events = [{"name": "gen_ai.tool.message", "attributes": {"content": "x"}}, *EVENTS]
    with pytest.raises(DataError, match="uses tools"):
        otel(tmp_path, {"attributes": {"gen_ai.x": 1}, "events": events})
