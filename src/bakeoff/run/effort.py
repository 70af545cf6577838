"""What a plan will take: calls, tokens, money and time, by benchmark and target. It sends nothing.

Prompt tokens come from the prompts as they will be sent: asked lengths where a case has one, else their
characters over a stated ratio, unless an earlier run counted them.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from bakeoff.decide.cost.pricing import Found
from bakeoff.engine.stage import stage_schedule
from bakeoff.plan import CALIBRATION
from bakeoff.prices import CLASSES, Tokens, amount, tier_of, token_prices, tokens_of
from bakeoff.prompts import Renderer
from bakeoff.records import Case, Message, Request, Stage, Usage

CHARS_PER_TOKEN = 4
"""Characters that one token of English text has in common tokenizers, roughly."""


class Usual(msgspec.Struct, frozen=True, kw_only=True):
    """What one request of a benchmark to a target took in an earlier run, on average; None is unknown.

    Attributes:
        n: requests that it is the mean of.
        usage: tokens, rounded.
        seconds: from sending to the end of the answer.
    """

    n: int
    usage: Usage = Usage()
    seconds: float | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What asking one case takes; `output` is the most tokens it may bring, None for no bound."""

    calls: int
    prompt: int
    output: int | None


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of one price class, and what they cost in USD."""

    price_class: str
    tokens: int
    usd_per_1m: float
    usd: float


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """What one benchmark takes of one target; None is unknown, never zero.

    Attributes:
        calls: requests, warm-up included.
        warmup: those of them that are warm-up.
        at_most: the load may end before all of them are sent.
        prompt_tokens: of all calls.
        output_most: the longest that all answers may be.
        output_tokens: how long they were in the earlier run.
        tokens_from: what the prompt tokens were taken from.
        charges: by price class; for the longest answers where no earlier run tells.
        usd: as the earlier run's answers were.
        usd_most: if every answer takes all it may.
        unpriced: why money is unknown, empty where it is known.
        hourly: its hardware is paid by the hour, and not its tokens.
        seconds: the benchmark's own time.
        seconds_from: what that was taken from, or why it is unknown.
    """

    benchmark: str
    target: str
    calls: int
    warmup: int
    at_most: bool
    prompt_tokens: int
    output_most: int | None
    output_tokens: int | None
    tokens_from: str
    charges: list[Charge]
    usd: float | None
    usd_most: float | None
    unpriced: str
    hourly: bool
    seconds: float | None
    seconds_from: str


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of several calls."""

    calls: int
    prompt: int
    output: int | None


def asked_cases(renderer: Renderer, cases: Iterable[Case]) -> dict[str, Asked]:
    """Return what asking each case takes, by id.

    A later turn of a conversation sends all that was said before it, answers included.
    """
    found: dict[str, Asked] = {}
    for case in cases:
        one = _asked(renderer.render(case), case)
        before = found.get(case.follows) if case.follows is not None else None
        if before is not None:
            one = msgspec.structs.replace(one, prompt=one.prompt + before.prompt + (before.output or 0))
        found[case.id] = one
    return found


def asked_trials(trials: Iterable[Case]) -> dict[str, Asked]:
    """Return what the prompts of a calibration take."""
    return {case.id: Asked(calls=1, prompt=case.prompt_tokens or 0, output=1) for case in trials}


def _asked(request: Request, case: Case) -> Asked:
    if request.continuations:
        chars = sum(len(each.context) + len(each.text) for each in request.continuations)
        count = len(request.continuations)
        return Asked(calls=count, prompt=_tokens(chars), output=count)
    output = request.sampling.max_tokens if request.output_tokens is None else request.output_tokens
    if case.prompt_tokens is not None:
        return Asked(calls=1, prompt=case.prompt_tokens, output=output)
    chars = len(request.prompt or "") + sum(map(_length, request.messages))
    return Asked(calls=1, prompt=_tokens(chars), output=output)


