"""The answer follows the instructions of its case, by IFEval's checks."""

from functools import lru_cache
from typing import Literal, cast

import msgspec

from bakeoff.plugins import suggest
from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected, _ifeval, _json


class _Instruction(msgspec.Struct, frozen=True):
    """One instruction of a case."""

    id: str
    args: _ifeval.Args


class IfEval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Check the instructions in the case's fields `instruction_id_list` and `kwargs`, as in the IFEval data.

    All 25 kinds of instruction are known. The passed answers are those that follow all of them. Published
    IFEval results are four numbers: give the scorer four times, with each `level` and `mode` and a `metric`
    of its own. Sentences and words in capitals are split by rules of our own, where the benchmark uses
    NLTK's models; single instructions about numbers of sentences may differ by that. Instructions on the
    language and on English in capitals or small letters need the package `langdetect`; without it the run is
    refused.

    Attributes:
        mode: `strict` takes the answer as it is; `loose` also without its first or last line or both, and
            without asterisks.
        level: `prompt` is worth 1 where all instructions are followed, else 0; `instruction` is the share
            of those followed (the mean over cases weighs cases, not instructions).
        metric: the metric that it feeds.
    """

    mode: Literal["strict", "loose"] = "strict"
    level: Literal["prompt", "instruction"] = "prompt"
    metric: str = "ifeval"

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return whether all instructions are followed, or the share of them."""
        try:
            instructions = _instructions(case)
        except ValueError as error:
            return _expected.ungradable(str(error))
        forms = [answer] if self.mode == "strict" else _ifeval.variants(answer)
        forms = [form for form in forms if form.strip()]
        missed = [one.id for one in instructions if not any(_follows(form, one) for form in forms)]
        count = len(instructions)
        share = 1 - len(missed) / count
        value = share if self.level == "instruction" else float(not missed)
        reason = f"follows {count - len(missed)} of {count} instructions ({self.mode})"
        if missed:
            reason += f"; not {', '.join(dict.fromkeys(missed))}"
        return Grade(value=value, passed=not missed, reason=reason, parsed=answer[:200])


def _follows(text: str, instruction: _Instruction) -> bool:
    return _ifeval.CHECKS[instruction.id].follows(text, instruction.args)


def _instructions(case: Case) -> tuple[_Instruction, ...]:
    """Read a case's instructions.

    Raises:
        ValueError: it has none, or one that is not known or lacks an argument.
    """
    ids, kwargs = _list(case, "instruction_id_list"), _list(case, "kwargs")
    if len(ids) != len(kwargs):
        raise ValueError(f"the case has {len(ids)} instructions and {len(kwargs)} `kwargs`")
    return tuple(
        _instruction(str(name), _json.canonical(given)) for name, given in zip(ids, kwargs, strict=True)
    )


@lru_cache(maxsize=4096)
def _instruction(name: str, given: str) -> _Instruction:
    check = _ifeval.CHECKS.get(name)
    if check is None:
        raise ValueError(f"there is no instruction `{name}`.{suggest(name, _ifeval.CHECKS)}")
    try:
        args = msgspec.json.decode(given, type=_ifeval.Args | None) or _ifeval.Args()
    except msgspec.DecodeError as error:
        raise ValueError(f"the `kwargs` of `{name}` are wrong: {error}") from error
    for need in check.needs:
        if getattr(args, need) is None:
            raise ValueError(f"the instruction `{name}` lacks `{need}`")
    if name in _ifeval.LANGUAGE_CHECKS:
        _ifeval.require_language()
    return _Instruction(name, args)


def _list(case: Case, field: str) -> list[object]:
    value: object = case.fields.get(field)
    if isinstance(value, str):
        try:
            value = _json.parse(value)
        except _json.NoJson:
            value = None
    if not isinstance(value, list) or not value:
        raise ValueError(f"the case has no list `{field}`")
    return cast("list[object]", value)
