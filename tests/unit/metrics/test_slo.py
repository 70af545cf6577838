import msgspec
import pytest

from bakeoff.metrics.slo import SloAttainment
from bakeoff.records import OUTCOMES, Usage
from bakeoff.testing.contracts.metrics import SAMPLE, TARGET


@pytest.mark.parametrize(
    ("thresholds", "met"),
    [
        ({}, 1.0),
        ({"ttft": 0.21}, 1.0),
        ({"ttft": 0.209}, 0.0),
        ({"ttfa": 0.25}, 1.0),
        ({"ttfa": 0.24}, 0.0),
        ({"e2e": 0.512}, 1.0),
        ({"e2e": 0.511}, 0.0),
        ({"tpot": 0.0101}, 1.0),
        ({"tpot": 0.0099}, 0.0),
        ({"ttft": 1, "e2e": 0.1}, 0.0),
    ],
)
def test_all_given_thresholds_must_be_met(thresholds, met):
    assert SloAttainment(**thresholds).measure(SAMPLE, TARGET) == met


@pytest.mark.parametrize("outcome", [outcome for outcome in OUTCOMES if outcome != "ok"])
def test_an_answer_that_is_not_ok_met_nothing(outcome):
    assert SloAttainment().measure(msgspec.structs.replace(SAMPLE, outcome=outcome), TARGET) == 0.0


def test_an_unknown_value_is_unknown_unless_another_threshold_was_missed():
    uncounted = msgspec.structs.replace(SAMPLE, usage=Usage())
    assert SloAttainment(tpot=0.01).measure(uncounted, TARGET) is None
    assert SloAttainment(tpot=0.01, e2e=0.1).measure(uncounted, TARGET) == 0.0
    assert SloAttainment(e2e=1).measure(uncounted, TARGET) == 1.0
    whole = msgspec.structs.replace(SAMPLE, first_token_at=None)
    assert SloAttainment(ttft=1).measure(whole, TARGET) is None
    packed = msgspec.structs.replace(SAMPLE, chunks=1)
    assert SloAttainment(tpot=1).measure(packed, TARGET) is None


def test_an_answer_of_one_token_has_no_tpot_to_miss():
    single = msgspec.structs.replace(SAMPLE, chunks=1, usage=Usage(completion=1))
    assert SloAttainment(tpot=0.001).measure(single, TARGET) == 1.0


def test_a_threshold_that_is_not_positive_is_refused():
    with pytest.raises(msgspec.ValidationError, match="ttft"):
        msgspec.convert({"ttft": 0}, SloAttainment)
