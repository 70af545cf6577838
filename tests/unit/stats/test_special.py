import math

import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.stats.special import (
    beta_cdf,
    beta_quantile,
    binomial_cdf,
    binomial_pmf,
    normal_cdf,
    normal_quantile,
    t_quantile,
    t_two_sided,
)

shapes = st.floats(0.3, 2000.0)
open_shares = st.floats(1e-9, 1.0 - 1e-9)


@given(open_shares, shapes, shapes)
def test_beta_cdf_agrees_with_scipy(x: float, a: float, b: float) -> None:
    assert beta_cdf(x, a, b) == pytest.approx(scipy.special.betainc(a, b, x), rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("x", [0.4990, 0.4999, 0.5, 0.5003, 0.502])
def test_beta_cdf_keeps_nine_digits_at_a_million(x: float) -> None:
    expected = scipy.special.betainc(500_000.0, 500_000.0, x)
    assert beta_cdf(x, 500_000.0, 500_000.0) == pytest.approx(expected, rel=1e-9)


# Fractions of a power of two, so that 1 - x is exact.
@given(st.integers(1, 2**20 - 1).map(lambda k: k / 2**20), shapes, shapes)
def test_beta_cdf_mirrors(x: float, a: float, b: float) -> None:
    assert beta_cdf(x, a, b) + beta_cdf(1.0 - x, b, a) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("x", "a", "b"), [(-0.1, 1, 1), (1.1, 1, 1), (math.nan, 1, 1), (0.5, 0, 1), (0.5, 1, -1)]
)
def test_beta_cdf_refuses_what_has_no_value(x: float, a: float, b: float) -> None:
    with pytest.raises(ValueError, match=r"share|above 0"):
        beta_cdf(x, a, b)


def test_beta_cdf_at_the_ends() -> None:
    assert beta_cdf(0.0, 2.0, 3.0) == 0.0
    assert beta_cdf(1.0, 2.0, 3.0) == 1.0


@given(st.floats(1e-6, 1.0 - 1e-6), st.floats(0.5, 2000.0), st.floats(0.5, 2000.0))
def test_beta_quantile_inverts(p: float, a: float, b: float) -> None:
    x = beta_quantile(p, a, b)
    expected = scipy.special.betaincinv(a, b, p)
    # Where the curve is steep near 1, neighbouring floats differ by more than the error of either.
    assert x == pytest.approx(expected, rel=1e-8, abs=1e-15) or beta_cdf(x, a, b) == pytest.approx(
        p, rel=1e-8
    )


def test_beta_quantile_at_the_ends() -> None:
    assert beta_quantile(0.0, 2.0, 3.0) == pytest.approx(0.0, abs=1e-50)
    assert beta_quantile(1.0, 2.0, 3.0) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="share"):
        beta_quantile(math.nan, 2.0, 3.0)


@pytest.mark.parametrize("p", [0.0, 0.03, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("n", [0, 1, 7, 60, 3000])
def test_binomial_agrees_with_scipy(n: int, p: float) -> None:
    for k in {-1, 0, 1, n // 3, n // 2, n - 1, n, n + 1}:
        assert binomial_pmf(k, n, p) == pytest.approx(scipy.stats.binom.pmf(k, n, p), rel=1e-10, abs=1e-300)
        assert binomial_cdf(k, n, p) == pytest.approx(scipy.stats.binom.cdf(k, n, p), rel=1e-10, abs=1e-300)


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_binomial_refuses_an_impossible_share(p: float) -> None:
    with pytest.raises(ValueError, match="share"):
        binomial_cdf(1, 3, p)
    with pytest.raises(ValueError, match="share"):
        binomial_pmf(1, 3, p)


@given(st.floats(1e-9, 1.0 - 1e-9), st.floats(1.0, 1e6))
def test_t_quantile_agrees_with_scipy(p: float, df: float) -> None:
    assert t_quantile(p, df) == pytest.approx(scipy.stats.t.ppf(p, df), rel=1e-7, abs=1e-9)


@given(st.floats(-50.0, 50.0), st.floats(0.5, 1e5))
def test_t_two_sided_agrees_with_scipy(t: float, df: float) -> None:
    assert t_two_sided(t, df) == pytest.approx(2.0 * scipy.stats.t.sf(abs(t), df), rel=1e-8, abs=1e-300)


@pytest.mark.parametrize("p", [0.0, 1.0, math.nan])
def test_t_quantile_refuses_the_ends(p: float) -> None:
    with pytest.raises(ValueError, match="strictly between"):
        t_quantile(p, 5.0)


@pytest.mark.parametrize("x", [-8.0, -1.5, 0.0, 0.3, 6.0])
def test_normal_agrees_with_scipy(x: float) -> None:
    assert normal_cdf(x) == pytest.approx(scipy.stats.norm.cdf(x), rel=1e-12)
    assert normal_quantile(normal_cdf(x)) == pytest.approx(x, abs=1e-6)
