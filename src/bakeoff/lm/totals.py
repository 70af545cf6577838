"""What the answers of an evaluation were, took and cost: those that were sent, and those out of the store."""

from collections import Counter
from decimal import Decimal

import msgspec

from bakeoff.engine.cache import SERVED
from bakeoff.prices import Spending
from bakeoff.records import Price, Sample

TOTALS_VERSION = 1


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the answers.

    Attributes:
        answers: how many; a group of likelihoods of one question is one.
        outcomes: how many by what became of them.
        retries: tries that failed before an answer came.
        uncounted: answers of which the server told no tokens; they are in none of the sums.
        cost_usd: at the given prices; None where none is known.
        unpriced: answers whose cost is unknown.
    """

    answers: int
    outcomes: dict[str, int]
    retries: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    uncounted: int
    cost_usd: Decimal | None
    unpriced: int


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What an evaluation took.

    Attributes:
        endpoint: without credentials.
        likelihoods: how they were asked for; None where none were.
        sent: answers of this process's own requests.
        stored: answers that an earlier process had got.
    """

    target: str
    model: str
    endpoint: str
    likelihoods: str | None
    sent: Share
    stored: Share
    v: int = TOTALS_VERSION

    def sentence(self) -> str:
        """Return it in one line."""
        said = [f"{part.answers:,} {word}{_outcomes(part)}" for part, word in self._parts() if part.answers]
        facts = [f"{self.target}: {', '.join(said) or 'nothing asked'}"]
        if self.sent.retries:
            facts.append(f"{self.sent.retries:,} {'retry' if self.sent.retries == 1 else 'retries'}")
        if self.sent.answers > self.sent.uncounted:
            facts.append(f"{self.sent.prompt_tokens:,} + {self.sent.completion_tokens:,} tokens")
        if self.sent.cost_usd is not None:
            facts.append(f"{self.sent.cost_usd:.4f} USD")
        return "; ".join(facts)

    def _parts(self) -> tuple[tuple[Share, str], tuple[Share, str]]:
        return (self.sent, "sent"), (self.stored, "from the store")


def _outcomes(part: Share) -> str:
    """Say what is not ok."""
    other = [f"{count:,} {name}" for name, count in sorted(part.outcomes.items()) if name != "ok"]
    return f" ({', '.join(other)})" if other else ""


class Counts:
    """Adds up answers of one target.

    Args:
        price: of the target; None where it is unknown.
    """

    def __init__(self, price: Price | None) -> None:
        self.sent = _Part(price)
        self.stored = _Part(price)

    def add(self, sample: Sample) -> None:
        """Take one answer."""
        (self.stored if sample.extra.get(SERVED) else self.sent).add(sample)


class _Part:
    def __init__(self, price: Price | None) -> None:
        self._spending = Spending(price)
        self._outcomes: Counter[str] = Counter()
        self._tokens: Counter[str] = Counter()
        self._uncounted = 0

    def add(self, sample: Sample) -> None:
        self._spending.add(sample)
        self._outcomes[sample.outcome] += 1
        usage = sample.usage
        if usage.prompt is None and usage.completion is None:
            self._uncounted += 1
        for name in ("prompt", "cached", "completion", "reasoning"):
            self._tokens[name] += getattr(usage, name) or 0

    def share(self) -> Share:
        return Share(
            answers=self._outcomes.total(),
            outcomes=dict(self._outcomes),
            retries=self._spending.retries,
            prompt_tokens=self._tokens["prompt"],
            cached_tokens=self._tokens["cached"],
            completion_tokens=self._tokens["completion"],
            reasoning_tokens=self._tokens["reasoning"],
            uncounted=self._uncounted,
            cost_usd=self._spending.total,
            unpriced=self._spending.requests - self._spending.priced,
        )
