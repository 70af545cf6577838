"""A case to a request: system text, examples and the question, as a chat or as one text to complete.

It knows no provider and sends nothing. Parts that are the same for every case are rendered once.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Literal

import msgspec

from bakeoff.errors import TemplateError
from bakeoff.prompts.conversation import compile_messages
from bakeoff.prompts.mapping import as_text, texts_of
from bakeoff.prompts.sampling import merged
from bakeoff.records import Case, Message, PromptSpec, Request, Sampling
from bakeoff.templates import Render, compile_template, lettered

INPUT_NAMES = ("input", "prompt", "question")
CHECKED_ROWS = 1000
_OPEN = "\x00"
"""Stands for the answer while an example is rendered as the question, which ends there.

It has no letters, so that filters on `answer` leave it alone.
"""


class PromptRenderer:
    """Turns cases into requests, all in the same form.

    Chat: the system message, one user and one assistant turn per example, the case's own messages, the
    user turn. Completion: the system text, the examples and at last the question, as `Q: ...` and
    `A: ...` lines with the last answer left open. The `example` template replaces those lines (and, in
    this form, `template`): the question is the same text up to where its `answer` stands. White space
    at the end of a completion prompt is cut, because a model goes on badly from it.

    Without a template the user turn is the field `input`, `prompt` or `question`, followed by the
    lettered `choices` where the row has them; a case that is a conversation is sent as it stands.
    A synthetic case, whose length was asked for, and a case with a `prompt` of its own are completed as they
    stand, without `Q:` and `A:`.

    A model without a chat template would go on with the next question, so the `Q:`/`A:` form stops at
    a line break unless the spec names a `stop` of its own or the case asks for a length.

    Args:
        prompt: of the benchmark.
        form: of the provider.
        sampling: of the target, with the benchmark's own parameters.
        stream: of the target.
        benchmark: name to show in errors.
    """

    def __init__(
        self,
        prompt: PromptSpec,
        *,
        form: Literal["chat", "completion"],
        sampling: Sampling,
        stream: bool = True,
        benchmark: str = "",
    ) -> None:
        self._where = f"benchmark `{benchmark}`: " if benchmark else ""
        self._form = form
        self._stream = stream
        self._sampling = sampling
        self._turn = self._compiled(prompt.template, "template")
        self._system = self._compiled(prompt.system, "system")
        self._example = self._compiled(prompt.example, "example")
        self._messages = compile_messages(prompt.messages, f"{self._where}messages")
        shots = list(enumerate(prompt.few_shot, 1))
        if form == "chat":
            self._shots = tuple(turn for number, fields in shots for turn in self._shot(number, fields))
            return
        self._shown = "".join(self._block(number, fields) for number, fields in shots)
        lines = self._example is None and not sampling.stop
        self._one_line = msgspec.structs.replace(sampling, stop=("\n",)) if lines else sampling

    def render(self, case: Case) -> Request:
        """Return the request that asks `case`.

        Raises:
            TemplateError: the row lacks a field that a template asks for.
        """
        if case.continuations:
            return Request(continuations=case.continuations, sampling=self._asked(case), stream=False)
        if self._form == "chat":
            return Request(
                messages=self._conversation(case),
                sampling=self._asked(case),
                stream=self._stream,
                output_tokens=case.output_tokens,
            )
        return Request(
            prompt=self._completion(case),
            sampling=self._asked(case),
            stream=self._stream,
            output_tokens=case.output_tokens,
        )

    def continued(self, case: Case, before: Request, answer: str) -> Request:
        """Return the request that goes on with a conversation, after the model's own answer.

        What was sent stays as it was, so that a cache knows it; the system message and the examples stand at
        the beginning only.

        Args:
            case: the next turn.
            before: the request that the answer belongs to.
            answer: its text, without reasoning.

        Raises:
            TemplateError: the row lacks a field that a template asks for.
        """
        if self._form == "chat":
            said = Message(role="assistant", content=answer)
            messages, prompt = (*before.messages, said, *self._turns(case)), None
        else:
            messages, prompt = (), f"{before.prompt} {answer.strip()}\n\n{self._next(case)}"
        return msgspec.structs.replace(
            before, messages=messages, prompt=prompt, output_tokens=case.output_tokens
        )

    def check(self, cases: Iterable[Case]) -> None:
        """Render the first 1,000 cases and throw the result away.

        Raises:
            TemplateError: of the first row that does not fit.
        """
        for case in islice(cases, CHECKED_ROWS):
            try:
                self.render(case)
            except TemplateError as error:
                row = f"row `{case.id}`" + (f" (line {case.line})" if case.line else "")
                raise TemplateError(error.message, where=f"{error.where}, {row}", hint=error.hint) from error

    def _asked(self, case: Case) -> Sampling:
        """Return the sampling parameters of a case: its own over those of the benchmark."""
        lines = self._form != "chat" and case.output_tokens is None and case.prompt is None
        base = self._one_line if lines else self._sampling
        return merged(base, case.params) if case.params else base

    def _conversation(self, case: Case) -> tuple[Message, ...]:
        turns = [*self._shots, *self._turns(case)]
        if self._system is not None:
            turns.insert(0, Message(role="system", content=self._system(case.fields)))
        return tuple(turns)

    def _turns(self, case: Case) -> tuple[Message, ...]:
        """Return what a case itself says."""
        said = self._said(case)
        if self._turn is None and said:
            return said
        return (*said, Message(role="user", content=self._question(case.fields)))

    def _completion(self, case: Case) -> str:
        system = "" if self._system is None else self._system(case.fields).rstrip() + "\n\n"
        return system + self._shown + self._next(case)

    def _next(self, case: Case) -> str:
        """Return what a case itself says, as text that ends where the answer begins."""
        if self._example is not None:
            return self._past(case) + self._opened(case.fields)
        if self._turn is None and case.prompt is not None:
            return case.prompt
        if self._turn is None and self._said(case):
            return (self._past(case) + "A:").rstrip()
        question = self._question(case.fields)
        if self._turn is None and case.prompt_tokens is not None:
            return question
        return f"{self._past(case)}Q: {question}\nA:"

    def _said(self, case: Case) -> tuple[Message, ...]:
        """Return the ready turns: the case's own, and those of the prompt's `messages`."""
        return case.messages + self._messages(case.fields)

    def _question(self, fields: Mapping[str, Any]) -> str:
        """Return the user turn of a row, or of an example."""
        if self._turn is not None:
            return self._turn(fields)
        for name in INPUT_NAMES:
            if fields.get(name) is not None:
                choices = lettered(texts_of(fields.get("choices")))
                return as_text(fields[name]) + ("\n" + choices if choices else "")
        raise TemplateError(
            "the row has none of the fields `input`, `prompt` and `question`",
            where=f"{self._where}prompt",
            hint="write a `prompt` such as {{FIELD}}; fields of the row: " + (", ".join(fields) or "none"),
        )

    def gap(self, case: Case) -> str:
        """Return the white space that the `example` template puts before its answer."""
        assert self._example is not None
        before = self._example({**case.fields, "answer": _OPEN}).partition(_OPEN)[0]
        return before[len(before.rstrip()) :]

    def _opened(self, fields: Mapping[str, Any]) -> str:
        assert self._example is not None
        text, mark, _ = self._example({**fields, "answer": _OPEN}).partition(_OPEN)
        if not mark:
            raise TemplateError(
                "the template of an example never shows `answer`, so there is no place to answer",
                where=f"{self._where}example",
                hint="end it with {{answer}}",
            )
        return text.strip("\n").rstrip()

    def _past(self, case: Case) -> str:
        """Return the case's own conversation as text."""
        parts: list[str] = []
        for message in self._said(case):
            if not isinstance(message.content, str):
                raise TemplateError(
                    "a message of content parts has no completion form",
                    where=f"{self._where}messages",
                    hint="use the chat form, or plain text",
                )
            pattern = _LINES.get(message.role, "{}\n\n")
            parts.append(pattern.format(message.content.rstrip()))
        return "".join(parts)

    def _shot(self, number: int, fields: dict[str, Any]) -> tuple[Message, Message]:
        answer = self._answer(number, fields)
        return (
            Message(role="user", content=self._question(fields)),
            Message(role="assistant", content=answer),
        )

    def _block(self, number: int, fields: dict[str, Any]) -> str:
        answer = self._answer(number, fields)
        if self._example is not None:
            return self._example(fields).strip("\n").rstrip() + "\n\n"
        return f"Q: {self._question(fields)}\nA: {answer}\n\n"

    def _answer(self, number: int, fields: Mapping[str, Any]) -> str:
        if fields.get("answer") is None:
            raise TemplateError(
                "the example has no `answer`",
                where=f"{self._where}few_shot {number}",
                hint="write it as {input: ..., answer: ...}",
            )
        return as_text(fields["answer"])

    def _compiled(self, source: str | None, part: str) -> Render | None:
        return None if source is None else compile_template(source, f"{self._where}{part}")


_LINES = {"user": "Q: {}\n", "assistant": "A: {}\n\n"}