def _length(message: Message) -> int:
    """Count the characters of a message's text; pictures in it count nothing."""
    if isinstance(message.content, str):
        return len(message.content)
    return sum(len(str(part.get("text", ""))) for part in message.content)


def _tokens(chars: int) -> int:
    return math.ceil(chars / CHARS_PER_TOKEN)


def summed(stage: Stage, asked: Mapping[str, Asked]) -> Sums:
    """Return the tokens of a stage: its cases in order, over and over."""
    rounds, rest = divmod(stage.requests, len(stage.cases))
    whole = _sum(stage.cases, asked) if rounds else Sums(calls=0, prompt=0, output=0)
    part = _sum(stage.cases[:rest], asked)
    bounded = whole.output is not None and part.output is not None
    return Sums(
        calls=rounds * whole.calls + part.calls,
        prompt=rounds * whole.prompt + part.prompt,
        output=rounds * (whole.output or 0) + (part.output or 0) if bounded else None,
    )


def _sum(names: Sequence[str], asked: Mapping[str, Asked]) -> Sums:
    each = [asked[name] for name in names]
    outputs = [one.output for one in each if one.output is not None]
    return Sums(
        calls=sum(one.calls for one in each),
        prompt=sum(one.prompt for one in each),
        output=sum(outputs) if len(outputs) == len(each) else None,
    )


class Costed(msgspec.Struct, frozen=True, kw_only=True):
    """Money of some tokens: by class, in all, or why it is unknown."""

    charges: list[Charge]
    usd: float | None
    unpriced: str = ""


