"""What an evaluation took, in numbers and in a line."""

from decimal import Decimal

from bakeoff.engine.cache import SERVED
from bakeoff.lm.totals import Counts, Totals
from bakeoff.records import Attempt, Price, Sample, Usage


def sample(outcome="ok", **changes):
    return Sample(benchmark="b", case="c", target="t", outcome=outcome, **changes)


def totals(*samples, price=None):
    counts = Counts(price)
    for each in samples:
        counts.add(each)
    names = {"target": "t", "model": "m", "endpoint": "http://h", "likelihoods": None}
    return Totals(sent=counts.sent.share(), stored=counts.stored.share(), **names)


def test_sent_and_stored_answers_are_counted_apart():
    price = Price(input=Decimal(1), output=Decimal(2))
    usage = Usage(prompt=1_000_000, completion=500_000, cached=10, reasoning=5)
    found = totals(
        sample(usage=usage, attempts=[Attempt(kind="reset")]),
        sample("truncated", usage=usage),
        sample("error"),
        sample(usage=usage, extra={SERVED: True}),
        price=price,
    )
    sent, stored = found.sent, found.stored
    assert (sent.answers, sent.outcomes) == (3, {"ok": 1, "truncated": 1, "error": 1})
    assert (sent.prompt_tokens, sent.completion_tokens) == (2_000_000, 1_000_000)
    assert (sent.cached_tokens, sent.reasoning_tokens, sent.uncounted, sent.retries) == (20, 10, 1, 1)
    assert (sent.cost_usd, sent.unpriced) == (4, 1)
    assert (stored.answers, stored.cost_usd, stored.unpriced) == (1, 2, 0)
    assert found.sentence() == (
        "t: 3 sent (1 error, 1 truncated), 1 from the store; 1 retry; 2,000,000 + 1,000,000 tokens; "
        "4.0000 USD"
    )


def test_what_is_unknown_is_not_said_to_be_nothing():
    found = totals(sample())
    assert (found.sent.uncounted, found.sent.cost_usd, found.sent.unpriced) == (1, None, 1)
    assert found.sentence() == "t: 1 sent"
    assert totals().sentence() == "t: nothing asked"
