"""What the server says of a load stage: its figures in the answers, and its `/metrics`."""

from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate

from bakeoff.metrics._batches import Batches, Served, find_batches, served, told_size
from bakeoff.metrics.draft_acceptance import acceptance
from bakeoff.records import Estimate, Sample
from bakeoff.records.result import Distribution, ServerStage
from bakeoff.records.scraped import BucketCounts, BucketSummary, GaugeSummary, Scrape, ServerMetrics

FIGURES = frozenset(
    {
        "server_ttft",
        "server_e2e",
        "server_tpot",
        "server_queue",
        "server_output_rate",
        "ttft_overhead",
        "e2e_overhead",
    }
)
"""Metrics of single samples that need what a server says; most servers say nothing."""


class ServedFold:
    """Gather what the server says in the samples of one stage, in any order."""

    def __init__(self) -> None:
        self._done, self._sent, self._ttft = array("q"), array("q"), array("d")
        self._told: Counter[float] = Counter()
        self._drafted = self._accepted = self._drafts = 0

    def add(self, sample: Sample) -> None:
        """Take a sample whose server says something."""
        one, size, server = served(sample), told_size(sample), sample.server
        if one is not None:
            self._done.append(one.done_at)
            self._sent.append(one.sent_at)
            self._ttft.append(one.ttft)
        if size is not None:
            self._told[size] += 1
        if sample.ok and server is not None and server.drafted and server.accepted is not None:
            self._drafted += server.drafted
            self._accepted += server.accepted
            self._drafts += 1

    def result(
        self, summaries: dict[str, Distribution | None], metrics: ServerMetrics | None
    ) -> ServerStage | None:
        """Return what the server says, None where that is nothing.

        Args:
            summaries: of the metrics in `FIGURES`, by name.
            metrics: what its `/metrics` said.
        """
        if not any(summaries.values()) and not self._told and metrics is None:
            return None
        found = self._batches()
        return ServerStage(
            **{name.removeprefix("server_"): summary for name, summary in summaries.items()},
            batch_size=_known(found.size, "requests", found),
            switching_time=_known(found.switching, "s", found),
            draft_acceptance=acceptance(self._drafted, self._accepted, self._drafts)
            if self._drafts
            else None,
            metrics=metrics,
        )

    def _batches(self) -> Batches:
        rows = zip(self._done, self._sent, self._ttft, strict=True)
        return find_batches((Served(done_at=d, sent_at=s, ttft=t) for d, s, t in rows), self._told)


def _known(value: float | None, unit: str, found: Batches) -> Estimate | None:
    return Estimate(value=value, unit=unit, n=found.n, note=found.note) if found.n else None


def server_metrics(scrapes: Iterable[Scrape]) -> ServerMetrics | None:
    """Return what `/metrics` said of a stage sent in one or several pieces; None where nobody looked."""
    listed = list(scrapes)
    read = [each for each in listed if each.server]
    notes = list(dict.fromkeys(each.note for each in listed if each.note))
    if not listed:
        return None
    counters: Counter[str] = Counter()
    values: dict[str, list[float]] = defaultdict(list)
    histograms: dict[str, list[BucketCounts]] = defaultdict(list)
    for scrape in read:
        counters.update(scrape.counters)
        for name, polls in scrape.gauges.items():
            values[name] += [value for value in polls if value is not None]
        for name, counts in scrape.histograms.items():
            histograms[name].append(counts)
    steps, slots = counters.pop("steps", 0.0), counters.pop("slots_in_steps", 0.0)
    return ServerMetrics(
        server=read[0].server if read else "",
        note="; ".join(notes),
        gauges={
            name: GaugeSummary(n=len(polls), mean=sum(polls) / len(polls), peak=max(polls))
            for name, polls in values.items()
            if polls
        },
        counters=dict(counters),
        histograms={
            name: summary for name, parts in histograms.items() if (summary := bucket_summary(parts))
        },
        batch_size=slots / steps if steps > 0 and slots > 0 else None,
    )


def bucket_summary(parts: Sequence[BucketCounts]) -> BucketSummary | None:
    """Return the summary of histograms of equal bounds; None without values, or where bounds differ."""
    bounds = parts[0].bounds
    if any(part.bounds != bounds for part in parts):
        return None
    counts = [sum(column) for column in zip(*(part.counts for part in parts), strict=True)]
    n = sum(counts)
    if n <= 0:
        return None
    return BucketSummary(
        n=round(n),
        mean=sum(part.sum for part in parts) / n,
        p50=_bucket_quantile(bounds, counts, 0.5),
        p90=_bucket_quantile(bounds, counts, 0.9),
        p99=_bucket_quantile(bounds, counts, 0.99),
    )


def _bucket_quantile(bounds: Sequence[float], counts: Sequence[float], share: float) -> float | None:
    """Return a quantile as Prometheus does: the values of a bucket are taken as spread evenly over it."""
    ends = list(accumulate(counts))
    rank = share * ends[-1]
    place = bisect_left(ends, rank)
    if place >= len(bounds):
        return None
    low = bounds[place - 1] if place else 0.0
    inside = rank - (ends[place] - counts[place])
    return low + (bounds[place] - low) * inside / counts[place]
