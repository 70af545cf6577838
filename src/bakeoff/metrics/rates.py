"""Rates over all samples of a target in one benchmark: what came back per second."""

from collections.abc import Iterator

import msgspec

from bakeoff.metrics._times import NS
from bakeoff.records import Estimate, Sample

_WINDOW = "from the first scheduled to the last done, summed over stages and segments"


class RequestRate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers per second: ok samples / window.

    The window goes from the first `scheduled_at` to the last `done_at` of all samples, failed ones
    too, in each stage and segment, and these are summed: the pause before a resume and the time between
    stages do not count. Cancelled ones are left out, as we chose their end. Pass the samples of measured
    stages only; a warm-up would count as load.
    """

    name: str = "request_rate"
    unit: str = "requests/s"

    def reduce(self, samples: Iterator[Sample]) -> Estimate:
        """Return the rate; its value is None without an ok sample or without any time."""
        totals = _totals(samples)
        return _rate(self.unit, totals.ok, totals)


class OutputTokenRate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Output tokens per second: sum of completion tokens of ok samples / window, as for `request_rate`.

    None where an ok sample has no token count, since the sum is unknown then.
    """

    name: str = "output_token_rate"
    unit: str = "tokens/s"

    def reduce(self, samples: Iterator[Sample]) -> Estimate:
        """Return the rate; its value is None where a count, or any time, is missing."""
        totals = _totals(samples)
        if totals.uncounted:
            note = f"{totals.uncounted} of {totals.ok} answers came without a token count"
            return Estimate(value=None, unit=self.unit, n=totals.ok, note=note)
        return _rate(self.unit, totals.tokens, totals)


class _Totals(msgspec.Struct, frozen=True):
    """Sums over the samples."""

    ok: int
    tokens: int
    uncounted: int
    seconds: float


def _totals(samples: Iterator[Sample]) -> _Totals:
    ok = tokens = uncounted = 0
    starts: dict[tuple[str, str, int], int] = {}
    ends: dict[tuple[str, str, int], int] = {}
    for sample in samples:
        if sample.outcome == "cancelled":
            continue
        window = (sample.benchmark, sample.stage, sample.segment)
        end = sample.scheduled_at if sample.done_at is None else sample.done_at
        starts[window] = min(starts.get(window, sample.scheduled_at), sample.scheduled_at)
        ends[window] = max(ends.get(window, end), end)
        if sample.ok:
            ok += 1
            tokens += sample.usage.completion or 0
            uncounted += sample.usage.completion is None
    seconds = sum(ends[window] - start for window, start in starts.items()) / NS
    return _Totals(ok, tokens, uncounted, seconds)


def _rate(unit: str, amount: int, totals: _Totals) -> Estimate:
    if not totals.ok or totals.seconds <= 0:
        return Estimate(
            value=None, unit=unit, n=totals.ok, note="no answer, or no time between first and last"
        )
    note = f"over {totals.seconds:.3f} s, {_WINDOW}"
    return Estimate(value=amount / totals.seconds, unit=unit, n=totals.ok, note=note)
