"""Log-likelihoods by echoed prompts: each token of what is sent comes back with a number."""

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

from bakeoff.extend import Ask
from bakeoff.providers import _likelihood as shared
from bakeoff.records import Call, Continuation, Likelihood, Request, Response, Target, Usage

_REPLACED = "\ufffd"


class _Logprobs(msgspec.Struct, frozen=True):
    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None


class _Choice(msgspec.Struct, frozen=True):
    index: int = 0
    logprobs: _Logprobs | None = None


class _Completion(shared.Answer, frozen=True):
    choices: tuple[_Choice, ...] = ()


class _Judged(msgspec.Struct, frozen=True, kw_only=True):
    likelihood: Likelihood
    usage: Usage
    model: str | None


class PromptLogprobs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Send each text as a prompt to `/completions`, echoed with log-probabilities, as vLLM answers.

    The text's own tokens are found in what comes back, from its end on: an endpoint that ignores `echo` is
    told from one that does not. A token that belongs to both sides of the boundary counts to the text.

    Attributes:
        max_tokens: tokens to generate after the prompt, which are thrown away; some servers want 0.
    """

    max_tokens: Literal[0, 1] = 1

    @property
    def form(self) -> str:
        """Return "likelihood"."""
        return "likelihood"

    async def likelihood(self, request: Request, target: Target, ask: Ask) -> Response:
        """Return a likelihood for each continuation, one call each."""
        found: list[_Judged] = []
        try:
            for asked in request.continuations:
                fields = {"prompt": asked.context + asked.text, "echo": True, "logprobs": 1}
                body = shared.body_of(request, target, max_tokens=self.max_tokens, **fields)
                exchange = await ask(Call(path="/completions", body=body))
                found.append(_judged(shared.decode(exchange, _Completion), asked))
        except shared.Undecodable as problem:
            return Response(error=str(problem), usage=shared.total(one.usage for one in found))
        return Response(
            likelihoods=[one.likelihood for one in found],
            usage=shared.total(one.usage for one in found),
            model=found[-1].model if found else None,
        )


def _judged(answer: _Completion, asked: Continuation) -> _Judged:
    if answer.error is not None:
        raise shared.Undecodable(f"the server says: {answer.error}")
    logprobs = answer.choices[0].logprobs if answer.choices else None
    if logprobs is None or not logprobs.tokens or not logprobs.token_logprobs:
        raise shared.Undecodable("the answer has no log-probabilities of the prompt: `echo` is ignored")
    generated = answer.counted.completion or 0
    end = len(logprobs.tokens) - generated
    start = boundary(logprobs.tokens[:end], asked.context, asked.text)
    if start is None:
        raise shared.Undecodable(
            "the tokens that came back do not spell the prompt: `echo` is ignored, or they are written "
            "otherwise"
        )
    return _Judged(likelihood=_likelihood(logprobs, start, end), usage=answer.counted, model=answer.model)


def _likelihood(logprobs: _Logprobs, start: int, end: int) -> Likelihood:
    own = (logprobs.token_logprobs or [])[start:end]
    numbers = [number for number in own if number is not None and math.isfinite(number)]
    if len(numbers) < end - start or not numbers:
        raise shared.Undecodable("a token of the text has no log-probability; is its context empty?")
    tops = (logprobs.top_logprobs or [])[start:end]
    known = [top for top in tops if top]
    greedy = None
    if len(known) == len(numbers):
        # By value, not by name: different tokens may be written alike.
        greedy = all(number >= max(top.values()) for number, top in zip(numbers, known, strict=True))
    return Likelihood(logprob=math.fsum(numbers), tokens=len(numbers), greedy=greedy)


def boundary(tokens: Sequence[str], context: str, text: str) -> int | None:
    """Return the place of the first token that holds some of `text`, or None where they do not spell it.

    Tokens are matched from the end, as far as needed. A part of a character is written as U+FFFD, and some
    servers leave out a token's leading blank, so a few readings are followed until they agree.
    """
    whole, edge = context + text, len(context)
    # Where the rest of the tokens would end, and the boundary that was passed on the way there.
    readings: set[tuple[int, int | None]] = {(len(whole), None)}
    for place in range(len(tokens) - 1, -1, -1):
        if None not in {passed for _, passed in readings} and len({passed for _, passed in readings}) == 1:
            break
        readings = {
            (begin, place if passed is None and begin <= edge < stop else passed)
            for stop, passed in readings
            for begin in _begins(whole, stop, tokens[place])
        }
    found = {passed for _, passed in readings if passed is not None}
    return found.pop() if len(found) == 1 else None


def _begins(whole: str, stop: int, token: str) -> set[int]:
    """Return where a token that ends at `stop` may begin."""
    begins: set[int] = {stop}
    for char in reversed(token):
        fits: set[int] = {at - 1 for at in begins if at and _fits(char, whole[at - 1])}
        # Of a character's parts only one brings it along.
        begins = fits | begins if char == _REPLACED else fits
    if token and not token[0].isspace():
        begins |= {at - 1 for at in begins if at and whole[at - 1].isspace()}
    return begins


def _fits(char: str, whole: str) -> bool:
    return char == whole or (char == _REPLACED and not whole.isascii())
