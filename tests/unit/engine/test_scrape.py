import asyncio
from typing import Any

import pytest
from tests.unit.engine.pages import LLAMA, vllm
from tests.unit.engine.parts import ListStore, ScriptClient, answer, lane

from bakeoff.engine import scrape as scraping
from bakeoff.engine.control import Control
from bakeoff.engine.scrape import Scraper, scraped
from bakeoff.engine.stage import Bench, Share, Workshop
from bakeoff.errors import WireError
from bakeoff.records import BenchmarkSpec, Choice, Event, Exchange, LoadSpec, Stage
from bakeoff.records.scraped import BucketCounts, Scrape
from bakeoff.testing.truth import TruthProcess, TruthSettings
from bakeoff.wire import make_route

STAGE = Stage(
    name="main",
    benchmark="b",
    target="t",
    cases=["c"],
    requests=1,
    load={"kind": "sequential"},
    measured=True,
)


def page(text: str, **changes: Any) -> Exchange:
    return answer(pieces=[text.encode()], stamps=[1], **changes)


def watched(*replies: Exchange | Exception, seconds: float = 0.0) -> tuple[Scrape, ScriptClient]:
    client = ScriptClient(*replies)

    async def go() -> Scrape:
        scraper = Scraper(client, lane(client))  # type: ignore[arg-type]  # the script stands in for a client
        await scraper.begin()
        watch = asyncio.create_task(scraper.watch())
        await asyncio.sleep(seconds)
        watch.cancel()
        return await scraper.end(STAGE)

    return asyncio.run(go()), client


def test_counters_are_what_the_stage_added():
    found, client = watched(page(vllm(tokens=100)), page(vllm(tokens=400, slow=2)))
    assert (found.server, found.note) == ("vllm", "")
    assert found.counters == {"output_tokens": 450, "requests": 0, "preemptions": 0}
    assert found.histograms == {
        "ttft": BucketCounts(bounds=[0.1, 0.5], counts=[0, 4, 0], sum=pytest.approx(1.2))
    }
    assert [call.path for call in client.calls] == ["/metrics", "/metrics"]
    assert {call.method for call in client.calls} == {"GET"}


def test_gauges_are_polled_in_between(monkeypatch):
    monkeypatch.setattr(scraping, "PERIOD_S", 0.002)
    found, client = watched(page(LLAMA), seconds=0.2)
    polls = len(client.calls) - 2
    assert polls >= 2
    assert found.gauges == {"running": [3] * len(found.at_ns), "waiting": [2] * len(found.at_ns)}
    assert polls - 1 <= len(found.at_ns) <= polls  # the last one may have been cut off
    assert found.at_ns == sorted(found.at_ns)


def test_a_poll_that_fails_is_told(monkeypatch):
    monkeypatch.setattr(scraping, "PERIOD_S", 0.002)
    lost = WireError("reset", "gone")
    replies = [page(LLAMA), lost, page("nothing\n"), *([page(LLAMA)] * 500)]
    found, _ = watched(*replies, seconds=0.2)
    assert found.note == "polls without an answer: 1"
    assert found.gauges["running"][:2] == [None, 3]


@pytest.mark.parametrize(
    ("reply", "note"),
    [
        (WireError("connect", "refused"), "no answer from http://127.0.0.1:1/metrics: refused"),
        (page("", status=404), "http://127.0.0.1:1/metrics answered HTTP 404"),
        (page(LLAMA, broken="cut"), "http://127.0.0.1:1/metrics answered HTTP 200, but not whole"),
        (page("<html>hello</html>"), "http://127.0.0.1:1/metrics says nothing that bakeoff knows"),
    ],
)
def test_without_a_page_there_is_a_note_and_no_polling(reply, note, monkeypatch):
    monkeypatch.setattr(scraping, "PERIOD_S", 0.001)
    found, client = watched(reply, seconds=0.05)
    assert (found.server, found.note) == ("", note)
    assert (found.counters, found.gauges, len(client.calls)) == ({}, {}, 1)


def test_a_server_that_was_started_again_gives_no_sums():
    found, _ = watched(page(vllm(tokens=400)), page(vllm(tokens=10)))
    assert (found.server, found.counters) == ("", {})
    assert "started again" in found.note


def test_a_page_that_is_gone_at_the_end_is_a_note():
    found, _ = watched(page(LLAMA), page("", status=503))
    assert (found.server, found.note) == ("", "http://127.0.0.1:1/metrics answered HTTP 503")


def workshop(url: str, store: ListStore, *, share: int = 0, **load: Any) -> Workshop:
    spec = BenchmarkSpec(name="b", dataset=Choice(type="jsonl"), measured=True, load=LoadSpec(**load))
    one = lane(ScriptClient(answer()), route=make_route(url))
    return Workshop(
        benches={"b": Bench(spec=spec, cases={})},
        lanes={("b", "t"): one},
        store=store,
        zero=0,
        segment=0,
        control=Control(),
        share=Share(index=share, of=2),
    )


def events(shop: Workshop, stage: Stage) -> list[Event]:
    async def go() -> None:
        async with scraped(shop, stage):
            pass

    asyncio.run(go())
    assert isinstance(shop.store, ListStore)
    return shop.store.of(Event)


def test_the_page_stands_beside_the_api_and_becomes_an_event():
    with TruthProcess(TruthSettings()) as server:
        (event,) = events(workshop(server.url, ListStore()), STAGE)
    assert event.kind == "server_metrics"
    assert (event.facts["server"], event.facts["stage"]) == ("vllm", "main")
    assert event.facts["counters"]["output_tokens"] == 0


@pytest.mark.parametrize(
    ("stage", "options"),
    [
        ({"measured": False}, {}),
        ({"warmup": True}, {}),
        ({}, {"scrape": False}),
        ({}, {"share": 1}),
    ],
)
def test_nothing_is_asked_where_nothing_is_measured_or_wanted(stage, options):
    changed = {name: getattr(STAGE, name) for name in STAGE.__struct_fields__} | stage
    shop = workshop("http://127.0.0.1:1/v1", ListStore(), **options)
    assert events(shop, Stage(**changed)) == []


def test_an_error_in_the_stage_is_not_held_up():
    shop = workshop("http://127.0.0.1:1/v1", ListStore())

    async def go() -> None:
        async with scraped(shop, STAGE):
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        asyncio.run(go())
    assert isinstance(shop.store, ListStore)
    assert shop.store.records == []
