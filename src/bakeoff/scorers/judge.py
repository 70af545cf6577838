"""The answer as a model judges it: by a score, or by a label."""

import re
from typing import Annotated, Literal

import msgspec

from bakeoff.errors import TemplateError, UsageError
from bakeoff.records import Case, Grade, Judgement, Message, Price, Sample, Sampling
from bakeoff.records.units import Seconds
from bakeoff.sandbox import TooSlowError
from bakeoff.scorers import _judge_ask, _judge_prompt, _judge_verdict, _patterns
from bakeoff.wire import make_route

_SIMPLE_LABELS = {"CORRECT": 1.0, "INCORRECT": 0.0, "NOT_ATTEMPTED": 0.0}
_SHOWN = 400
_LOWEST, _HIGHEST = 0.0, 10.0
_NOBODY = Sample(benchmark="", case="", target="", outcome="ok")


class JudgeSampling(Sampling, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sampling parameters of a judge: as steady as it can be, and room for its reasons."""

    max_tokens: int | None = 1024
    seed: int | None = 0


class Judge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Have a model judge an answer, by a number or by one of a few labels.

    The last well-formed verdict counts, and thoughts before the answer do not. A judge that does not answer,
    is cut off or gives no such verdict has failed: the score is `judge_failed`, without a value, and in no
    rate. What judging took stands in the score, apart from what the target took. Templates see the fields
    of the row (also as `item.NAME`), `input`, `reference`, `accepted` and `output` (also as
    `sample.output_text`), the answer inside marks that it cannot close itself.

    Attributes:
        endpoint: base URL of the judge, such as `http://127.0.0.1:8000/v1`.
        model: the judge's name at its endpoint.
        api_key: best given as `${VARIABLE}`; never stored.
        template: Jinja text of the user turn; a plain one for the mode unless given.
        messages: a whole conversation, {role: …, content: …} each with Jinja text, in place of `template`.
        mode: `score` for a number, `label` for one of `labels`.
        score_regexes: patterns whose first group is the number, or the label; the first that matches counts.
            Without, `Score: 7`, `{"score": 7}` and a bare number are read, or a label as a word of its own.
        min: the lowest score; a number below is no verdict.
        max: the highest score. Without a template of your own the scale is 0 to 10.
        threshold: passes from this value on.
        labels: values by label, or a list; CORRECT, INCORRECT and NOT_ATTEMPTED unless given.
        passing_labels: labels that pass; in a list of `labels` they have the value 1 and the others 0.
        sampling: temperature 0, seed 0 and max_tokens 1024 unless given; further fields under `extra`.
        price: of the judge, as of a model.
        delimit: put marks around the answer in the prompt.
        attempts: tries, where it says 429, 5xx or nothing.
        timeout: seconds to wait for one answer of the judge.
        metric: the metric that it feeds.
    """

    endpoint: str
    model: str
    api_key: str | None = None
    template: str | None = None
    messages: list[_judge_prompt.Turn] = []
    mode: Literal["score", "label"] = "score"
    score_regexes: list[str] = []
    min: float | None = None
    max: float | None = None
    threshold: float | None = None
    labels: dict[str, float] | list[str] | None = None
    passing_labels: list[str] = []
    sampling: JudgeSampling = JudgeSampling()
    price: Price | None = None
    delimit: bool = True
    attempts: Annotated[int, msgspec.Meta(ge=1, le=20)] = 5
    timeout: Seconds = 120.0
    metric: str = "judge"

    def __post_init__(self) -> None:
        try:
            make_route(self.endpoint)
            _judge_prompt.check(self._turns())
        except TemplateError as error:
            raise ValueError(f"{error.where}: {error.message}") from error
        except UsageError as error:
            raise ValueError(error.message) from error
        if self.messages and self.template is not None:
            raise ValueError("`messages` stands beside `template`: keep one of the two")
        for pattern in self.score_regexes:
            _patterns.check(pattern)
        (self._check_score if self.mode == "score" else self._check_labels)()

    def _check_score(self) -> None:
        if self.labels is not None or self.passing_labels:
            raise ValueError("`labels` and `passing_labels` belong to `mode: label`")
        bounds = self._bounds()
        if bounds.low is not None and bounds.high is not None and bounds.low >= bounds.high:
            raise ValueError(f"`min` {bounds.low:g} is not below `max` {bounds.high:g}")

    def _check_labels(self) -> None:
        if self.min is not None or self.max is not None:
            raise ValueError("`min` and `max` belong to `mode: score`")
        names = list(self._values())
        plain = [" ".join(re.split(r"[\s_-]+", name.strip())).casefold() for name in names]
        if not all(plain) or len(set(plain)) < len(plain) or not plain:
            raise ValueError("`labels` must be different words")
        for name in self.passing_labels:
            if name not in names:
                raise ValueError(f"`passing_labels` has `{name}`, which is none of {', '.join(names)}")
        if isinstance(self.labels, list) and not self.passing_labels:
            raise ValueError("a list of `labels` needs `passing_labels`, or give `labels` their values")

    def lacks(self, case: Case) -> str:
        """Say what a template wants that a case does not have, empty where it has all."""
        try:
            self._messages("", case, _NOBODY)
        except TemplateError as error:
            return f"the judge's prompt: {error.message}"
        return ""

    def prompt_length(self, case: Case) -> int:
        """Return the characters of the prompt without the answer."""
        return sum(len(str(turn.content)) for turn in self._messages("", case, _NOBODY))

    async def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        """Return the judge's verdict; asks the endpoint."""
        try:
            messages = self._messages(answer, case, sample)
        except TemplateError as error:
            return self._failed(f"the judge's prompt: {error.message}", [])
        how = _judge_ask.Asking(
            endpoint=self.endpoint,
            model=self.model,
            api_key=self.api_key,
            sampling=_judge_ask.sampling_of(self.sampling),
            timeout=self.timeout,
            attempts=self.attempts,
            price=self.price,
        )
        said = await _judge_ask.ask(how, messages)
        if said.error:
            return self._failed(said.error, [said])
        return self._read(said, answer)

    def negated(self, grade: Grade) -> Grade:
        """Return the opposite yes or no; a score stays what it is, a label's 0 or 1 turns."""
        if grade.passed is None:
            return grade
        turns = self.mode == "label" and grade.value in {0.0, 1.0}
        value = 1.0 - grade.value if turns and grade.value is not None else grade.value
        return msgspec.structs.replace(grade, passed=not grade.passed, value=value)

    def _read(self, said: Judgement, answer: str) -> Grade:
        patterns = [re.compile(pattern) for pattern in self.score_regexes]
        passed: bool | None = None
        try:
            if self.mode == "score":
                value = _judge_verdict.read_score(said.text, patterns, self._bounds())
                word = _judge_verdict.read_word(said.text, patterns) if value is None else ""
                verdict = word if value is None else f"{value:g}"
            else:
                values = self._values()
                verdict = _judge_verdict.read_label(said.text, patterns, list(values)) or ""
                value = values.get(verdict)
                passed = verdict in self._passing() if self._passing() else None
        except TooSlowError:
            return self._failed("a pattern of `score_regexes` takes too long on its words", [said])
        if value is None:
            return self._unread(said, verdict)
        if passed is None and self.threshold is not None:
            passed = value >= self.threshold
        said = msgspec.structs.replace(said, verdict=verdict)
        reason = f"{said.answered_by or said.model} says {verdict}: {_end(said.text)}"
        return Grade(value=value, passed=passed, reason=reason, parsed=answer[:200], judgements=[said])

    def _unread(self, said: Judgement, word: str) -> Grade:
        """Return a failure; a word in the place of a number stands in the judgement."""
        if not word:
            return self._failed("it gave no well-formed verdict", [said])
        said = msgspec.structs.replace(said, verdict=word)
        return self._failed(f"its verdict `{word[:50]}` is no score", [said])

    def _failed(self, why: str, said: list[Judgement]) -> Grade:
        text = next((f": {_end(one.text)}" for one in said if one.text), "")
        said = [msgspec.structs.replace(one, error=why) for one in said]
        reason = f"the judge `{self.model}` failed: {why}{text}"
        return Grade(value=None, passed=None, reason=reason, parsed="", judgements=said, failed=True)

    def _messages(self, answer: str, case: Case, sample: Sample) -> tuple[Message, ...]:
        context = _judge_prompt.context_of(answer, case, sample, delimit=self.delimit)
        bounds = self._bounds()
        scale = {
            "min": f"{bounds.low or 0:g}",
            "max": f"{bounds.high or 0:g}",
            "labels": list(self._values()),
        }
        # Columns of those names are meant in templates of one's own, and not in ours.
        return _judge_prompt.prompt(self._turns(), scale | context if self._own_prompt else context | scale)

    def _turns(self) -> list[_judge_prompt.Turn]:
        if self.messages:
            return self.messages
        if self.template is not None:
            return [_judge_prompt.Turn(content=self.template)]
        if self.mode == "score":
            return [_judge_prompt.Turn(content=_judge_prompt.SCORE_TEMPLATE)]
        plain = self.labels is None
        return [
            _judge_prompt.Turn(
                content=_judge_prompt.LABEL_TEMPLATE if plain else _judge_prompt.LABELS_TEMPLATE
            )
        ]

    def _bounds(self) -> _judge_verdict.Bounds:
        own = self._own_prompt
        low = self.min if self.min is not None or own else _LOWEST
        return _judge_verdict.Bounds(low, self.max if self.max is not None or own else _HIGHEST)

    @property
    def _own_prompt(self) -> bool:
        return bool(self.messages) or self.template is not None

    def _values(self) -> dict[str, float]:
        if self.labels is None:
            return _SIMPLE_LABELS
        if isinstance(self.labels, dict):
            return self.labels
        return {label: float(label in self.passing_labels) for label in self.labels}

    def _passing(self) -> list[str]:
        if self.passing_labels or self.labels is not None or self.threshold is not None:
            return self.passing_labels
        return ["CORRECT"]


def _end(text: str) -> str:
    """Return the end of what a judge said on one line, where the verdict is."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else f"…{flat[-_SHOWN:]}"
