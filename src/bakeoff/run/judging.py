"""What judges will take, forecast apart from what the targets take."""

import math
from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from bakeoff.assertions import AnyScorer, parts_of
from bakeoff.decide.cost.pricing import Found
from bakeoff.prices import Tokens
from bakeoff.records import Case, Price, Sampling, Stage
from bakeoff.run.effort import CHARS_PER_TOKEN, Asked, Charge, costed, summed

_NOTHING = Asked(calls=0, prompt=0, output=0)


class JudgeEffort(msgspec.Struct, frozen=True, kw_only=True):
    """What one judge takes for the answers of one benchmark; None is unknown.

    Attributes:
        benchmark: whose answers it judges.
        scorer: by its name in the scores.
        judge: the model, as it is asked for.
        calls: one for each answer, where all are whole.
        prompt_most: tokens of all its prompts, each with the longest answer.
        output_most: the longest that all it says may be.
        charges: of these, by price class.
        usd_most: of these.
        unpriced: why money is unknown, empty where it is known.
    """

    benchmark: str
    scorer: str
    judge: str
    calls: int
    prompt_most: int | None
    output_most: int | None
    charges: list[Charge]
    usd_most: float | None
    unpriced: str


@runtime_checkable
class _Asks(Protocol):
    """A scorer that asks a model of each answer."""

    @property
    def model(self) -> str: ...

    @property
    def price(self) -> Price | None: ...

    @property
    def sampling(self) -> Sampling: ...

    def prompt_length(self, case: Case) -> int: ...


class Graded(msgspec.Struct, frozen=True, kw_only=True):
    """The answers of a benchmark that are to be judged.

    Attributes:
        cases: of the benchmark.
        stages: of all targets, without the warm-up.
        answers_most: tokens of all answers at their longest; None where nothing bounds them.
    """

    benchmark: str
    cases: Sequence[Case]
    stages: Sequence[Stage]
    answers_most: int | None


def judge_efforts(name: str, scorer: AnyScorer, graded: Graded) -> Iterator[JudgeEffort]:
    """Yield what each judge in a scorer takes; none where it asks nobody."""
    judges: list[tuple[_Asks, dict[str, Asked]]] = []
    for case in graded.cases:
        for part in parts_of(scorer, case):
            if isinstance(part, _Asks):
                asked = next((asked for judge, asked in judges if judge == part), None)
                if asked is None:
                    judges.append((part, asked := {}))
                prompt = math.ceil(part.prompt_length(case) / CHARS_PER_TOKEN)
                asked[case.id] = Asked(calls=1, prompt=prompt, output=part.sampling.max_tokens)
    for judge, asked in judges:
        yield _effort(name, judge, asked, graded)


def _effort(name: str, judge: _Asks, asked: dict[str, Asked], graded: Graded) -> JudgeEffort:
    whole = {case.id: asked.get(case.id, _NOTHING) for case in graded.cases}
    sums = [summed(stage, whole) for stage in graded.stages]
    calls = sum(each.calls for each in sums)
    outputs = [each.output for each in sums if each.output is not None]
    output = sum(outputs) if len(outputs) == len(sums) else None
    prompt = None
    if graded.answers_most is not None:
        prompt = sum(each.prompt for each in sums) + graded.answers_most
    tokens = None if prompt is None or output is None else Tokens(input=prompt, output=output)
    price = Found(price=judge.price, problem="" if judge.price else "the judge has no `price`")
    cost = costed(price, tokens, calls)
    return JudgeEffort(
        benchmark=graded.benchmark,
        scorer=name,
        judge=judge.model,
        calls=calls,
        prompt_most=prompt,
        output_most=output,
        charges=cost.charges,
        usd_most=cost.usd,
        unpriced=cost.unpriced,
    )
