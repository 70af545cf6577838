"""What an endpoint can do is seen by asking, over loopback: servers that can, and servers that pretend."""

import asyncio
import json

import msgspec
import pytest
import yaml
from tests.integration.commands import call
from tests.unit.providers.exchanges import whole

from bakeoff.errors import EndpointError, UsageError, WireError
from bakeoff.records import Call, Exchange, Target
from bakeoff.records.capabilities import Capabilities
from bakeoff.run import capabilities, features
from bakeoff.run.capabilities import POINTS, probe
from bakeoff.run.door import Door, NotSeen
from bakeoff.run.probing import list_served, probe_endpoint, probe_models
from bakeoff.spec import load_spec
from bakeoff.testing.truth import TruthServer, TruthSettings
from bakeoff.wire import Client, make_route

TARGET = Target(name="t", provider="openai_chat", model="m")


def seen(settings: TruthSettings, points=POINTS) -> Capabilities:
    async def work() -> Capabilities:
        async with TruthServer(settings) as server, Client() as client:
            return await probe(client, make_route(server.url), TARGET, points)

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("engine", "can", "cannot"),
    [
        (
            "plain",
            set(),
            {"prompt_logprobs", "token_grammar", "chat_top_logprobs", "completion_top_logprobs"},
        ),
        ("vllm", {"prompt_logprobs", "chat_top_logprobs", "completion_top_logprobs"}, {"token_grammar"}),
        ("llama.cpp", {"token_grammar", "chat_top_logprobs", "completion_top_logprobs"}, {"prompt_logprobs"}),
    ],
)
def test_an_engine_is_told_by_what_it_does(engine, can, cannot):
    found = seen(TruthSettings(engine=engine))
    assert {name for name in can | cannot if getattr(found, name)} == can
    assert {name for name in cannot if name in found.notes} == cannot
    assert (found.chat, found.completions, found.streaming, found.streaming_usage) == (True, True, True, True)
    assert (found.structured_output, found.tools, found.images) == (False, False, False)
    # It says the same whatever the seed, so that cannot be told.
    assert found.seed is None
    assert found.notes["seed"] == "answers are the same with any seed"
    assert found.requests < 25


def test_an_engine_says_more_of_itself():
    vllm = seen(TruthSettings(engine="vllm"))
    assert (vllm.tokenizer, vllm.context, vllm.chat_template) == ("vllm", 4096, True)
    llama = seen(TruthSettings(engine="llama.cpp"))
    assert (llama.tokenizer, llama.context, llama.chat_template) == ("llama.cpp", 4096, True)
    assert llama.notes["images"].startswith("the picture is accepted and ignored")
    plain = seen(TruthSettings())
    assert (plain.tokenizer, plain.context, plain.chat_template) == (None, None, None)


def test_a_run_asks_for_what_it_needs_only():
    found = seen(TruthSettings(engine="vllm"), ("prompt_logprobs",))
    assert (found.prompt_logprobs, found.requests) == (True, 2)
    assert (found.chat, found.tokenizer, found.context) == (None, None, None)


def test_tools_and_usage_are_seen_in_the_answers():
    assert seen(TruthSettings(answer="tool_call"), ("tools",)).tools is True
    assert seen(TruthSettings(usage="none"), ("streaming_usage",)).notes == {
        "streaming_usage": "the stream ended without token counts"
    }
    assert seen(TruthSettings(merge=50, tokens_per_chunk=50), ("streaming",)).streaming is False


@pytest.mark.parametrize(
    ("settings", "point", "value", "note"),
    [
        (TruthSettings(faults=({"kind": "empty"},)), "chat", False, "the answer is empty"),
        (TruthSettings(faults=({"kind": "500"},)), "chat", False, "HTTP 500"),
        (TruthSettings(faults=({"kind": "503"},)), "chat", None, "HTTP 503"),
        (TruthSettings(faults=({"kind": "429"},)), "completions", None, "HTTP 429"),
        (TruthSettings(faults=({"kind": "other_json"},)), "chat", False, "no `choices`"),
        (TruthSettings(faults=({"kind": "cut"},)), "completions", None, "the answer broke off"),
        (TruthSettings(models={"other": TruthSettings()}), "chat", False, "does not exist"),
    ],
)
def test_what_went_wrong_is_said_and_only_an_answer_makes_sure(monkeypatch, settings, point, value, note):
    monkeypatch.setattr("bakeoff.run.door._WAIT_S", 0.001)
    raw = msgspec_settings(settings)
    found = seen(raw, (point,))
    assert getattr(found, point) is value
    assert note in found.notes[point]


def msgspec_settings(settings: TruthSettings) -> TruthSettings:
    """Return settings whose faults are records."""
    return msgspec.convert(msgspec.to_builtins(settings), TruthSettings)


