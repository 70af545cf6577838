"""How many cases a comparison needs, and the smallest gap that a number of cases can show.

Gaps, margins and shares are 0..1 (0.03 = 3 points). `disagreement` is the share of cases where exactly one
of the two is right. Two-sided tests unless said otherwise.
"""

import math

from bakeoff.stats.checks import check_level, check_share
from bakeoff.stats.intervals import wilson
from bakeoff.stats.special import beta_quantile, binomial_cdf, normal_quantile

_COUNTED_UP_TO = 100_000


def paired_cases(gap: float, disagreement: float, *, alpha: float = 0.05, power: float = 0.8) -> int | None:
    """Return the cases that show a true paired gap with the given power (McNemar's test).

    n = (z_{1-alpha/2} sqrt(d) + z_power sqrt(d - gap^2))^2 / gap^2; Miettinen 1968, Connor 1987.
    None where the gap is as large as the disagreement or larger: there is no such pair of systems to size.

    Raises:
        ValueError: gap or disagreement outside (0, 1], alpha or power outside (0, 1).
    """
    _check_open("gap", gap)
    _check_open("disagreement", disagreement)
    if gap >= disagreement:
        return None
    spread = _z("alpha", 1.0 - alpha / 2.0) * math.sqrt(disagreement)
    spread += _z("power", power) * math.sqrt(disagreement - gap * gap)
    return math.ceil((spread / gap) ** 2)


def paired_gap(n: int, disagreement: float, *, alpha: float = 0.05, power: float = 0.8) -> float | None:
    """Return the smallest true paired gap that n cases show: `paired_cases` solved for the gap.

    gap = sqrt(d) (z_{1-alpha/2} sqrt(n) + z_power sqrt(n + z_power^2 - z_{1-alpha/2}^2)) / (n + z_power^2).
    None where n cases cannot show even a gap as large as the disagreement.

    Raises:
        ValueError: n negative, disagreement outside (0, 1], alpha or power outside (0, 1).
    """
    _check_n(n)
    _check_open("disagreement", disagreement)
    z_alpha = _z("alpha", 1.0 - alpha / 2.0)
    z_power = _z("power", power)
    inner = n + z_power**2 - z_alpha**2
    if inner < 0.0:
        return None
    top = z_alpha * math.sqrt(n) + z_power * math.sqrt(inner)
    gap = math.sqrt(disagreement) * top / (n + z_power**2)
    return gap if gap < disagreement else None


def unpaired_cases(gap: float, share: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Return the cases per target when each answers different cases and both are right in about `share`.

    n = 2 share (1-share) (z_{1-alpha/2} + z_power)^2 / gap^2.

    Raises:
        ValueError: gap or share outside (0, 1], alpha or power outside (0, 1).
    """
    _check_open("gap", gap)
    _check_open("share", share)
    z = _z("alpha", 1.0 - alpha / 2.0) + _z("power", power)
    return math.ceil(2.0 * share * (1.0 - share) * (z / gap) ** 2)


def noninferior_cases(margin: float, disagreement: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Return the cases that show "not worse by `margin`" for two equally good systems, one-sided.

    n = d (z_{1-alpha} + z_power)^2 / margin^2.

    Raises:
        ValueError: margin or disagreement outside (0, 1], alpha or power outside (0, 1).
    """
    _check_open("margin", margin)
    _check_open("disagreement", disagreement)
    z = _z("alpha", 1.0 - alpha) + _z("power", power)
    return math.ceil(disagreement * (z / margin) ** 2)


def noninferior_margin(
    n: int, disagreement: float, *, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """Return the smallest margin that n cases can defend: `noninferior_cases` solved for the margin.

    None without cases.

    Raises:
        ValueError: n negative, disagreement outside (0, 1], alpha or power outside (0, 1).
    """
    _check_n(n)
    _check_open("disagreement", disagreement)
    z = _z("alpha", 1.0 - alpha) + _z("power", power)
    return z * math.sqrt(disagreement / n) if n else None


def floor_passes(n: int, floor: float, *, level: float = 0.95) -> int | None:
    """Return the fewest passes of n cases that show a share to reach a floor; None where not even n do.

    Shown is what Wilson's interval shows (`wilson`, Wilson 1927): its lower end is the floor or above.

    Raises:
        ValueError: n negative, floor outside 0..1, level outside (0, 1).
    """
    _check_n(n)
    check_share(floor, "floor")
    check_level(level)
    if wilson(n, n, level=level).low < floor:
        return None
    fails, shows = -1, n
    while shows - fails > 1:
        middle = (fails + shows) // 2
        fails, shows = (fails, middle) if wilson(middle, n, level=level).low >= floor else (middle, shows)
    return shows


def floor_share(n: int, floor: float, *, level: float = 0.95, power: float = 0.8) -> float | None:
    """Return the smallest true share that n cases show to reach a floor with the given power.

    The share p with P(X >= k) = power, X binomial and k the fewest passes that show it: a quantile of
    Beta(k, n - k + 1), as in Clopper & Pearson 1934. None where not even n passes show it.

    Raises:
        ValueError: n negative, floor outside 0..1, level or power outside (0, 1).
    """
    _z("power", power)
    passes = floor_passes(n, floor, level=level)
    if passes is None:
        return None
    return beta_quantile(power, passes, n - passes + 1) if passes else 0.0


def floor_cases(share: float, floor: float, *, level: float = 0.95, power: float = 0.8) -> int | None:
    """Return the cases that show a true share to reach a floor with the given power.

    Begins at n = ((z_{level} sqrt(f (1-f)) + z_power sqrt(p (1-p))) / (p - f))^2, the score test's (Fleiss,
    Levin & Paik 2003, 2.5), and goes to the next n from which one case less has too little power, which is
    counted exactly: chance that a binomial X reaches `floor_passes`. None where the share is not above the
    floor, so that no number shows it. Above 100,000 cases, where the two hardly differ, it is the formula's.

    Raises:
        ValueError: share or floor outside 0..1, level or power outside (0, 1).
    """
    check_share(share, "share")
    check_share(floor, "floor")
    check_level(level)
    z_power, z = _z("power", power), normal_quantile(0.5 + level / 2.0)
    if floor <= 0.0:
        return 0
    if share <= floor:
        return None

    def found(n: int) -> bool:
        passes = floor_passes(n, floor, level=level)
        return passes is not None and 1.0 - binomial_cdf(passes - 1, n, share) >= power

    spread = z * math.sqrt(floor * (1.0 - floor)) + max(0.0, z_power) * math.sqrt(share * (1.0 - share))
    n = max(1, math.ceil((spread / (share - floor)) ** 2))
    if n > _COUNTED_UP_TO:
        return n
    while not found(n):
        n += 1
    while n > 1 and found(n - 1):
        n -= 1
    return n


def _check_n(n: int) -> None:
    if n < 0:
        raise ValueError(f"n counts cases, got {n}")


def _check_open(name: str, value: float) -> None:
    if not 0.0 < value <= 1.0:
        raise ValueError(f"{name} is a share above 0 and up to 1, got {value}")


def _z(name: str, p: float) -> float:
    if not 0.0 < p < 1.0:
        raise ValueError(f"{name} must lie strictly between 0 and 1")
    return normal_quantile(p)
