"""What a job has spent of its limits: requests to the last one, tokens and money as far as they are told.

A request is counted in a file before it leaves, so that neither a crash nor a retry lets one more out. Tokens
and money are known when an answer is there; until then the most that it may take is set aside.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path

import msgspec

from bakeoff.engine.send import Outgoing
from bakeoff.errors import BakeoffError, WireError
from bakeoff.prices import token_prices, usd
from bakeoff.records import Judgement, Price, Rates, Sample, Score
from bakeoff.server.jobs.job import JobLimits
from bakeoff.wire.leaving import LIMIT

SENT = "sent"
"""A file of a job with one byte for each request that has left."""
_PER = 1_000_000
_NOTHING = Decimal(0)


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens and money."""

    tokens: int = 0
    usd: Decimal = _NOTHING

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(tokens=self.tokens + other.tokens, usd=self.usd + other.usd)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(tokens=self.tokens - other.tokens, usd=self.usd - other.usd)


class Spending:
    """Counts what a run spends, and stops it at a limit. It is the purse of the engine.

    Args:
        limits: of the job.
        prices: of its models, by name.
        folder: of the job.
        stop: called when a limit is reached.
        stopped: tells whether the run is to begin nothing more, for whatever reason.

    Attributes:
        error: why the run was stopped here; None while it was not.
        held: how often a request had to wait for room.
    """

    def __init__(
        self,
        limits: JobLimits,
        prices: Mapping[str, Price | None],
        folder: Path,
        *,
        stop: Callable[[], None],
        stopped: Callable[[], bool],
    ) -> None:
        self.error: BakeoffError | None = None
        self.held = 0
        self._limits = limits
        self._prices = prices
        self._stop = stop
        self._stopped = stopped
        self._spent = Amount()
        self._aside: dict[int, Amount] = {}
        self._all_aside = Amount()
        self._longest: dict[str, int] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._sent, self._book = 0, None if limits.requests is None else _opened(folder / SENT)
        if self._book is not None:
            self._sent = os.fstat(self._book).st_size

    @property
    def counts(self) -> bool:
        """Tell whether tokens or money are limited."""
        return self._limits.tokens is not None or self._limits.usd is not None

    def leave(self) -> None:
        """Let one more request leave.

        Raises:
            WireError: a limit is reached.
        """
        most = self._limits.requests
        if most is not None and self._sent >= most:
            self._reach(f"{most} requests")
        self._look()
        if self.error is not None:
            raise WireError(LIMIT, self.error.message)
        if self._book is not None:
            os.write(self._book, b".")
            self._sent += 1

    async def set_aside(self, out: Outgoing) -> bool:
        """Set aside what an answer may take at the most; a single one is let out whatever it may take."""
        if not self.counts:
            return not self._stopped()
        most, waited = self._most(out), False
        while True:
            self._look()
            if self._stopped() or self.error is not None:
                self._wake()
                return False
            if not self._aside or self._fits(self._spent + self._all_aside + most):
                break
            place = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            self.held += not waited
            waited = True
            await place
        self._aside[id(out)] = most
        self._all_aside += most
        self._wake()
        return True

    def settle(self, out: Outgoing) -> None:
        """Free what was set aside."""
        most = self._aside.pop(id(out), None)
        if most is not None:
            self._all_aside -= most
            self._wake()

    def heard(self, sample: Sample) -> None:
        """Take what an answer took.

        An answer without counts ends the run: nobody could tell when its limit is reached.
        """
        if not self.counts:
            return
        usage = sample.usage
        self._take(usage.prompt, usage.completion, usd(sample, self._prices.get(sample.target)))
        self._longest[sample.target] = max(self._longest.get(sample.target, 0), usage.completion or 0)
        if sample.ok:
            known = usd(sample, self._prices.get(sample.target)) is not None
            told = usage.prompt is not None and usage.completion is not None
            self._check_told(f"the model `{sample.target}`", tokens=told, money=known)
        self._look(over=True)

    def judged(self, score: Score) -> None:
        """Take what judging an answer took."""
        if not self.counts:
            return
        for one in score.judgements:
            self._judged(one)
        self._look(over=True)

    def recall(self, samples: Iterable[Sample], scores: Iterable[Score]) -> None:
        """Take what earlier attempts have stored."""
        for sample in samples:
            self.heard(sample)
        for score in scores:
            self.judged(score)

    def _judged(self, one: Judgement) -> None:
        self._take(one.usage.prompt, one.usage.completion, one.usd)
        if one.text:
            told = one.usage.prompt is not None and one.usage.completion is not None
            self._check_told(f"the judge `{one.model}`", tokens=told, money=one.usd is not None)

    def _take(self, prompt: int | None, completion: int | None, money: Decimal | None) -> None:
        self._spent += Amount(tokens=(prompt or 0) + (completion or 0), usd=money or _NOTHING)

    def _check_told(self, who: str, *, tokens: bool, money: bool) -> None:
        if self._limits.tokens is not None and not tokens:
            self._end(
                f"{who} tells no token counts: the limit of {self._limits.tokens} tokens cannot be kept",
                hint="leave `tokens` out and limit `requests` or `seconds`",
            )
        elif self._limits.usd is not None and not money:
            self._end(
                f"what an answer of {who} costs is not known, so that the limit of {self._limits.usd:g} usd "
                "cannot be kept",
                hint="it needs a price, and its server must tell token counts; or limit `requests`",
            )

    def _look(self, *, over: bool = False) -> None:
        """Stop where a limit is reached; with `over`, only where more than it was spent."""
        limits, spent = self._limits, self._spent
        pairs = (("tokens", limits.tokens, spent.tokens), ("usd", limits.usd, spent.usd))
        for name, most, amount in pairs:
            if most is not None and (amount > _exact(most) or (not over and amount >= _exact(most))):
                self._reach(f"{most:g} {name}" if name == "usd" else f"{most} {name}")

    def _fits(self, whole: Amount) -> bool:
        tokens, money = self._limits.tokens, self._limits.usd
        return (tokens is None or whole.tokens <= tokens) and (money is None or whole.usd <= _exact(money))

    def _most(self, out: Outgoing) -> Amount:
        """Return the most that an answer may take: a token of a prompt has at least one byte."""
        request, target = out.request, out.intent.target
        if out.call is not None:
            prompt, most = len(out.call.body), request.sampling.max_tokens
        else:
            # Each text whose likelihood is asked for brings the whole prompt along.
            prompt, most = len(msgspec.json.encode(request)) * max(1, len(request.continuations)), 1
        answer = self._longest.get(target, 0) if most is None else most
        money = (
            _dearest(self._prices.get(target), prompt, answer) if self._limits.usd is not None else _NOTHING
        )
        return Amount(tokens=prompt + answer, usd=money)

    def _reach(self, limit: str) -> None:
        self._end(
            f"the job reached its limit of {limit}; what was answered is kept",
            hint="submit it again with a higher limit",
        )

    def _end(self, message: str, *, hint: str) -> None:
        if self.error is None:
            self.error = BakeoffError(message, hint=hint)
            self._stop()
        self._wake()

    def _wake(self) -> None:
        """Let the next one look again; it wakes the one after it where there is room for more."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return


def _exact(most: float) -> Decimal:
    return Decimal(repr(most))


def _opened(path: Path) -> int:
    """Return a file to append to; never closed, as it is counted in until the end of the process."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _dearest(price: Price | None, prompt: int, answer: int) -> Decimal:
    """Return the most that so many tokens cost, by whatever class and tier they are charged."""
    if price is None:
        return _NOTHING
    models = [_dear(rates, prompt, answer) for rates in price.models.values()]
    return _dear(price, prompt, answer) + max(models, default=_NOTHING)


def _dear(rates: Rates, prompt: int, answer: int) -> Decimal:
    found = [_NOTHING]
    for tier in (None, *rates.tiers):
        prices = token_prices(rates, tier, missing=_NOTHING)
        if prices is not None:
            first = max(prices["input"], prices["cached_input"], prices["cache_write"])
            found.append((prompt * first + answer * max(prices["output"], prices["reasoning"])) / _PER)
    return max(found) + (rates.request or _NOTHING)
