"""The documents of a task as questions: prompts, examples and continuations by lm-eval's own code."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# lm-eval has no types; what comes from it is looked at where it is used.

from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec

from bakeoff.harness.offline import offline
from bakeoff.harness.task import quiet
from bakeoff.records import Continuation, Message

_LONGEST = 256
"""lm-eval's own limit of an answer where a task has none."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """How the documents are asked, beyond what the task says.

    Attributes:
        num_fewshot: examples before each question; None for the task's own number.
        seed: draws the examples.
        system_instruction: stands before the task's description.
        multiturn: in a chat, each example is a turn of its own.
        gen_kwargs: over the task's own, in lm-eval's names.
    """

    num_fewshot: int | None = None
    seed: int = 1234
    system_instruction: str | None = None
    multiturn: bool = True
    gen_kwargs: dict[str, Any] = {}


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One document as it is asked: by a text to complete or a conversation, or by continuations."""

    doc_id: int
    doc: dict[str, Any]
    target: str
    prompt: str = ""
    messages: tuple[Message, ...] = ()
    params: dict[str, Any] = {}
    continuations: tuple[Continuation, ...] = ()


def questions(task: Any, wish: Wish) -> Iterator[Question]:  # noqa: ANN401  lm-eval has no types
    """Yield the documents in the task's order; each is put together when it is asked for."""
    with offline(), quiet():
        docs = task.eval_docs
    generated = task.OUTPUT_TYPE == "generate_until"
    # Both forms draw the same examples, so each has the sequence of draws to itself.
    plain, chat = (_Writer(task, wish, chat=form) for form in (False, True))
    for number, doc in enumerate(docs):
        asked = plain.instances(number, doc)
        said = chat.instances(number, doc)[0].args[0] if generated else []
        yield Question(
            doc_id=number,
            doc=as_json(doc),
            target=str(task.doc_to_target(doc)),
            prompt=asked[0].args[0] if generated else "",
            messages=msgspec.convert(said, tuple[Message, ...]),
            params=parameters(asked[0].args[1] | wish.gen_kwargs) if generated else {},
            continuations=() if generated else tuple(continuation(each.args) for each in asked),
        )


def parameters(given: dict[str, Any]) -> dict[str, Any]:
    """Return the sampling parameters that lm-eval's API models make of a task's `generation_kwargs`."""
    asked = dict(given)
    asked.pop("do_sample", None)
    usual = asked.pop("max_gen_toks", _LONGEST)
    until = asked.pop("until", None) or []
    return {
        "max_tokens": asked.pop("max_tokens", usual),
        "temperature": asked.pop("temperature", 0.0),
        "stop": [until] if isinstance(until, str) else list(until),
        **asked,
    }


def shots(task: Any, wish: Wish) -> int:  # noqa: ANN401  lm-eval has no types
    """Return how many examples are shown: a task that says 0 means it, as for lm-eval."""
    own: int | None = task.config.num_fewshot
    return own or 0 if wish.num_fewshot is None or own == 0 else wish.num_fewshot


def as_json(value: Any) -> Any:  # noqa: ANN401  a row of any data set
    """Return a document as plain data, what JSON does not know as text."""
    return msgspec.json.decode(msgspec.json.encode(value, enc_hook=str))


class _Writer:
    """Puts documents together in one form, with examples drawn one document after another."""

    def __init__(self, task: Any, wish: Wish, *, chat: bool) -> None:  # noqa: ANN401  lm-eval has no types
        self._task = task
        self._wish = wish
        self._draws = Random(wish.seed)
        self._form: dict[str, Any] = {"apply_chat_template": chat, "chat_template": _kept if chat else None}

    def instances(self, number: int, doc: Any) -> list[Any]:  # noqa: ANN401  lm-eval has no types
        """Return what lm-eval would ask for a document, as its `build_all_requests` does."""
        task = self._task
        task.fewshot_rnd = self._draws
        if hasattr(task, "sampler"):
            task.sampler.rnd = self._draws
        with quiet():
            context = task.fewshot_context(
                doc,
                num_fewshot=shots(task, self._wish),
                system_instruction=self._wish.system_instruction,
                fewshot_as_multiturn=self._wish.multiturn,
                gen_prefix=task.doc_to_prefix(doc),
                **self._form,
            )
            found = task.construct_requests(
                doc=doc, ctx=context, metadata=(task.config.task, number, 1), **self._form
            )
        return sorted(found, key=lambda each: each.idx) if isinstance(found, list) else [found]


def _kept(messages: list[dict[str, Any]], *, add_generation_prompt: bool = True) -> list[dict[str, Any]]:  # noqa: ARG001  as lm-eval calls it
    """Stand for a chat template: the endpoint has its own."""
    return messages


def continuation(arguments: tuple[str, ...]) -> Continuation:
    """Return a pair as lm-eval splits it: blanks at the end of the context begin the continuation."""
    context, text = arguments if len(arguments) == 2 else ("", arguments[0])
    bare = context.rstrip()
    return Continuation(context=bare, text=context[len(bare) :] + text)
