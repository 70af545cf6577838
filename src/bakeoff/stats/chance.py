"""How likely a true value reaches a bound, given what was seen. A statement of belief, not a test.

For a count the prior is Jeffreys': Beta(1/2, 1/2), which no unit or order of the outcomes changes and which
half a success and half a failure outweigh.
"""

import math

from bakeoff.stats.checks import check_count, check_level, check_share
from bakeoff.stats.special import beta_cdf, normal_cdf, normal_quantile


def share_reaches(successes: int, n: int, bound: float) -> float:
    """Return P(p >= bound) of a proportion after `successes` in `n`.

    1 - I_bound(k + 1/2, n - k + 1/2): the posterior Beta(k + 1/2, n - k + 1/2) above the bound
    (Brown, Cai & DasGupta 2001, section 4.2).

    Raises:
        ValueError: successes outside 0..n, or a bound outside 0..1.
    """
    check_count(successes, n)
    check_share(bound, "bound")
    return beta_cdf(1.0 - bound, n - successes + 0.5, successes + 0.5)


def value_reaches(value: float, edge: float, bound: float, *, level: float = 0.95) -> float:
    """Return P(true value >= bound) by the normal curve whose `level` interval around `value` ends at `edge`.

    Phi((value - bound) / s) with s = |edge - value| / z: a bound at the edge has chance (1 +- level) / 2, as
    the interval says. An interval that is wider on one side is used by its edge on the side of the bound.

    Raises:
        ValueError: value, edge or bound is no finite number, or level outside (0, 1).
    """
    check_level(level)
    if not all(map(math.isfinite, (value, edge, bound))):
        raise ValueError(f"value, edge and bound must be finite, got {value}, {edge} and {bound}")
    spread = abs(edge - value) / normal_quantile(0.5 + level / 2.0)
    if spread == 0.0:
        return float(value >= bound)
    return normal_cdf((value - bound) / spread)
