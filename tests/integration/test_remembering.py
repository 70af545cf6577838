"""What an endpoint was seen to do is kept for a day, for this server and key only, and says its age."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from bakeoff import clock
from bakeoff.cli._capabilities import as_table
from bakeoff.decide.estimate.choices import choice_facts
from bakeoff.records import BenchmarkSpec, Choice, Event, Sampling, Target
from bakeoff.records.capabilities import Capabilities
from bakeoff.run.remembering import (
    MAX_AGE_S,
    Kept,
    Notebook,
    _row,
    age_text,
    near,
    notebook,
    remembered_probe,
)
from bakeoff.testing.truth import TruthServer, TruthSettings
from bakeoff.wire import Client, make_route

TARGET = Target(name="t", provider="openai_chat", model="m")
POINTS = ("chat", "prompt_logprobs", "token_grammar")


def asked(server: TruthServer, book: Notebook, *, target: Target = TARGET, points=POINTS, key: str = "k"):
    async def work() -> Capabilities:
        async with Client() as client:
            route = make_route(server.url, headers={"Authorization": f"Bearer {key}"})
            return await remembered_probe(client, route, target, points, book=book)

    return work()


def seen(tmp_path: Path, *calls) -> list[Capabilities]:
    """Return what each call saw, all of one server."""

    async def work() -> list[Capabilities]:
        async with TruthServer(TruthSettings(engine="vllm")) as server:
            return [await call(server, Notebook(folder=tmp_path, near=True)) for call in calls]

    return asyncio.run(work())


def test_what_was_seen_a_while_ago_is_not_asked_again_and_says_its_age(tmp_path):
    first, again = seen(tmp_path, asked, asked)
    assert (first.age_s, first.prompt_logprobs, first.token_grammar) == (None, True, False)
    assert first.requests > 3
    assert again.age_s is not None
    assert again == msgspec.structs.replace(first, age_s=again.age_s, requests=0)
    assert "t: seen 0 seconds ago; `--fresh` asks again" in as_table(
        [msgspec.structs.replace(again, age_s=0.5)]
    )


def test_only_points_that_are_not_known_are_asked_for(tmp_path):
    def fewer(server, book):
        return asked(server, book, points=("chat",))

    first, more, all_known = seen(tmp_path, fewer, asked, asked)
    assert first.prompt_logprobs is None
    assert (more.chat, more.prompt_logprobs, more.token_grammar) == (True, True, False)
    assert more.age_s is not None
    assert more.requests > 0
    assert all_known.requests == 0
    assert (all_known.context, all_known.tokenizer) == (first.context, first.tokenizer)


@pytest.mark.parametrize(
    "other",
    [
        {"key": "another"},
        {"target": msgspec.structs.replace(TARGET, model="n")},
        {"target": msgspec.structs.replace(TARGET, sampling=Sampling(extra={"x": 1}))},
    ],
)
def test_another_key_model_or_field_is_another_question(other, tmp_path):
    _, different = seen(tmp_path, asked, lambda server, book: asked(server, book, **other))
    assert different.age_s is None


def test_fresh_asks_anew_and_keeps_that(tmp_path):
    def fresh(server, book):
        return asked(server, msgspec.structs.replace(book, fresh=True))

    _, anew, then = seen(tmp_path, asked, fresh, asked)
    assert anew.age_s is None
    assert anew.requests > 3
    assert then.age_s is not None


@pytest.mark.parametrize("spoil", ["old", "broken", "future"])
def test_what_is_too_old_or_unreadable_counts_for_nothing(spoil, tmp_path):
    async def spoiled(server, book):
        (path,) = tmp_path.iterdir()
        kept = msgspec.json.decode(path.read_bytes(), type=Kept)
        moved = {"old": -MAX_AGE_S, "future": 3600}.get(spoil, 0) * 1_000_000_000
        kept = msgspec.structs.replace(kept, at=clock.wall_ns() + moved)
        path.write_bytes(b"{" if spoil == "broken" else msgspec.json.encode(kept))
        return await asked(server, book)

    _, anew = seen(tmp_path, asked, spoiled)
    assert anew.age_s is None


def test_a_server_on_this_machine_is_always_asked(tmp_path):
    def here(server, book):
        return asked(server, msgspec.structs.replace(book, near=False))

    one, two = seen(tmp_path, here, here)
    assert (one.age_s, two.age_s) == (None, None)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_only_means_to_ask_again(tmp_path):
    (tmp_path / "file").write_text("")

    def nowhere(server, book):
        return asked(server, msgspec.structs.replace(book, folder=tmp_path / "file" / "in"))

    one, two = seen(tmp_path, nowhere, nowhere)
    assert (one.age_s, two.age_s) == (None, None)


def test_the_users_notebook_is_in_the_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path))
    assert notebook(fresh=True) == Notebook(folder=tmp_path / "probes", fresh=True)


@pytest.mark.parametrize(
    ("age", "text"),
    [(0.2, "0 seconds ago"), (61, "1 minute ago"), (7300, "2 hours ago"), (59.9, "59 seconds ago")],
)
def test_ages_are_in_words(age, text):
    assert age_text(age) == text


def test_only_names_of_this_machine_are_near():
    hosts = ("127.0.0.1", "::1", "[::1]", "localhost", "a.localhost", "127.3.2.1")
    assert [host for host in hosts if not near(host)] == []
    assert [host for host in ("10.0.0.1", "example.com", "localhost.example.com", "::2") if near(host)] == []


def test_results_say_how_old_a_probe_is_that_a_mode_rests_on():
    benchmark = BenchmarkSpec(name="b", dataset=Choice(type="jsonl"), multiple_choice="letter")
    old = Event(kind="capabilities", facts={"target": "t", "age_s": 7200.0})
    new = Event(kind="capabilities", facts={"target": "t", "age_s": None})
    chosen = Event(kind="modes_chosen", facts={"modes": {"b": "letter"}, "unasked": []})
    said = choice_facts(benchmark, {}, {}, [old, new, chosen])["multiple choice"]
    assert said["probed"].startswith("up to 2.0 h before the run")
    assert "probed" not in choice_facts(benchmark, {}, {}, [new, chosen])["multiple choice"]


@pytest.mark.parametrize("rows", [None, "none", [], [{"id": "other"}], [1]])
def test_a_list_without_the_model_says_nothing_of_it(rows):
    assert _row(rows, "m") == {}
