"""The response cache: what is the same question, what is served, and what a served sample says."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from tests.unit.engine.parts import ScriptClient, answer, lane, outgoing, refusal, sending

from bakeoff.engine.cache import AnswerCache, Question, cache_folder, opened
from bakeoff.engine.send import Lane, Outgoing, send
from bakeoff.errors import StoreError
from bakeoff.providers.openai_chat import OpenAIChat
from bakeoff.providers.openai_completions import OpenAICompletions
from bakeoff.records import Call, Intent, ModelSpec, Request, Sample, Spec
from bakeoff.stores.answers import AnswerFile

SERVER = "http://127.0.0.1:1/v1"


@pytest.fixture
def cache(tmp_path):
    with opened(tmp_path, bytes) as found:
        yield found


def ask(cache: AnswerCache, client: ScriptClient, out: Outgoing | None = None, **changes: object) -> Sample:
    one: Lane = lane(client, **({"server": SERVER} | changes))
    how = msgspec.structs.replace(sending(cache=cache, attempts=2), segment=3)
    return asyncio.run(send(one, out or outgoing(one), how, scheduled_at=90))


def test_an_answer_is_served_once_it_is_known(cache):
    client = ScriptClient(answer("4"), answer("5"))
    first, second = ask(cache, client), ask(cache, client)
    assert (first.text, second.text, len(client.calls), cache.served) == ("4", "4", 1, 1)
    assert "cached_response" not in first.extra
    assert second.extra["cached_response"] is True


def test_a_served_answer_has_no_times(cache):
    client = ScriptClient(answer("4", connect_ns=7))
    first, second = ask(cache, client), ask(cache, client)
    moments = ("sent_at", "first_byte_at", "first_token_at", "first_answer_at", "last_token_at", "done_at")
    assert [getattr(second, name) for name in moments] == [None] * 6
    assert (second.chunk_us, second.connect_ns, second.server, second.attempts) == (None, 0, None, [])
    assert (second.scheduled_at, second.segment, second.outcome) == (90, 3, "ok")
    assert (second.usage, second.finish_reason, second.status) == (first.usage, first.finish_reason, 200)


def test_a_served_sample_is_that_of_its_own_intent(cache):
    client = ScriptClient(answer("4"))
    ask(cache, client)
    one = lane(client)
    moved = msgspec.structs.replace(outgoing(one), intent=Intent(benchmark="b2", case="c2", target="t2"))
    found = ask(cache, client, moved)
    assert found.key == ("b2", "c2", "t2", 0, "main")
    assert len(client.calls) == 1


def test_repeats_are_never_served(cache):
    client = ScriptClient(answer("4"), answer("5"), answer("6"))
    one = lane(client)
    out = outgoing(one)
    again = msgspec.structs.replace(out, intent=msgspec.structs.replace(out.intent, repeat=1))
    texts = [ask(cache, client, each).text for each in (out, again, again, out)]
    assert texts == ["4", "5", "6", "4"]


def test_without_a_known_server_nothing_is_served(cache):
    client = ScriptClient(answer("4"), answer("5"))
    assert [ask(cache, client, server="").text for _ in range(2)] == ["4", "5"]


@pytest.mark.parametrize(
    "reply",
    [refusal(400, b"no"), refusal(503, b"busy", retry_after_ms="1"), answer(""), answer(broken="cut")],
)
def test_what_is_no_whole_answer_is_asked_again(cache, reply):
    assert ask(cache, ScriptClient(reply)).outcome != "ok"
    found = ask(cache, ScriptClient(answer("4")))
    assert (found.text, cache.served) == ("4", 0)


def test_another_version_of_an_answer_is_replaced(tmp_path):
    class Odd(AnswerFile):
        def find(self, key: bytes) -> bytes | None:
            return b'{"benchmark": 1}'

    file = Odd(tmp_path)
    client = ScriptClient(answer("4"))
    assert ask(AnswerCache(file), client).text == "4"
    file.close()


def test_secrets_are_not_kept(tmp_path):
    with opened(tmp_path, lambda data: data.replace(b"sk-secret", b"***")) as cache:
        ask(cache, ScriptClient(answer("the key is sk-secret")))
    assert all(b"sk-secret" not in path.read_bytes() for path in tmp_path.iterdir())


BASE = Question(
    server=SERVER,
    model="m",
    asked_by=OpenAIChat(),
    intent=Intent(benchmark="b", case="c", target="t"),
    request=Request(prompt="p"),
    call=Call(path="/chat", body=b"{}"),
)


@pytest.mark.parametrize(
    "changes",
    [
        {"server": "http://127.0.0.1:2/v1"},
        {"model": "n"},
        {"asked_by": OpenAICompletions()},
        {"call": Call(path="/chat", body=b"{ }")},
        {"call": Call(path="/completions", body=b"{}")},
        {"call": None},
    ],
)
def test_each_part_of_a_question_counts(changes):
    assert msgspec.structs.replace(BASE, **changes).key() != BASE.key()


def test_names_of_ours_do_not_count():
    other = Intent(benchmark="x", case="y", target="z", stage="later")
    assert msgspec.structs.replace(BASE, intent=other).key() == BASE.key()


def test_a_question_of_likelihoods_is_told_by_its_request():
    asked = msgspec.structs.replace(BASE, call=None)
    other = msgspec.structs.replace(asked, request=Request(prompt="q"))
    assert asked.key() != other.key()


def spec(cache: str | bool) -> Spec:
    return Spec(models=[ModelSpec(name="m", endpoint=SERVER)], cache=cache)


def test_the_folder_is_the_specs_or_the_users(tmp_path, monkeypatch):
    monkeypatch.delenv("BAKEOFF_CACHE", raising=False)
    assert cache_folder(spec(cache=False), tmp_path) is None
    assert cache_folder(spec(cache="answers"), tmp_path) == tmp_path / "answers"
    assert cache_folder(spec(cache="/abs"), tmp_path) == Path("/abs")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder(spec(cache=True), tmp_path) == Path("/x/bakeoff/answers")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder(spec(cache=True), tmp_path) == Path.home() / ".cache/bakeoff/answers"
    monkeypatch.setenv("BAKEOFF_CACHE", "/own")
    assert cache_folder(spec(cache=True), tmp_path) == Path("/own/answers")


def test_no_folder_is_no_cache():
    with opened(None, bytes) as cache:
        assert cache is None


def test_a_cache_that_cannot_be_opened_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError), opened(tmp_path / "file", bytes):
        pass


def test_outcomes_that_are_not_asked_for_are_neither_kept_nor_served(tmp_path):
    client = ScriptClient(answer(""), answer(""), answer("4"))
    for outcomes, calls in ((frozenset({"empty"}), 1), (frozenset({"empty"}), 1), (frozenset({"ok"}), 2)):
        with opened(tmp_path, bytes, outcomes=outcomes) as found:
            assert ask(found, client).outcome == "empty"
        assert len(client.calls) == calls
