"""The documents of a task of lm-evaluation-harness, asked as the task says, or of all tasks of a group."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from bakeoff import textfiles
from bakeoff.errors import DataError
from bakeoff.harness import Question, Wish, load_task, questions, task_names
from bakeoff.harness.judge import DOC, TASK
from bakeoff.records import Case


class LmEvalTask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A task of lm-eval by its name: its documents, prompts, examples and continuations are lm-eval's own.

    A task that generates is asked in either form: as the text that lm-eval sends to a completions endpoint,
    or as the conversation that it sends to a chat endpoint. Its `generation_kwargs` become the sampling
    parameters of the case. A task by log-likelihood asks for the likelihoods of its continuations. A case is
    named by the number of its document, as in lm-eval's own files; its field `doc` holds the document.

    A group or tag asks the first document of each of its tasks, then the second of each, and so on, so that a
    limit leaves out none of them. Its score is the mean over all documents, and each task is a slice.

    Attributes:
        task: the name of a task, group or tag.
        include_path: a folder of further task files, which go before lm-eval's own.
        allow_code: let files of that folder name Python functions, which run in bakeoff's process.
        num_fewshot: examples before each question; None for the task's own number, and 0 of a task stays 0.
        fewshot_seed: draws the examples; lm-eval's own default.
        fewshot_as_multiturn: in a chat, each example is a turn of its own.
        system_instruction: stands before the task's description.
        gen_kwargs: over the task's `generation_kwargs`, in lm-eval's names.
    """

    task: str
    include_path: str | None = None
    allow_code: bool = False
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
        names = task_names(self.task, folder)
        tasks = {name: load_task(name, folder, allow_code=self.allow_code) for name in names}
        if names == [self.task]:
            yield from map(_case, questions(tasks[self.task], wish))
            return
        _check_alike(self.task, tasks)
        for name, asked in _in_turn({name: questions(task, wish) for name, task in tasks.items()}):
            case = _case(asked)
            yield msgspec.structs.replace(
                case, id=f"{name}/{case.id}", fields=case.fields | {TASK: name}, slices={TASK: name}
            )


def _case(asked: Question) -> Case:
    shown = asked.prompt or next((each.context or each.text for each in asked.continuations), "")
    return Case(
        id=str(asked.doc_id),
        fields={"input": shown, DOC: asked.doc},
        reference=asked.target,
        messages=asked.messages,
        prompt=asked.prompt or None,
        params=asked.params,
        continuations=asked.continuations,
    )


def _in_turn(several: dict[str, Iterator[Question]]) -> Iterator[tuple[str, Question]]:
    """Yield one question of each task in turn, until none has any."""
    left = dict(several)
    while left:
        for name, asked in list(left.items()):
            one = next(asked, None)
            if one is None:
                del left[name]
            else:
                yield name, one


def _check_alike(group: str, tasks: dict[str, Any]) -> None:
    """Refuse tasks that one benchmark cannot ask, or whose scores are not of one kind."""
    kinds = {name: task.OUTPUT_TYPE == "generate_until" for name, task in tasks.items()}
    firsts = {name: _first(task.aggregation()) for name, task in tasks.items()}
    for what, found in (("ask in different ways", kinds), ("are scored by different metrics", firsts)):
        if len(set(found.values())) > 1:
            some = dict(zip(reversed(found.values()), reversed(found), strict=True))
            raise DataError(
                f"the tasks of `{group}` {what}: {' and '.join(f'`{name}`' for name in some.values())}, for "
                "example",
                hint=f"make a benchmark of each: {', '.join(found)}",
            )


def _first(names: Iterable[str]) -> str:
    return next(iter(names), "")
