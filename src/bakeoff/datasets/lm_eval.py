"""The documents of a task of lm-evaluation-harness, asked as the task says."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from bakeoff import textfiles
from bakeoff.harness import Wish, load_task, questions
from bakeoff.records import Case


class LmEvalTask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A task of lm-eval by its name: its documents, prompts, examples and continuations are lm-eval's own.

    A task that generates is asked in either form: as the text that lm-eval sends to a completions endpoint,
    or as the conversation that it sends to a chat endpoint. Its `generation_kwargs` become the sampling
    parameters of the case. A task by log-likelihood asks for the likelihoods of its continuations. A case is
    named by the number of its document, as in lm-eval's own files; its field `doc` holds the document.

    Attributes:
        task: the name; a group or tag is refused, because its tasks have scores of their own.
        include_path: a folder of further task files, which go before lm-eval's own.
        num_fewshot: examples before each question; None for the task's own number, and 0 of a task stays 0.
        fewshot_seed: draws the examples; lm-eval's own default.
        fewshot_as_multiturn: in a chat, each example is a turn of its own.
        system_instruction: stands before the task's description.
        gen_kwargs: over the task's `generation_kwargs`, in lm-eval's names.
    """

    task: str
    include_path: str | None = None
    num_fewshot: int | None = None
    fewshot_seed: int = 1234
    fewshot_as_multiturn: bool = True
    system_instruction: str | None = None
    gen_kwargs: dict[str, Any] = {}

    @property
    def endless(self) -> bool:
        """Tell that the task's documents end."""
        return False

    def cases(self, base: Path, rng: Random) -> Iterator[Case]:  # noqa: ARG002  the task has its own seed
        """Yield one case for each document."""
        wish = Wish(
            num_fewshot=self.num_fewshot,
            seed=self.fewshot_seed,
            system_instruction=self.system_instruction,
            multiturn=self.fewshot_as_multiturn,
            gen_kwargs=self.gen_kwargs,
        )
        folder = None if self.include_path is None else textfiles.resolve(base, self.include_path)
        for asked in questions(load_task(self.task, folder), wish):
            shown = asked.prompt or next((each.context or each.text for each in asked.continuations), "")
            yield Case(
                id=str(asked.doc_id),
                fields={"input": shown, "doc": asked.doc},
                reference=asked.target,
                messages=asked.messages,
                prompt=asked.prompt or None,
                params=asked.params,
                continuations=asked.continuations,
            )