def test_a_busy_moment_is_waited_for(monkeypatch):
    monkeypatch.setattr("bakeoff.run.door._WAIT_S", 0.001)
    settings = msgspec_settings(TruthSettings(faults=({"kind": "503", "every": 2},)))
    found = seen(settings, ("chat", "completions"))
    assert (found.chat, found.completions) == (True, True)


def test_a_silent_endpoint_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(capabilities, "_LONGEST_S", 0.2)
    found = seen(msgspec_settings(TruthSettings(faults=({"kind": "hang"},))), ("chat",))
    assert (found.chat, found.notes) == (None, {"chat": "no answer within 0 s"})


def test_a_wrong_key_ends_it():
    with pytest.raises(EndpointError, match="refuses the key"):
        seen(TruthSettings(api_key="right"), ("chat",))


class Scripted(Door):
    """Answers chats from a list."""

    def __init__(self, *answers: dict) -> None:
        super().__init__(None, None, TARGET)  # type: ignore[arg-type]  # it sends nothing
        self.answers = list(answers)
        self.asked: list[dict] = []

    async def ask(self, call: Call) -> Exchange:
        self.asked.append(json.loads(call.body))
        answer = self.answers.pop(0)
        body = answer if "choices" in answer else {"choices": [{"finish_reason": "stop"} | answer]}
        return whole(body)


def text(said: str, finish: str = "stop") -> dict:
    return {"message": {"content": said}, "finish_reason": finish}


def tool(name: str, arguments: str) -> dict:
    function = {"name": name, "arguments": arguments}
    return {"message": {"tool_calls": [{"function": function}]}}


def counted(tokens: int | None) -> dict:
    return {"choices": [text("red")], "usage": None if tokens is None else {"prompt_tokens": tokens}}


@pytest.mark.parametrize(
    ("question", "answers", "problem", "sure"),
    [
        (features.structured_output, [text('{"bird": "wren", "legs": 2}')], None, True),
        (features.structured_output, [text('{"bird": "tiger", "legs": 4}')], "not of the schema", True),
        (features.structured_output, [text("The sea", "length")], "not of the schema", False),
        (features.tools, [tool("get_weather", '{"city": "Paris"}')], None, True),
        (features.tools, [tool("get_weather", "Paris")], "calls no tool", True),
        (features.tools, [tool("other", "{}")], "calls no tool", True),
        (features.tools, [{"message": {"tool_calls": [{}]}}], "calls no tool", True),
        (features.tools, [text("It is sunny and", "length")], "calls no tool", False),
        (features.seed, [text("a"), text("a"), text("b")], None, True),
        (features.seed, [text("a"), text("b"), text("c")], "same seed differ", True),
        (features.seed, [text("a")] * 3, "same with any seed", False),
        (features.images, [counted(80), counted(12)], None, True),
        (features.images, [counted(12), counted(12)], "ignored", True),
        (features.images, [counted(None), counted(12)], "cannot be told", False),
    ],
)
def test_features(question, answers, problem, sure):
    door = Scripted(*answers)
    if problem is None:
        asyncio.run(question(door))
    else:
        with pytest.raises(NotSeen, match=problem) as caught:
            asyncio.run(question(door))
        assert caught.value.sure is sure
    assert all(asked["model"] == "m" for asked in door.asked)


