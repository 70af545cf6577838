"""A testing criterion of OpenAI Evals as a scorer: its texts are filled in for each row, then compared."""

import ast
import contextlib
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, cast

import msgspec

from bakeoff import plugins
from bakeoff.errors import BakeoffError, install_hint
from bakeoff.extend import Scorer, SlowScorer
from bakeoff.prompts import braces
from bakeoff.records import Case, Grade, Part, Sample

ROOTS = ("item", "sample")
STRING_CHECKS: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda text, reference: text == reference,
    "ne": lambda text, reference: text != reference,
    "like": lambda text, reference: reference in text,
    "ilike": lambda text, reference: reference.casefold() in text.casefold(),
}
SIMILARITIES: dict[str, tuple[str, dict[str, Any]]] = {
    "bleu": ("bleu", {"definition": "sacrebleu"}),
    "cosine": ("similar", {"measure": "cosine"}),
    "fuzzy_match": ("", {}),
    "gleu": ("gleu", {}),
    **{f"rouge_{n}": ("rouge-n", {"n": n, "definition": "rouge_score"}) for n in range(1, 6)},
    "rouge_l": ("rouge-l", {}),
}
"""The scorer and options that stand for each `evaluation_metric`; `fuzzy_match` is computed here."""
MODEL_KINDS = ("score_model", "label_model")
KINDS = ("string_check", "text_similarity", *MODEL_KINDS, "python")
_OUTPUT = "{{sample.output_text}}"
_ANSWER = re.compile(r"(\{\{sample\.output_text\}\})")
_SPACED = re.compile(r"\{\{-?\s{0,20}sample\.output_text\s{0,20}-?\}\}")
_SHOWN = 200
_CALL = """
found = grade(context["vars"]["sample"], context["vars"]["item"])
if not hasattr(found, "__float__"):
    raise TypeError(f"grade returned a {type(found).__name__}, which is no number")
return float(found)
"""


