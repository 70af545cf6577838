"""What every metric must do.

A third party writes `def test_mine(): check_sample_metric(MyMetric())`, or `check_stage_metric` for a
metric over all samples of a target.
"""

import math
from collections.abc import Iterator

import msgspec

from bakeoff.extend import SampleMetric, StageMetric
from bakeoff.records import OUTCOMES, Estimate, Sample, ServerFigures, Target, Usage

UNITS = ("s", "tokens", "USD", "share", "tokens/s", "requests", "requests/s")

MS = 1_000_000
TARGET = Target(name="any", provider="openai_chat", model="m")
SAMPLE = Sample(
    benchmark="contract",
    case="c",
    target="any",
    outcome="ok",
    scheduled_at=1000 * MS,
    sent_at=1010 * MS,
    first_byte_at=1200 * MS,
    first_token_at=1210 * MS,
    first_answer_at=1250 * MS,
    last_token_at=1510 * MS,
    done_at=1512 * MS,
    usage=Usage(prompt=100, completion=31, cached=40, reasoning=4, counted_by="server"),
    chunks=31,
    chunk_us=[10_000] * 30,
    thinking="hm",
    server=ServerFigures(
        ttft=0.19,
        e2e=0.485,
        queue=0.02,
        prefill=0.17,
        decode=0.27,
        decoded=31,
        output_rate=111.0,
        drafted=40,
        accepted=25,
    ),
)
"""An ordinary streamed answer: ttft 210 ms, ttfa 250 ms, 31 tokens 10 ms apart, e2e 512 ms.

Its server says 190 ms to the first token, 9 ms a token and 485 ms for all.
"""


def bare(outcome: str) -> Sample:
    """Return a sample of which nothing is known but its outcome."""
    return Sample(benchmark="contract", case="c", target="any", outcome=outcome)


def check_sample_metric(metric: SampleMetric, target: Target = TARGET) -> None:
    """Assert the contract of the metrics family on a metric of single samples."""
    _check_names(metric.name, metric.unit)
    full = metric.measure(SAMPLE, target)
    assert full is None or math.isfinite(full), "a value is a finite number"
    assert full == metric.measure(SAMPLE, target), "the same sample gives the same value"
    moved = msgspec.structs.replace(SAMPLE, **{name: _later(name) for name in _TIMES})
    assert metric.measure(moved, target) == full, "only differences of times count, not the clock's zero"
    for outcome in OUTCOMES:
        value = metric.measure(bare(outcome), target)
        if metric.unit == "share":
            assert value is None or 0.0 <= value <= 1.0, "shares are 0..1"
        else:
            assert value is None, f"what is unknown is None, never 0 ({outcome})"
        if metric.unit == "s" and metric.name != "lag":
            failed = msgspec.structs.replace(SAMPLE, outcome=outcome)
            assert (metric.measure(failed, target) is None) == (outcome != "ok" or full is None), (
                f"a latency is of complete answers only ({outcome})"
            )


def check_stage_metric(metric: StageMetric) -> None:
    """Assert the contract of the metrics family on a metric over samples."""
    _check_names(metric.name, metric.unit)
    samples = [msgspec.structs.replace(SAMPLE, case=f"c{n}") for n in range(10)]
    estimate = metric.reduce(_once(samples))
    _check_estimate(estimate, metric.unit)
    assert estimate.value is not None, "ten ordinary answers give a value"
    assert estimate.n > 0, "and say how many there were"
    backwards = metric.reduce(_once(samples[::-1]))
    assert backwards == estimate, "the order of the samples does not matter"
    for nothing in ([], [bare("error")], [bare("cancelled")]):
        none = metric.reduce(_once(nothing))
        _check_estimate(none, metric.unit)
        assert none.value is None, "no answer, no value"


_TIMES = (
    "scheduled_at",
    "sent_at",
    "first_byte_at",
    "first_token_at",
    "first_answer_at",
    "last_token_at",
    "done_at",
)


def _later(name: str) -> int:
    at: int = getattr(SAMPLE, name)
    return at + 5000 * MS


def _once(samples: list[Sample]) -> Iterator[Sample]:
    """Return an iterator: a reduction gets one pass."""
    return iter(samples)


def _check_names(name: str, unit: str) -> None:
    assert name, "a metric has a name"
    assert name == name.lower(), "names are in lower case"
    assert unit in UNITS, f"the unit {unit!r} is none of {UNITS}"


def _check_estimate(estimate: Estimate, unit: str) -> None:
    assert estimate.unit == unit, "the estimate has the metric's unit"
    assert estimate.value is None or math.isfinite(estimate.value), "a value is a finite number"
    assert estimate.n >= 0, "n counts"