def costed(found: Found, tokens: Tokens | None, calls: int) -> Costed:
    """Return what calls cost that all have the same length.

    Args:
        found: the target's price.
        tokens: of all calls together; None where nothing bounds them.
        calls: how many they are.
    """
    price = found.price
    if price is None or found.problem or price.answering or price.gpu_hour is not None:
        return Costed(charges=[], usd=None, unpriced=_unpriced(found))
    fees = [] if price.request is None else [_request_charge(price.request, calls)]
    if price.input is None and price.output is None:
        return Costed(charges=fees, usd=sum(each.usd for each in fees))
    if tokens is None:
        return Costed(charges=[], usd=None, unpriced="no `max_tokens` bounds its answers")
    prompt = tokens.input + tokens.cached_input + tokens.cache_write
    prices = token_prices(price, tier_of(price, prompt // max(1, calls)))
    assert prices is not None  # a price without input or output has a problem
    charges = [
        Charge(
            price_class=name,
            tokens=count,
            usd_per_1m=float(prices[name]),
            usd=float(count * prices[name] / 1_000_000),
        )
        for name in CLASSES
        if (count := getattr(tokens, name))
    ]
    total = amount(tokens, prices) + calls * (price.request or Decimal(0))
    return Costed(charges=[*charges, *fees], usd=float(total))


def _unpriced(found: Found) -> str:
    if found.problem:
        problem = found.problem.removesuffix(".")
        return f"{problem}; {found.hint}" if found.hint else problem
    if found.price is not None and found.price.gpu_hour is not None:
        return "it is priced by the hour"
    return "its price is that of the models that will answer"


def _request_charge(price: Decimal, calls: int) -> Charge:
    # A price of requests stands for a million of them, as prices of tokens do.
    usd = float(price * calls)
    return Charge(price_class="request", tokens=calls, usd_per_1m=float(price * 1_000_000), usd=usd)


def usual_tokens(usual: Usual, calls: int) -> Tokens | None:
    """Return the tokens of so many calls that are like those of an earlier run."""
    return tokens_of(
        msgspec.structs.replace(
            usual.usage,
            **{
                name: None if (one := getattr(usual.usage, name)) is None else one * calls for name in _COUNTS
            },
        )
    )


_COUNTS = ("prompt", "completion", "cached", "cache_write", "reasoning")


class Lasting(msgspec.Struct, frozen=True, kw_only=True):
    """How long stages last, None where that is unknown, and how that is known, or why not."""

    seconds: float | None
    source: str


def lasting(stages: Iterable[Stage], cases: Mapping[str, Case], usual: Usual | None, run: str) -> Lasting:
    """Return how long stages last one after the other; a warm-up of unknown length is left out, and said."""
    total, sources = 0.0, dict[str, None]()
    for stage in stages:
        one = _lasting(stage, cases, usual, run)
        if one.seconds is None and not is_warmup(stage):
            return one
        total += one.seconds or 0.0
        sources[one.source if one.seconds is not None else "without the warm-up"] = None
    return Lasting(seconds=total, source=", ".join(sources))


def _lasting(stage: Stage, cases: Mapping[str, Case], usual: Usual | None, run: str) -> Lasting:
    if stage.ladder:
        return Lasting(seconds=None, source="its load chooses its own rates")
    own = None if usual is None else usual.seconds
    begun = sum(_begins(stage.cases[at % len(stage.cases)], cases) for at in range(stage.requests))
    schedule = stage_schedule(stage, begun)
    if schedule.due_ns is not None:
        found = Lasting(seconds=schedule.due_ns[-1] / 1e9 + (own or 0.0), source="its schedule")
    elif own is not None:
        at_once = min(schedule.concurrency or stage.requests, stage.requests)
        found = Lasting(seconds=stage.requests * own / at_once, source=f"latencies of {run}")
    else:
        found = Lasting(seconds=None, source="the answers set its pace; an earlier run (`--from`) tells")
    if stage.seconds is not None and (found.seconds is None or found.seconds > stage.seconds):
        return Lasting(seconds=stage.seconds, source="its time limit")
    return found


def _begins(name: str, cases: Mapping[str, Case]) -> bool:
    return name not in cases or cases[name].follows is None


def is_warmup(stage: Stage) -> bool:
    """Tell whether a stage is left out of every estimate."""
    return stage.warmup or stage.name == CALIBRATION


def effort_of(
    found: Found,
    stages: Sequence[Stage],
    asked: Mapping[str, Asked],
    cases: Mapping[str, Case],
    earlier: tuple[Usual | None, str],
) -> Effort:
    """Return what the stages of one benchmark take of a target.

    Args:
        found: the target's price.
        stages: at least one.
        asked: what each of their cases takes.
        cases: by id.
        earlier: what its requests took in an earlier run, and that run's id.
    """
    usual, run = earlier
    sums = [summed(stage, asked) for stage in stages]
    calls = sum(each.calls for each in sums)
    prompt, source = sum(each.prompt for each in sums), "the prompts"
    if usual is not None and usual.usage.prompt is not None:
        prompt, source = usual.usage.prompt * calls, run
    outputs = [each.output for each in sums]
    most = None if None in outputs else sum(each or 0 for each in outputs)
    longest = costed(found, None if most is None else Tokens(input=prompt, output=most), calls)
    likely = None if usual is None else usual_tokens(usual, calls)
    expected = None if likely is None else costed(found, likely, calls)
    last = lasting(stages, cases, usual, run)
    return Effort(
        benchmark=stages[0].benchmark,
        target=stages[0].target,
        calls=calls,
        warmup=sum(each.calls for stage, each in zip(stages, sums, strict=True) if is_warmup(stage)),
        at_most=any(
            stage.ladder or stage.seconds is not None or stage.errors is not None for stage in stages
        ),
        prompt_tokens=prompt,
        output_most=most,
        output_tokens=None if likely is None else likely.output + likely.reasoning,
        tokens_from=source,
        charges=longest.charges if expected is None else expected.charges,
        usd=None if expected is None else expected.usd,
        usd_most=longest.usd,
        unpriced=longest.unpriced if expected is None else expected.unpriced,
        hourly=found.price is not None and found.price.gpu_hour is not None,
        seconds=last.seconds,
        seconds_from=last.source,
    )