class OpenAICriterion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Grade as a testing criterion of OpenAI Evals does, in its own form.

    Known are `string_check`, `text_similarity` (not `meteor`, which needs a dictionary of synonyms),
    `score_model`, `label_model` and `python`. In its texts `{{item.NAME}}` is the row's column `item`, or the
    row where it has none; `{{sample.output_text}}`, `{{sample.output_json.NAME}}` and
    `{{sample.output_tools}}` are of the answer, or the row's own column `sample`. Where something named is
    missing, the answer has no grade, and the reason names it. `fuzzy_match` is the `ratio` of rapidfuzz. A
    score beyond 0..1 stands in the first part; the value is where it lies in the criterion's `range`.

    Attributes:
        criterion: as it is given to OpenAI's API, with `type`.
        judge: of `score_model` and `label_model` the options `endpoint`, `model` and `api_key` of the model
            that is asked, and `sampling`; of `cosine` those of the embedding model.
        allow_code: must be true for `python`.
        metric: the metric that it feeds.
    """

    criterion: dict[str, Any]
    judge: dict[str, Any] = {}
    allow_code: bool = False
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        kind = self.criterion.get("type")
        if kind not in KINDS:
            near = plugins.suggest(str(kind), KINDS)
            raise ValueError(f"there is no criterion `{kind}`.{near} Known: {', '.join(KINDS)}")
        if kind == "string_check" and self.criterion.get("operation") not in STRING_CHECKS:
            raise ValueError(f"`operation` is one of {', '.join(STRING_CHECKS)}")
        if kind == "text_similarity" and self.criterion.get("evaluation_metric") not in SIMILARITIES:
            raise ValueError(f"`evaluation_metric` is one of {', '.join(SIMILARITIES)}")
        for text in _texts(self.criterion):
            braces.check(text, ROOTS)
        if _measure(self.criterion) == "fuzzy_match" and find_spec("rapidfuzz") is None:
            raise ValueError(f"`fuzzy_match` needs the package rapidfuzz; {install_hint('scorers')}")
        if kind == "python":
            check_source(str(self.criterion.get("source", "")))
        if self._needs_other:
            try:
                self._other()
            except BakeoffError as error:
                raise ValueError(error.message) from error

    async def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        """Return what the criterion says of an answer."""
        values = values_of(answer, case, sample)
        try:
            if self.criterion["type"] == "string_check":
                return self._checked(values)
            if self.criterion["type"] == "text_similarity":
                return await self._similar(values, sample)
            if self.criterion["type"] == "python":
                return await _asked(self._other(), answer, Case(fields=values), sample)
            return await self._judged(values, sample)
        except braces.Gap as gap:
            return Grade(value=None, passed=None, reason=str(gap), parsed="")

    @property
    def _needs_other(self) -> bool:
        return self.criterion["type"] != "string_check" and _measure(self.criterion) != "fuzzy_match"

    def _other(self) -> Scorer | SlowScorer:
        """Return the scorer that does the work."""
        made = _MAKERS[self.criterion["type"]](self)
        return _scorer(msgspec.json.encode(made))

    def _checked(self, values: Mapping[str, Any]) -> Grade:
        operation = str(self.criterion["operation"])
        text, reference = self._text("input", values), self._text("reference", values)
        passed = STRING_CHECKS[operation](text, reference)
        reason = f'"{text[:_SHOWN]}" {operation} "{reference[:_SHOWN]}" is {str(passed).lower()}'
        return Grade(value=float(passed), passed=passed, reason=reason, parsed=text[:_SHOWN])

    async def _similar(self, values: Mapping[str, Any], sample: Sample) -> Grade:
        text, reference = self._text("input", values), self._text("reference", values)
        if _measure(self.criterion) != "fuzzy_match":
            return await _asked(self._other(), text, Case(reference=reference), sample)
        from rapidfuzz import fuzz  # noqa: PLC0415  an extra

        score, least = fuzz.ratio(text, reference) / 100, float(self.criterion.get("pass_threshold", 0.5))
        passed = score >= least
        verb = "reaches" if passed else "is below"
        reason = f"the fuzzy match {score:.4f} {verb} {least:g}"
        return Grade(value=score, passed=passed, reason=reason, parsed=text[:_SHOWN])

    async def _judged(self, values: Mapping[str, Any], sample: Sample) -> Grade:
        fields = {
            f"m{at}": braces.fill(text, values)
            for at, text in enumerate(_pieces(self.criterion))
            if text != _OUTPUT
        }
        answer = str(values["sample"]["output_text"])
        grade = await _asked(self._other(), answer, Case(fields=fields), sample)
        if self.criterion["type"] == "label_model" or grade.value is None:
            return grade
        low, high = _range(self.criterion)
        asked = self.criterion.get("pass_threshold")
        passed = grade.value >= (float(asked) if asked is not None else (low + high) / 2)
        part = Part(scorer="score", value=grade.value, passed=passed)
        return msgspec.structs.replace(
            grade, value=(grade.value - low) / (high - low), passed=passed, parts=[part]
        )

    def _text(self, key: str, values: Mapping[str, Any]) -> str:
        return braces.fill(str(self.criterion.get(key, "")), values)


def check_source(source: str) -> None:
    """Refuse the source of a grader that is no Python, or defines no function `grade`.

    Raises:
        ValueError: with the reason.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"the source is no Python: {error}") from error
    if "grade" not in set(_defined(tree)):
        raise ValueError("the source defines no function `grade(sample, item)`")


def _defined(tree: ast.AST) -> Iterator[str]:
    """Yield the names that code binds, without what functions and classes bind for themselves."""
    waiting = list(ast.iter_child_nodes(tree))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        else:
            waiting += ast.iter_child_nodes(node)


def values_of(answer: str, case: Case, sample: Sample) -> dict[str, Any]:
    """Return what templates of a criterion see: `item` and `sample`."""
    own = case.fields.get("sample")
    given = cast("dict[str, Any]", own) if isinstance(own, dict) else {}
    text = str(given.get("output_text", answer))
    found: dict[str, Any] = {"output_text": text, "output_tools": sample.tool_calls, "model": sample.model}
    # Where the answer is no JSON, a text that names some of it finds nothing there.
    with contextlib.suppress(msgspec.DecodeError, UnicodeError, RecursionError):
        found["output_json"] = msgspec.json.decode(text)
    return {"item": case.fields.get("item", case.fields), "sample": found | given}


def _measure(criterion: Mapping[str, Any]) -> str:
    return str(criterion.get("evaluation_metric", ""))


def _texts(criterion: Mapping[str, Any]) -> list[str]:
    """Return the texts of a criterion in which something is filled in."""
    if criterion["type"] == "python":
        return []
    if criterion["type"] not in MODEL_KINDS:
        return [str(criterion.get(key, "")) for key in ("input", "reference")]
    return [text for turn in _messages(criterion) for text in _parts(turn)]


