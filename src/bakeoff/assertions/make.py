"""Scorers made of assertions: they look like any other scorer, quick or slow."""

from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from bakeoff import plugins
from bakeoff.assertions.combine import Outcome
from bakeoff.assertions.kinds import bare
from bakeoff.assertions.nodes import SCORE, Check, CheckSet, Subject, leaves, names
from bakeoff.assertions.read import Way, is_slow, read_transform_of, with_content
from bakeoff.errors import PluginError
from bakeoff.extend import Scorer, SlowScorer, deterministic
from bakeoff.records import Case, Choice, Grade, Part, Sample
from bakeoff.sandbox import FILE

AnyScorer = Scorer | SlowScorer
COMMON = ("weight", "transform", "allow_code")
T = TypeVar("T")
_HOLDERS = frozenset({"assert-set", "assertions"})
_SHOWN = 200


class Quick(msgspec.Struct, frozen=True, kw_only=True):
    """Assertions none of which has to be waited for."""

    node: Check | CheckSet
    metric: str

    @property
    def deterministic(self) -> bool:
        """Tell whether the same answer gets the same grade each time."""
        return steady(self.node)

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        """Return their grade of an answer."""
        return at_once(grade(self.node, Subject(answer=answer, case=case, sample=sample)))


class Slow(msgspec.Struct, frozen=True, kw_only=True):
    """Assertions some of which have to be waited for."""

    node: Check | CheckSet
    metric: str

    async def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        """Return their grade of an answer."""
        return await grade(self.node, Subject(answer=answer, case=case, sample=sample))


def placed(choice: Choice, base: Path) -> Choice:
    """Return an entry of `scorers` with its files found from where the paths of the spec start.

    A type that is unknown stays as it is.
    """
    options = dict(choice.options)
    try:
        cls = plugins.load("scorers", bare(choice.type)[0])
    except PluginError:
        return choice
    if "base" in {field.encode_name for field in msgspec.structs.fields(cls)}:
        options["base"] = str(base / options.get("base", ""))
    for key in ("transform", "value"):
        text = options.get(key)
        if isinstance(text, str) and text.startswith(FILE):
            options[key] = f"{FILE}{(base / Path(text.removeprefix(FILE).strip()).expanduser()).absolute()}"
    return msgspec.structs.replace(choice, options=options)


def make(choice: Choice) -> AnyScorer:
    """Return the scorer that an entry of `scorers` asks for, with what every type may have.

    Raises:
        PluginError: with what is wrong.
    """
    kind, _ = bare(choice.type)
    cls = plugins.load("scorers", kind)
    common = _common(choice, cls)
    own = {key: value for key, value in choice.options.items() if key not in common and value is not None}
    return dressed(choice, cast("AnyScorer", plugins.create("scorers", kind, with_content(kind, own))))


def dressed(choice: Choice, scorer: AnyScorer) -> AnyScorer:
    """Return a scorer with the `not-` and the transform that an entry of `scorers` asks for.

    Raises:
        PluginError: what the entry says beside the scorer's own options is wrong.
    """
    kind, negated = bare(choice.type)
    if negated and kind in _HOLDERS:
        raise PluginError(f"there is no `{choice.type}`", hint="negate the assertions in it")
    way = Way(allow_code=bool(choice.options.get("allow_code")))
    transform = read_transform_of(_common(choice, type(scorer)), way)
    if not negated and transform is None:
        return scorer
    check = Check(kind=kind, scorer=scorer, slow=is_slow(scorer), negated=negated, transform=transform)
    return wrapped(check, scorer.metric)


def _common(choice: Choice, cls: type[Any]) -> dict[str, Any]:
    """Return the options that are no options of the scorer itself."""
    own = {field.encode_name for field in msgspec.structs.fields(cls)}
    return {key: choice.options[key] for key in COMMON if key in choice.options and key not in own}


def counted_together(choices: Sequence[Choice]) -> bool:
    """Tell whether scorers that feed one metric are to be one: each has a weight."""
    return all(choice.options.get("weight") is not None for choice in choices)


def metrics(scorer: AnyScorer) -> list[str]:
    """Return the metrics that a scorer feeds, as far as they are known before the cases are."""
    holder: Any = scorer  # the scorers that hold lists are made of this module
    node = holder.checks(Case()) if hasattr(scorer, "checks") else getattr(scorer, "node", None)
    if not isinstance(node, CheckSet):
        return [scorer.metric]
    found = [name for name in names(node) if "{{" not in name]
    return list(dict.fromkeys([scorer.metric, SCORE, *found]))


def together(members: Sequence[tuple[Choice, AnyScorer]]) -> AnyScorer:
    """Return several scorers that feed one metric as one: all must pass, and their weights count."""
    checks: list[Check | CheckSet] = []
    for choice, scorer in members:
        kind, negated = bare(choice.type)
        weight = choice.options.get("weight")
        own = scorer.node if isinstance(scorer, Quick | Slow) else None
        check = own if isinstance(own, Check) else Check(kind=kind, scorer=scorer, slow=is_slow(scorer))
        checks.append(
            msgspec.structs.replace(check, weight=1.0 if weight is None else float(weight), negated=negated)
        )
    return wrapped(CheckSet(members=tuple(checks)), members[0][1].metric)


def wrapped(node: Check | CheckSet, metric: str) -> AnyScorer:
    """Return a node as a scorer."""
    return Slow(node=node, metric=metric) if waits(node) else Quick(node=node, metric=metric)


def waits(node: Check | CheckSet) -> bool:
    """Tell whether an answer of the node has to be waited for."""
    return any(leaf.slow or (leaf.transform and leaf.transform.script) for leaf in leaves(node))


def steady(node: Check | CheckSet) -> bool:
    """Tell whether all assertions of the node give the same answer the same grade each time."""
    return all(deterministic(leaf.scorer) for leaf in leaves(node))


async def grade(node: Check | CheckSet, subject: Subject) -> Grade:
    """Return a node's grade: a single assertion's own, or pass and fail of a set."""
    if isinstance(node, Check):
        return await node.grade(subject)
    return as_grade(await node.whole(subject), subject.answer)


def as_grade(whole: Outcome, answer: str) -> Grade:
    """Return the grade of a set: its value is pass or fail, so that it counts as a share of passes.

    The weighted score is the first part, and feeds the metric `score`.
    """
    score = Part(scorer="assert-set", metric=SCORE, value=whole.score, passed=whole.passed)
    parts = [score, *whole.parts]
    if whole.passed is None or not whole.judged:
        return Grade(
            value=None,
            passed=whole.passed,
            reason=whole.reason,
            parts=parts,
            judgements=whole.judgements,
            failed=whole.failed,
        )
    return Grade(
        value=float(whole.passed),
        passed=whole.passed,
        reason=whole.reason,
        parsed=answer[:_SHOWN],
        parts=parts,
        judgements=whole.judgements,
    )


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing: the quick and the slow way are one piece of code."""
    try:
        work.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    work.close()
    raise RuntimeError("a quick assertion waited")
