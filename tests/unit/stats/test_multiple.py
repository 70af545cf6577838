import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from bakeoff.stats.multiple import bonferroni, holm

p_values = st.lists(
    st.one_of(st.floats(0.0, 1.0), st.sampled_from([0.01, 0.01, 0.04])), min_size=1, max_size=12
)


@pytest.mark.parametrize(("adjust", "method"), [(holm, "holm"), (bonferroni, "bonferroni")])
@settings(max_examples=15)  # statsmodels collects garbage in every call
@given(values=p_values)
def test_adjustments_agree_with_statsmodels(adjust, method: str, values: list[float]) -> None:
    assert adjust(values) == pytest.approx(tuple(multipletests(values, method=method)[1]))


@given(p_values)
def test_holm_is_between_the_raw_value_and_bonferroni_and_keeps_order(values: list[float]) -> None:
    adjusted = holm(values)
    for raw, one, most in zip(values, adjusted, bonferroni(values), strict=True):
        assert raw <= one <= most
    ranked = [one for _, one in sorted(zip(values, adjusted, strict=True))]
    assert ranked == sorted(ranked)


def test_equal_p_values_get_equal_adjustments() -> None:
    assert holm([0.02, 0.5, 0.02]) == (0.06, 0.5, 0.06)


@pytest.mark.parametrize("adjust", [holm, bonferroni])
def test_unknown_p_values_pass_through_and_do_not_count(adjust) -> None:
    assert adjust([0.04, None, 0.01]) == (adjust([0.04, 0.01])[0], None, adjust([0.04, 0.01])[1])
    assert adjust([None]) == (None,)
    assert adjust([]) == ()


@pytest.mark.parametrize("adjust", [holm, bonferroni])
@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_impossible_p_values_are_refused(adjust, bad: float) -> None:
    with pytest.raises(ValueError, match="p-value"):
        adjust([0.1, bad])