def _messages(criterion: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: object = criterion.get("input")
    if not isinstance(found, list) or not found:
        raise ValueError("`input` must be a list of messages")
    return [cast("Mapping[str, Any]", each) for each in cast("list[object]", found) if isinstance(each, dict)]


def _parts(turn: Mapping[str, Any]) -> list[str]:
    content: object = turn.get("content")
    parts = cast("list[object]", content) if isinstance(content, list) else [content]
    found: list[str] = []
    for part in parts:
        text: object = cast("dict[str, Any]", part).get("text") if isinstance(part, dict) else part
        if not isinstance(text, str):
            raise ValueError("a judge is asked by text alone")  # noqa: TRY004  as above
        found.append(_SPACED.sub(_OUTPUT, text))
    return found


def _pieces(criterion: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts of all messages in pieces; the answer is one of its own, which the judge guards."""
    for turn in _messages(criterion):
        for text in _parts(turn):
            yield from (piece for piece in _ANSWER.split(text) if piece)


def _range(criterion: Mapping[str, Any]) -> tuple[float, float]:
    low, high = criterion.get("range") or (0, 1)
    return float(low), float(high)


async def _asked(scorer: Scorer | SlowScorer, answer: str, case: Case, sample: Sample) -> Grade:
    found = scorer.grade(answer, case, sample)
    return found if isinstance(found, Grade) else await found


def _as_similarity(one: OpenAICriterion) -> dict[str, Any]:
    kind, options = SIMILARITIES[_measure(one.criterion)]
    threshold = one.criterion.get("pass_threshold", 0.5)
    return {"type": kind, "threshold": threshold, **options, **one.judge}


def _as_judge(one: OpenAICriterion) -> dict[str, Any]:
    criterion, number = one.criterion, itertools.count()
    messages: list[dict[str, str]] = []
    for turn in _messages(criterion):
        pieces = [piece for text in _parts(turn) for piece in _ANSWER.split(text) if piece]
        names = [(next(number), piece) for piece in pieces]
        shown = ("{{ output }}" if piece == _OUTPUT else f"{{{{ m{at} }}}}" for at, piece in names)
        messages.append({"role": str(turn.get("role", "user")), "content": "".join(shown)})
    low, high = _range(criterion)
    labels = [str(label) for label in criterion.get("labels", ())]
    form = f"`Score: NUMBER`, with a number from {low:g} to {high:g}"
    if criterion["type"] == "label_model":
        form = f"nothing but one of these: {', '.join(labels)}"
    made: dict[str, Any] = {
        "type": "judge",
        "messages": _told(f"End your reply with a last line of {form}.", messages),
        # The criterion says how its answer stands in the text; what ends a turn is still taken out.
        "delimit": False,
        **one.judge,
    }
    if criterion["type"] == "score_model":
        return made | {"mode": "score", "min": low, "max": high}
    passing = [str(label) for label in criterion.get("passing_labels", ())]
    return made | {"mode": "label", "labels": labels, "passing_labels": passing}


def _told(instruction: str, messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the messages with an instruction in front, in the first one where that is of the system."""
    plain = instruction.replace("{", "{{ '{' }}")
    if messages and messages[0]["role"] in {"system", "developer"}:
        first = messages[0] | {"content": f"{plain}\n\n{messages[0]['content']}"}
        return [first, *messages[1:]]
    return [{"role": "system", "content": plain}, *messages]


def _as_python(one: OpenAICriterion) -> dict[str, Any]:
    # A `{{…}}` in the source is the user's own: nothing of a row is put into code.
    source = str(one.criterion.get("source", "")).rstrip()
    made: dict[str, Any] = {"type": "python", "value": f"{source}\n{_CALL}", "allow_code": one.allow_code}
    threshold = one.criterion.get("pass_threshold")
    return made if threshold is None else made | {"threshold": threshold}


_MAKERS: dict[str, Callable[[OpenAICriterion], dict[str, Any]]] = {
    "text_similarity": _as_similarity,
    "score_model": _as_judge,
    "label_model": _as_judge,
    "python": _as_python,
}


@lru_cache(maxsize=256)
def _scorer(made: bytes) -> Scorer | SlowScorer:
    """Return a scorer; one for all rows, as each grade asks for it."""
    options: dict[str, Any] = msgspec.json.decode(made)
    found: Scorer | SlowScorer = plugins.create("scorers", options.pop("type"), options)
    return found
