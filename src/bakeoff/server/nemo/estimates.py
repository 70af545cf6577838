"""The scores of another NeMo server as records of ours, with the intervals that its statistics allow."""

import math
from typing import Any, cast

import msgspec

from bakeoff.records import Estimate
from bakeoff.spec.adopted import mapping
from bakeoff.stats.intervals import wilson
from bakeoff.stats.special import t_quantile

Body = dict[str, Any]
_LEVEL = 0.95
_MOST = 2**53


class _Stats(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says of the values of a score."""

    count: int
    low: float | None
    high: float | None
    sum: float | None
    squared: float | None
    stderr: float | None

    @property
    def right(self) -> int | None:
        """How many values are 1 where all are 0 or 1, as only then their sum is that of their squares."""
        if None in {self.low, self.high, self.sum, self.squared}:
            return None
        low, high, whole = cast("tuple[float, float, float]", (self.low, self.high, self.sum))
        same = whole == self.squared and whole == round(whole) and 0 <= whole <= self.count
        return round(whole) if same and {low, high} <= {0.0, 1.0} else None


def estimates(result: Body) -> dict[str, dict[str, Estimate]]:
    """Return the scores of a result as estimates by task, named `metric.score`.

    A share of 0s and 1s has Wilson's interval. Another mean has Student's t, unless it may be a share:
    a value from 0 to 1 whose statistics do not tell has none.
    """
    return {
        task: {
            f"{metric}.{name}": _estimate(score)
            for metric, told in _members_of(body, "metrics")
            for name, score in _members_of(told, "scores")
        }
        for task, body in _members_of(result, "tasks")
    }


def _members_of(value: Body, key: str) -> list[tuple[str, Body]]:
    """Return the objects below a key; another server may say anything."""
    return [
        (name, cast("Body", each)) for name, each in mapping(value.get(key)).items() if isinstance(each, dict)
    ]


def _estimate(score: Body) -> Estimate:
    value, stats = _number(score.get("value")), _stats(mapping(score.get("stats")))
    if value is None or stats.count < 1:
        return Estimate(value=value, unit="", n=stats.count)
    right = stats.right
    if right is not None and math.isclose(value, right / stats.count, abs_tol=1e-9):
        share = wilson(right, stats.count, level=_LEVEL)
        return Estimate(
            value=value,
            unit="share",
            n=stats.count,
            low=share.low,
            high=share.high,
            level=_LEVEL,
            note="Wilson",
        )
    may_be_share = 0 <= value <= 1 and right is None and None in {stats.low, stats.high}
    if may_be_share or not stats.stderr or stats.count < 2:
        return Estimate(value=value, unit="", n=stats.count)
    reach = t_quantile(0.5 + _LEVEL / 2, stats.count - 1) * stats.stderr
    low, high = value - reach, value + reach
    if stats.low is not None and stats.high is not None and 0 <= stats.low <= stats.high <= 1:
        low, high = max(0.0, low), min(1.0, high)
    return Estimate(value=value, unit="", n=stats.count, low=low, high=high, level=_LEVEL, note="t")


def _stats(told: Body) -> _Stats:
    count = _number(told.get("count")) or 0.0
    return _Stats(
        count=round(count) if 0 <= count <= _MOST else 0,
        low=_number(told.get("min")),
        high=_number(told.get("max")),
        sum=_number(told.get("sum")),
        squared=_number(told.get("sum_squared")),
        stderr=_number(told.get("stderr")),
    )


def _number(value: object) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None
