"""Read the server's own `/metrics` beside a measured stage, over its own connection. Never fails a run."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

import msgspec

from bakeoff import clock
from bakeoff.engine.exposition import Cumulative, Page, read_gauges, read_page
from bakeoff.engine.send import Lane
from bakeoff.engine.stage import Workshop
from bakeoff.errors import WireError
from bakeoff.records import Call, Event, Stage, TimeoutSpec
from bakeoff.records.scraped import BucketCounts, Scrape
from bakeoff.wire import Client, Route

PERIOD_S = 1.0
_TIMEOUTS = TimeoutSpec(connect=2.0, first_byte=2.0, stream=2.0, total=5.0)
_OK = 200
_CALL = Call(path="/metrics", method="GET", headers={"Accept": "text/plain"})


@asynccontextmanager
async def scraped(shop: Workshop, stage: Stage) -> AsyncGenerator[None]:
    """Poll the server of a measured stage while it is sent, and store what it said as an event.

    The counters are read before and after, the gauges once a second in between.
    """
    wanted = shop.benches[stage.benchmark].spec.load.scrape and stage.measured and not stage.warmup
    if not wanted or shop.share.index:
        yield
        return
    async with Client(timeouts=_TIMEOUTS, kernel_stamps=False) as client:
        scraper = Scraper(client, shop.lanes[stage.benchmark, stage.target])
        await scraper.begin()
        watch = asyncio.create_task(scraper.watch())
        try:
            yield
        finally:
            watch.cancel()
        scrape = await scraper.end(stage)
        at = clock.now_ns() - shop.zero
        shop.store.add(Event(kind="server_metrics", at=at, facts=msgspec.to_builtins(scrape)))


class Scraper:
    """Collect what one server says during one stage."""

    def __init__(self, client: Client, lane: Lane) -> None:
        self._client = client
        self._model = lane.target.model
        self._route = _metrics_route(lane.route)
        self._before: Page | None = None
        self._note = ""
        self._began = 0
        self._at: list[int] = []
        self._polls: list[dict[str, float]] = []
        self._failed = 0

    async def begin(self) -> None:
        """Read the page before the stage and see whether there is one."""
        self._before = await self._page()
        self._began = clock.now_ns()

    async def watch(self) -> None:
        """Read the gauges once a second until cancelled; return at once where there is no page."""
        wait = PERIOD_S / 2
        while self._before is not None:
            await asyncio.sleep(wait)
            wait = PERIOD_S
            text = await self._text()
            if text is None:
                self._failed += 1
            else:
                self._at.append(clock.now_ns() - self._began)
                self._polls.append(read_gauges(text, self._model))

    async def end(self, stage: Stage) -> Scrape:
        """Read the page after the stage and return what changed."""
        after = None if self._before is None else await self._page()
        scrape = Scrape(benchmark=stage.benchmark, target=stage.target, stage=stage.name, note=self._note)
        if self._before is None or after is None:
            return scrape
        counters = _added(self._before.counters, after.counters)
        if counters is None:
            return msgspec.structs.replace(scrape, note="the server was started again during the stage")
        names = dict.fromkeys(name for poll in self._polls for name in poll)
        return msgspec.structs.replace(
            scrape,
            server=self._before.server,
            note=f"polls without an answer: {self._failed}" if self._failed else "",
            at_ns=self._at,
            gauges={name: [poll.get(name) for poll in self._polls] for name in names},
            counters=counters,
            histograms=_all_buckets(self._before.histograms, after.histograms),
        )

    async def _page(self) -> Page | None:
        text = await self._text()
        if text is None:
            return None
        page = read_page(text, self._model)
        if not page.server:
            self._note = f"{self._route.label}/metrics says nothing that bakeoff knows"
            return None
        return page

    async def _text(self) -> str | None:
        try:
            exchange = await self._client.exchange(self._route, _CALL)
        except WireError as error:
            self._note = f"no answer from {self._route.label}/metrics: {error.message}"
            return None
        if exchange.status != _OK or exchange.broken:
            end = ", but not whole" if exchange.broken else ""
            self._note = f"{self._route.label}/metrics answered HTTP {exchange.status}{end}"
            return None
        return exchange.body.decode("utf-8", "replace")


def _metrics_route(route: Route) -> Route:
    """Return the route to the server's root: `/metrics` stands beside `/v1`, not in it."""
    return msgspec.structs.replace(route, base_path=route.base_path.removesuffix("/v1"))


def _added(before: dict[str, float], after: dict[str, float]) -> dict[str, float] | None:
    """Return how much each counter grew; None where one went back, as at a restart."""
    # A counter can be absent until its first event.
    grown = {name: value - before.get(name, 0.0) for name, value in after.items()}
    return None if any(value < -1e-3 * abs(after[name]) for name, value in grown.items()) else grown


def _all_buckets(before: dict[str, Cumulative], after: dict[str, Cumulative]) -> dict[str, BucketCounts]:
    none = Cumulative(upto={}, sum=0.0)
    return {name: _buckets(before.get(name, none), one) for name, one in after.items()}


def _buckets(before: Cumulative, after: Cumulative) -> BucketCounts:
    bounds = sorted(after.upto)
    upto = [after.upto[bound] - before.upto.get(bound, 0.0) for bound in bounds]
    return BucketCounts(
        bounds=[bound for bound in bounds if bound < float("inf")],
        counts=list(_steps(upto)) + [0.0] * (not bounds or bounds[-1] < float("inf")),
        sum=after.sum - before.sum,
    )


def _steps(upto: Iterable[float]) -> Iterable[float]:
    below = 0.0
    for each in upto:
        yield max(0.0, each - below)
        below = each
