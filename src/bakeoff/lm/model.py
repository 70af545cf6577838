"""The model that lm-eval sees: its requests become cases, samples become what it expects."""

# pyright: reportUnknownMemberType=false
# lm-eval has no types; what comes from it is looked at where it is used.

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from bakeoff.errors import EndpointError, UsageError
from bakeoff.harness.questions import continuation, parameters
from bakeoff.lm.asking import FAILED, Asked, Asker, Form
from bakeoff.lm.registering import harness_module
from bakeoff.lm.settings import find_subject, settings_of
from bakeoff.records import Case, Continuation, Message, Sample
from bakeoff.run.loop import run_async

_LM: Any = harness_module("lm_eval.api.model").LM
_SHOWN = 3
_PREFIX = "some texts have no context: give one as `prefix` where the model has no first token of its own; "

T = TypeVar("T")


class Conversation(str):
    """A conversation on its way through lm-eval, which takes prompts to be texts."""

    __slots__ = ()


_BEGINS = '[{"role": '
"""How such a text begins."""


class BakeoffLM(_LM):  # type: ignore[misc]  # lm-eval has no types
    """Asks an endpoint through bakeoff's own client: its concurrency, retries, outcomes, store and totals.

    A failed request ends the evaluation with its reason, after all others were asked where there is a store:
    an empty text in its place would be graded as a wrong answer. Answers are handed over without reasoning.
    """

    def __init__(self, **arguments: Any) -> None:  # noqa: ANN401  the words of `--model_args`
        super().__init__()
        self._settings = settings_of(arguments)
        self._asker = Asker(self._settings, _done(find_subject(self._settings)))

    @property
    def tokenizer_name(self) -> str:
        """Return what lm-eval keeps its prepared requests under: conversations are the same for all."""
        return "bakeoff-conversation"

    def apply_chat_template(
        self,
        chat_history: list[dict[str, Any]],
        add_generation_prompt: bool = True,  # noqa: ARG002, FBT001, FBT002  as lm-eval calls it
    ) -> str:
        """Return the conversation as it is: the endpoint has its own template."""
        return Conversation(json.dumps(chat_history, ensure_ascii=False))

    def get_model_info(self) -> dict[str, Any]:
        """Return the totals, which lm-eval puts into its results under `config`."""
        return {"bakeoff": msgspec.to_builtins(self._asker.totals())}

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:  # noqa: FBT001, FBT002  as lm-eval calls it
        """Return the answers.

        Raises:
            EndpointError: a request failed, or an answer holds nothing to judge.
        """
        texts: list[str] = [""] * len(requests)
        asked = _numbered(requests)
        forms: dict[Form, list[int]] = {"chat": [], "completion": []}
        for number, each in enumerate(asked):
            forms["chat" if each.case.messages else "completion"].append(number)
        for form, numbers in forms.items():
            if not numbers:
                continue
            with self._told(), _bar(len(numbers), "generate_until", hidden=disable_tqdm) as bar:
                samples = _done(self._asker.answers([asked[n] for n in numbers], form, bar.update))
            for number, sample in zip(numbers, samples, strict=True):
                if sample is not None and sample.outcome not in FAILED:
                    texts[number] = sample.text
                    self.cache_hook.add_partial("generate_until", requests[number].args, sample.text)
            self._check(samples)
            self._check_answered(samples)
        return texts

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:  # noqa: FBT001, FBT002  as lm-eval calls it
        """Return the log-likelihood of each continuation, and whether it is the likeliest one.

        Raises:
            EndpointError: the endpoint cannot tell, or a request failed.
        """
        found = self._likelihoods(requests, "loglikelihood", hidden=disable_tqdm)
        return [(logprob, greedy) for logprob, greedy in found]

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:  # noqa: FBT001, FBT002  as lm-eval calls it
        """Return the log-likelihood of each whole text, which has to fit into the model's context.

        Raises:
            EndpointError: the endpoint cannot tell, or a request failed.
        """
        found = self._likelihoods(requests, "loglikelihood_rolling", hidden=disable_tqdm)
        return [logprob for logprob, _ in found]

    def _likelihoods(self, requests: list[Any], kind: str, *, hidden: bool) -> list[tuple[float, bool]]:
        """Ask for all continuations of a document in one go, as a run does."""
        if not requests:
            return []
        groups: dict[object, list[int]] = {}
        for number, request in enumerate(requests):
            alone = request.doc_id is None
            groups.setdefault(number if alone else (request.task_name, request.doc_id), []).append(number)
        asked = [
            Asked(case=Case(id=str(at), continuations=tuple(self._pair(requests[n]) for n in numbers)))
            for at, numbers in enumerate(groups.values())
        ]
        with self._told(), _bar(len(asked), kind, hidden=hidden) as bar:
            samples = _done(self._asker.likelihoods(asked, bar.update))
        found: list[tuple[float, bool]] = [(0.0, False)] * len(requests)
        for numbers, sample in zip(groups.values(), samples, strict=True):
            told = [] if sample is None else sample.likelihoods
            for number, each in zip(numbers, told, strict=False):
                found[number] = (each.logprob, bool(each.greedy))
                kept = found[number] if kind == "loglikelihood" else each.logprob
                self.cache_hook.add_partial(kind, requests[number].args, kept)
        bare = any(not pair.context for each in asked for pair in each.case.continuations)
        self._check(samples, _PREFIX if bare else "")
        return found

    def _pair(self, request: Any) -> Continuation:  # noqa: ANN401  lm-eval has no types
        if isinstance(request.args[0], Conversation):
            raise UsageError(
                "likelihoods are asked of texts, not of conversations, whose template is the endpoint's",
                where=f"task `{request.task_name}`",
                hint="leave out `--apply_chat_template` for tasks by likelihood",
            )
        pair = continuation(request.args)
        return pair if pair.context else msgspec.structs.replace(pair, context=self._settings.prefix)

    @contextmanager
    def _told(self) -> Generator[None]:
        """Tell and keep what was asked and what it took, whatever became of it."""
        try:
            yield
        finally:
            totals = self._asker.totals()
            click.echo(f"bakeoff: {totals.sentence()}", err=True)
            if self._settings.totals is not None:
                path = Path(self._settings.totals)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(msgspec.json.format(msgspec.json.encode(totals), indent=1) + b"\n")

    def _check(self, samples: Sequence[Sample | None], hint: str = "") -> None:
        failed = [each for each in samples if each is not None and each.outcome in FAILED]
        if not failed:
            return
        left = samples.count(None)
        more = f", and {left:,} were not asked any more" if left else ""
        raise EndpointError(
            f"{len(failed):,} of {len(samples):,} requests failed{more}: {self._reasons(failed)}",
            where=f"`{self._asker.name}`",
            hint=hint + self._again("only these are asked again"),
        )

    def _check_answered(self, samples: Sequence[Sample | None]) -> None:
        """Refuse to pass on an empty text as an answer that was none."""
        none = [
            each
            for each in samples
            if each is not None and each.outcome not in {"ok", "empty"} and not each.text.strip()
        ]
        if not none or self._settings.no_answer == "wrong":
            return
        kinds = ", ".join(f"{count:,} {name}" for name, count in Counter(e.outcome for e in none).items())
        raise EndpointError(
            f"{len(none):,} of {len(samples):,} answers hold nothing to judge ({kinds})",
            where=f"`{self._asker.name}`",
            hint="allow more tokens with `--gen_kwargs max_gen_toks=N`, or let them count as wrong with "
            f"`no_answer=wrong`; {self._again('the others are not asked again')}",
        )

    def _again(self, what: str) -> str:
        store = self._settings.store
        name = "store=FOLDER" if store is None else f"store={store}"
        return f"with `{name}` in `--model_args`, {what}"

    def _reasons(self, failed: Sequence[Sample]) -> str:
        """Say the kinds of failures by number, with one example of each of the first few."""
        counts = Counter(each.error.partition(":")[0] for each in failed)
        examples = {each.error.partition(":")[0]: each.error for each in failed}
        shown = [f"{examples[kind]} ({count:,})" for kind, count in counts.most_common(_SHOWN)]
        return self._asker.told("; ".join(shown))


