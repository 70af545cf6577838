"""Multiple choice: choices shuffled by seed, usual prompts, what each mode asks. It sends nothing."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

import msgspec

from bakeoff.errors import DataError
from bakeoff.prompts.mapping import LETTERS, REFERENCE_NAMES, letter_of, texts_of
from bakeoff.prompts.modes import BY_LIKELIHOOD, LIKELIHOOD, silent
from bakeoff.prompts.render import INPUT_NAMES, PromptRenderer
from bakeoff.records import BenchmarkSpec, Case, Continuation, PromptSpec, Request

TOP_LOGPROBS = 20
_QUESTION = "{{ input if input is defined else prompt if prompt is defined else question }}"
_LETTERED = f"{_QUESTION}\n{{{{ choices | lettered }}}}"
_SHOWN = 5


def lettered_fields(form: str) -> dict[str, Any]:
    """Return the fields that ask for the likeliest tokens in a form."""
    return {"logprobs": True, "top_logprobs": TOP_LOGPROBS} if form == "chat" else {"logprobs": TOP_LOGPROBS}


def choice_prompt(prompt: PromptSpec, mode: str, form: str) -> PromptSpec:
    """Return the prompt of a multiple choice benchmark: the spec's own where it says something.

    For likelihoods, `template` is all that stands before the choice, and the white space before `answer` in
    an `example` is what joins the two; a blank where there is none of these.
    """
    shots = [_shot(fields, mode) for fields in prompt.few_shot]
    prompt = msgspec.structs.replace(prompt, few_shot=shots)
    if prompt.example is not None and form == "completion":
        return prompt
    if mode in LIKELIHOOD:
        before = f"Question: {_QUESTION}\nAnswer:" if prompt.template is None else prompt.template.rstrip()
        return msgspec.structs.replace(prompt, template=None, example=f"{before} {{{{ answer }}}}")
    if prompt.template is not None or prompt.messages:
        return prompt
    if form == "chat":
        text = f"{_LETTERED}\nAnswer with the letter of the right choice only."
        return msgspec.structs.replace(prompt, template=text)
    return msgspec.structs.replace(prompt, example=f"Question: {_LETTERED}\nAnswer: {{{{ answer }}}}")


def _shot(fields: dict[str, Any], mode: str) -> dict[str, Any]:
    """Return an example whose answer is what the mode asks for: the choice, or its letter."""
    choices = texts_of(fields.get("choices"))
    letter = letter_of(choices, fields.get("answer"), "few_shot") if choices else None
    if letter is None:
        return fields
    answer = choices[LETTERS.index(letter)] if mode in LIKELIHOOD else letter
    return fields | {"answer": answer}


def shuffled(cases: Iterable[Case], seed: int, benchmark: BenchmarkSpec) -> list[Case]:
    """Return the cases with their choices in an order that the seed gives; right answers follow.

    Models prefer some letters and data sets put right answers where they like. The order of a case depends on
    seed, benchmark and id alone.
    """
    named = benchmark.fields.reference
    names = REFERENCE_NAMES if named is None else (named,)
    return [_shuffled(case, names, Random(f"{seed}/{benchmark.name}/choices/{case.id}")) for case in cases]


def _shuffled(case: Case, names: Sequence[str], rng: Random) -> Case:
    choices = texts_of(case.fields.get("choices"))
    if case.continuations or not choices:
        return case
    order = rng.sample(range(len(choices)), len(choices))
    right = LETTERS.index(str(case.reference))
    letter = LETTERS[order.index(right)]
    fields = case.fields | {"choices": [choices[place] for place in order]}
    # The field that the answer stands in says it for templates; the text of a choice stays right.
    name = next((name for name in names if fields.get(name) is not None), None)
    if name is not None and fields[name] != choices[right]:
        fields[name] = letter
    return msgspec.structs.replace(case, fields=fields, reference=letter)


def with_default_mode(benchmark: BenchmarkSpec, cases: Sequence[Case]) -> BenchmarkSpec:
    """Return a benchmark that says nothing else with the mode that rows of a question and choices ask for.

    Only likelihoods come unasked: letters are another question, with scores of another meaning.
    """
    if not silent(benchmark) or not cases or not all(_is_choice(case) for case in cases):
        return benchmark
    return msgspec.structs.replace(benchmark, multiple_choice=BY_LIKELIHOOD)


def _is_choice(case: Case) -> bool:
    asked = any(isinstance(case.fields.get(name), str) for name in INPUT_NAMES)
    ready = case.messages or case.continuations or case.prompt is not None
    return asked and not ready and not _problem(case)


def check_choices(cases: Sequence[Case], benchmark: str, path: str = "") -> None:
    """Refuse rows that are no multiple choice.

    Raises:
        DataError: a row has no choices, its answer is none of them, or it is a turn of a conversation.
    """
    wrong = [(case, problem) for case in cases if (problem := _problem(case))]
    if wrong:
        shown = ", ".join(
            f"`{case.id}`" + (f" (line {case.line})" if case.line else "") for case, _ in wrong[:_SHOWN]
        )
        raise DataError(
            f"{len(wrong)} of {len(cases)} rows cannot be asked as multiple choice: {wrong[0][1]}; "
            f"rows {shown}" + (", …" if len(wrong) > _SHOWN else ""),
            where=path or f"benchmark `{benchmark}`",
            hint="a row has `question`, `choices` (a list of texts) and `answer` (index, letter or text)",
        )


def _problem(case: Case) -> str:
    if case.follows is not None:
        return "it goes on with a conversation"
    if case.continuations:
        return ""
    choices = texts_of(case.fields.get("choices"))
    if len(choices) < 2 or not all(text.strip() for text in choices):
        return "it has no list of at least two `choices`"
    if case.reference not in list(LETTERS[: len(choices)]):
        return "its answer is none of its choices"
    return ""


class ChoiceRenderer:
    """Turns multiple choice cases into the requests of one mode.

    Args:
        inner: renders what stands before the choice, or the lettered question.
        mode: how it is asked.
        form: of `inner`.
    """

    def __init__(self, inner: PromptRenderer, *, mode: str, form: str) -> None:
        self._inner = inner
        self._mode = mode
        self._form = form

    def render(self, case: Case) -> Request:
        """Return the request that asks `case`.

        Raises:
            TemplateError: the row lacks a field that a template asks for.
        """
        request = self._inner.render(case)
        if request.continuations:
            return request
        if self._mode in LIKELIHOOD:
            gap = self._inner.gap(case)
            texts = [gap + text.strip() for text in texts_of(case.fields.get("choices"))]
            pairs = tuple(Continuation(context=request.prompt or "", text=text) for text in texts)
            return Request(continuations=pairs, sampling=request.sampling, stream=False)
        asked = lettered_fields(self._form) | request.sampling.extra
        sampling = msgspec.structs.replace(request.sampling, extra=asked)
        return msgspec.structs.replace(request, sampling=sampling, output_tokens=1)

    def continued(self, case: Case, before: Request, answer: str) -> Request:
        """Return the request of a later turn, which no multiple choice is."""
        return self._inner.continued(case, before, answer)

    def check(self, cases: Iterable[Case]) -> None:
        """Render the first cases and throw the result away.

        Raises:
            TemplateError: of the first row that does not fit.
        """
        self._inner.check(cases)


Renderer = PromptRenderer | ChoiceRenderer
