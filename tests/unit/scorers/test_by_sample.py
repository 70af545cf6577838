"""Scorers that judge what was measured, not what was said."""

import math
from decimal import Decimal

import pytest

from bakeoff.plugins import PluginError, create
from bakeoff.prompts import check_references
from bakeoff.records import Case, Price, Sample, Usage
from bakeoff.scorers.finish_reason import FinishReason
from bakeoff.scorers.limits import CostLimit, LatencyLimit
from bakeoff.scorers.perplexity import Perplexity, PerplexityScore

PRICE = Price(input=Decimal(1), output=Decimal(10))


def graded(scorer, **fields):
    return scorer.grade(
        "any",
        Case(fields={"end": "stop"}),
        Sample(benchmark="b", case="c", target="t", outcome="ok", **fields),
    )


@pytest.mark.parametrize(
    ("since", "threshold", "passed"),
    [("due", 30, True), ("due", 29.9, False), ("sent", 20, True), ("sent", 19, False)],
)
def test_latency_counts_from_when_it_says(since, threshold, passed):
    result = graded(
        LatencyLimit(threshold=threshold, since=since), scheduled_at=0, sent_at=10_000_000, done_at=30_000_000
    )
    assert result.passed is passed


@pytest.mark.parametrize("since", ["due", "sent"])
def test_a_sample_without_times_is_neither_quick_nor_slow(since):
    result = graded(LatencyLimit(threshold=1, since=since))
    assert (result.value, result.passed) == (None, None)


@pytest.mark.parametrize(("threshold", "passed"), [(0.0021, True), (0.002, False)])
def test_cost_is_that_of_the_tokens(threshold, passed):
    usage = Usage(prompt=100, completion=200)
    assert graded(CostLimit(threshold=threshold, price=PRICE), usage=usage).passed is passed


def test_the_price_of_the_target_goes_first():
    scorer = CostLimit(threshold=1, price=Price(request=Decimal(2)), prices={"t": Price(request=Decimal(1))})
    assert graded(scorer).passed
    assert not graded(CostLimit(threshold=1, price=Price(request=Decimal(2)))).passed


def test_an_unknown_cost_is_no_cost_of_nothing():
    assert graded(CostLimit(threshold=1, price=PRICE)).value is None
    assert (
        graded(CostLimit(threshold=1, prices={"other": PRICE}), usage=Usage(prompt=1, completion=1)).value
        is None
    )
    with pytest.raises(PluginError, match="price"):
        create("scorers", "cost", {"threshold": 1})


@pytest.mark.parametrize(
    ("value", "given", "passed"), [("stop", "STOP", True), ("stop", "eos", False), ("{{end}}", "stop", True)]
)
def test_the_finish_reason_is_compared_without_case(value, given, passed):
    assert graded(FinishReason(value=value), finish_reason=given).passed is passed


def test_no_finish_reason_is_no_wrong_one():
    assert graded(FinishReason(value="stop")).passed is None
    assert graded(FinishReason(value="{{no}}"), finish_reason="stop").parsed is None


CHAT = {"content": [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -1.5}]}
PLAIN = {"token_logprobs": [None, -0.5, -1.5]}


@pytest.mark.parametrize(
    "logprobs", [CHAT, [CHAT], [{"content": [one]} for one in CHAT["content"]], PLAIN, [PLAIN]]
)
def test_perplexity_is_read_from_every_form_of_log_probabilities(logprobs):
    result = graded(Perplexity(), extra={"logprobs": logprobs})
    assert result.passed
    assert float(result.parsed) == pytest.approx(math.e, rel=1e-5)
    score = graded(PerplexityScore(), extra={"logprobs": logprobs})
    assert score.value == pytest.approx(1 / (1 + math.e))


def test_a_threshold_of_perplexity_decides():
    extra = {"logprobs": CHAT}
    assert graded(Perplexity(threshold=2.8), extra=extra).passed
    assert not graded(Perplexity(threshold=2.7), extra=extra).passed
    assert graded(PerplexityScore(threshold=0.26), extra=extra).passed
    assert not graded(PerplexityScore(threshold=0.27), extra=extra).passed


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        [],
        {},
        {"content": None},
        {"content": "text"},
        {"content": [1]},
        {"token_logprobs": [None, "x"]},
        5,
        {"content": [{"logprob": math.inf}]},
    ],
)
@pytest.mark.parametrize("scorer", [Perplexity(threshold=1), PerplexityScore(threshold=1)])
def test_without_log_probabilities_there_is_no_grade(scorer, logprobs):
    result = graded(scorer, extra={"logprobs": logprobs})
    assert (result.value, result.passed) == (None, None)


def test_a_very_unlikely_answer_is_still_a_number():
    extra = {"logprobs": {"token_logprobs": [-1e9]}}
    assert graded(PerplexityScore(), extra=extra).value == pytest.approx(0.0)
    assert not graded(Perplexity(threshold=5), extra=extra).passed


@pytest.mark.parametrize(
    "scorer",
    [
        LatencyLimit(threshold=1),
        CostLimit(threshold=1, price=PRICE),
        FinishReason(value="stop"),
        Perplexity(),
    ],
)
def test_what_the_sample_will_tell_refuses_no_run(scorer):
    check_references([Case(id="c")], {"it": scorer})