def _numbered(requests: Sequence[Any]) -> list[Asked]:
    """Return the requests as cases; lm-eval repeats one that is to be asked several times."""
    times: Counter[int] = Counter()
    asked: list[Asked] = []
    for number, request in enumerate(requests):
        asked.append(Asked(case=_case(number, request), repeat=times[id(request)]))
        times[id(request)] += 1
    return asked


def _case(number: int, request: Any) -> Case:  # noqa: ANN401  lm-eval has no types
    context, wanted = request.args[:2]
    params = parameters(wanted)
    if isinstance(context, Conversation):
        turns = msgspec.json.decode(str(context), type=tuple[Message, ...])
        return Case(id=str(number), messages=turns, params=params)
    if context.startswith(_BEGINS):
        raise UsageError(
            "a conversation came back from lm-eval as a plain text, which would be asked as one",
            where=f"task `{request.task_name}`",
            hint="leave out `--apply_chat_template` for this task",
        )
    return Case(id=str(number), prompt=context, params=params)


def _bar(count: int, what: str, *, hidden: bool) -> Any:  # noqa: ANN401  tqdm has no types
    make: Callable[..., Any] = harness_module("tqdm").tqdm
    return make(total=count, desc=f"bakeoff: {what}", disable=hidden)


def _done(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, beside a loop that runs already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return run_async(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run_async, work).result()