def test_the_picture_is_a_png():
    assert features.picture().startswith(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")


@pytest.mark.parametrize(
    ("props", "tokens", "template"),
    [
        ({"chat_template": "{{ messages }}"}, [1, 2], True),
        ({"chat_template": "<|im_start|>"}, [5], True),
        ({"chat_template": "<|im_start|>"}, [1, 2], False),  # the server's generic one
        ({"chat_template": ""}, [1], False),
        ({}, [1], None),
    ],
)
def test_a_generic_chat_template_is_told_from_the_models_own(props, tokens, template):
    class Llama(Door):
        async def get(self, path: str, *, at_root: bool = False) -> dict[str, object]:
            return props if path == "/props" else {"data": [{"id": "m", "meta": {}, "context_length": 7}]}

        async def ask(self, call: Call) -> Exchange:
            return whole({"tokens": tokens})

    from bakeoff.run.description import describe

    found = asyncio.run(describe(Llama(None, None, TARGET), chat=True))  # type: ignore[arg-type]
    assert (found.chat_template, found.context) == (template, 7)


def test_constant_numbers_are_no_likelihoods(monkeypatch):
    monkeypatch.setattr("bakeoff.testing.truth.likelihoods.LIKED", 0.0)
    monkeypatch.setattr("bakeoff.testing.truth.likelihoods.OTHER", 0.0)
    found = seen(TruthSettings(engine="vllm"), ("prompt_logprobs",))
    assert (found.prompt_logprobs, found.notes["prompt_logprobs"]) == (
        False,
        "its log-probabilities are none: 0, 0",
    )


def test_the_models_of_a_spec_are_probed_by_name(tmp_path):
    async def work(names: list[str]) -> list[Capabilities]:
        async with TruthServer(TruthSettings(engine="vllm")) as server:
            document = {
                "version": 1,
                "models": [{"name": name, "endpoint": server.url, "model": "m"} for name in ("a", "b")],
            }
            (tmp_path / "bakeoff.yaml").write_text(yaml.safe_dump(document))
            loaded = load_spec(tmp_path / "bakeoff.yaml", {})
            return await probe_models(loaded, names, lambda _: None, ("chat",))

    assert [each.target for each in asyncio.run(work(["b"]))] == ["b"]
    assert [each.chat for each in asyncio.run(work([]))] == [True, True]
    with pytest.raises(UsageError, match="no model `c`"):
        asyncio.run(work(["c"]))


def test_an_endpoint_without_a_server_or_a_model_is_refused():
    with pytest.raises(EndpointError, match="does not answer"):
        asyncio.run(probe_endpoint("http://127.0.0.1:9/v1", model="m", api_key=None))
    with pytest.raises(EndpointError, match="does not answer"):
        asyncio.run(probe_endpoint("http://127.0.0.1:9/v1", model=None, api_key="k"))
    with pytest.raises(EndpointError, match="does not answer"):
        asyncio.run(list_served("http://127.0.0.1:9/v1", api_key=None))


def test_an_endpoint_lists_its_models_to_who_has_the_key():
    async def work(settings: TruthSettings, key: str | None) -> list[str]:
        async with TruthServer(settings) as server:
            return await list_served(server.url, api_key=key)

    models = {"a": TruthSettings(), "b": TruthSettings()}
    assert asyncio.run(work(TruthSettings(api_key="k", models=models), "k")) == ["a", "b"]
    with pytest.raises(EndpointError, match="refuses the key"):
        asyncio.run(work(TruthSettings(api_key="k"), "other"))


@pytest.mark.parametrize("rows", [{"data": "none"}, {"data": [{"name": "x"}]}, {}, b"<html>", None])
def test_a_list_of_another_form_is_none(rows, monkeypatch):
    async def ask(*_: object) -> Exchange:
        if rows is None:
            raise NotSeen("HTTP 404: nothing here")
        return whole(rows)

    monkeypatch.setattr(Door, "ask", ask)
    with pytest.raises(EndpointError, match="lists no models"):
        asyncio.run(list_served("http://127.0.0.1:9/v1", api_key=None))
    with pytest.raises(EndpointError, match="does not list its models"):
        asyncio.run(probe_endpoint("http://127.0.0.1:9/v1", model=None, api_key="k"))


def test_a_connection_that_was_closed_meanwhile_is_opened_again():
    class Flaky:
        tries = 0

        async def exchange(self, route: object, call: Call) -> Exchange:
            self.tries += 1
            if self.tries < 3:
                raise WireError("reset", "gone")
            return whole({"choices": []})

    door = Door(Flaky(), make_route("http://127.0.0.1:9/v1"), TARGET)  # type: ignore[arg-type]
    assert asyncio.run(door.ask(Call(path="/x"))).status == 200
    assert door.requests == 3


def test_the_command_prints_a_table_or_json(tmp_path, sums_server):
    document = {"version": 1, "models": [{"name": "x", "endpoint": sums_server.url, "model": "good"}]}
    (tmp_path / "bakeoff.yaml").write_text(yaml.safe_dump(document))
    done = call("models", "probe", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "likelihoods by token grammar     no" in done.out
    assert "x: likelihoods by echoed prompts: the answer has no log-probabilities" in done.out
    told = call("models", "probe", "--endpoint", sums_server.url, "--json", cwd=tmp_path)
    (found,) = json.loads(told.out)["capabilities"]
    assert (found["target"], found["chat"], found["prompt_logprobs"]) == ("good", True, False)
    assert call("models", "list", cwd=tmp_path).out.split() == [
        "model",
        "at",
        "-----",
        "-" * len(sums_server.url),
        "x",
        sums_server.url,
    ]
    listed = json.loads(call("models", "list", "--endpoint", sums_server.url, "--json", cwd=tmp_path).out)
    assert [model["name"] for model in listed["models"]] == ["good", "poor"]
    missing = call(
        "models", "probe", "--endpoint", sums_server.url, "--api-key-env", "NO_SUCH_KEY", cwd=tmp_path
    )
    assert (missing.code, "NO_SUCH_KEY" in missing.err) == (2, True)
