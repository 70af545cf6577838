"""Ask a live endpoint what it can do: each point is seen by a small request, none is assumed."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection

import msgspec

from bakeoff.extend import LikelihoodProvider
from bakeoff.prompts.choices import lettered_fields
from bakeoff.providers.openai_chat import OpenAIChat
from bakeoff.providers.openai_completions import OpenAICompletions
from bakeoff.providers.prompt_logprobs import PromptLogprobs
from bakeoff.providers.token_grammar import TokenGrammar
from bakeoff.records import Continuation, Exchange, Message, Request, Response, Sampling, Target
from bakeoff.records.capabilities import Capabilities
from bakeoff.run.description import Description, describe
from bakeoff.run.door import Door, NotSeen
from bakeoff.run.features import images, seed, structured_output, tools
from bakeoff.wire import Client, Route

POINTS = (
    "chat", "completions", "streaming", "streaming_usage", "prompt_logprobs", "token_grammar",
    "chat_top_logprobs", "completion_top_logprobs", "structured_output", "tools", "seed", "images",
)  # fmt: skip
"""What takes a question of its own; what an endpoint says of itself is read beside them."""

_LONGEST_S = 60.0
_PAIRS = (
    Continuation(context="The capital of France is", text=" Paris."),
    Continuation(context="The capital of France is", text=" a loaf of bread"),
)


async def probe(
    client: Client, route: Route, target: Target, points: Collection[str] = POINTS
) -> Capabilities:
    """Return what an endpoint was seen to do.

    Args:
        client: sends the questions.
        route: where to.
        target: the model that is asked.
        points: what to ask for.

    Raises:
        EndpointError: it refuses the key.
    """
    door = Door(client, route, target)
    found: dict[str, bool | None] = {}
    notes: dict[str, str] = {}
    for point in (point for point in POINTS if point in points):
        try:
            async with asyncio.timeout(_LONGEST_S):
                await _QUESTIONS[point](door)
            found[point] = True
        except NotSeen as seen:
            found[point] = False if seen.sure else None
            notes[point] = str(seen)
        except TimeoutError:
            found[point], notes[point] = None, f"no answer within {_LONGEST_S:.0f} s"
    # A run asks for what its benchmarks need; what an endpoint says of itself is for its user.
    said = await describe(door, chat=found.get("chat")) if "chat" in points else Description()
    for point, note in said.notes.items():
        notes.setdefault(point, note)
    whole = Capabilities(
        target=target.name,
        chat_template=said.chat_template,
        tokenizer=said.tokenizer,
        context=said.context,
        notes=notes,
        requests=door.requests,
    )
    return msgspec.structs.replace(whole, **found)


async def _chat(door: Door) -> None:
    _answered(await _said(door, OpenAIChat(), max_tokens=8))


async def _completions(door: Door) -> None:
    _answered(await _said(door, OpenAICompletions(), max_tokens=8))


async def _streaming(door: Door) -> None:
    response = await _streamed(door)
    if len(response.chunk_times) < 2:
        raise NotSeen("the answer came in one piece")


async def _streaming_usage(door: Door) -> None:
    response = await _streamed(door)
    if response.usage.prompt is None or response.usage.completion is None:
        raise NotSeen("the stream ended without token counts")


async def _streamed(door: Door) -> Response:
    try:
        return await _said(door, OpenAIChat(), stream=True, max_tokens=16)
    except NotSeen:
        return await _said(door, OpenAICompletions(), stream=True, max_tokens=16)


async def _prompt_logprobs(door: Door) -> None:
    await _likelihoods(door, PromptLogprobs())


async def _token_grammar(door: Door) -> None:
    await _likelihoods(door, TokenGrammar())


async def _likelihoods(door: Door, provider: LikelihoodProvider) -> None:
    """Ask for two likelihoods by the way that a run would; the numbers must be of these texts."""
    response = await provider.likelihood(Request(continuations=_PAIRS, stream=False), door.target, door.ask)
    if response.error is not None:
        raise NotSeen(response.error)
    logprobs = [likelihood.logprob for likelihood in response.likelihoods]
    if not all(math.isfinite(value) and value < 0 for value in logprobs) or len(set(logprobs)) < 2:
        raise NotSeen(f"its log-probabilities are none: {', '.join(f'{value:g}' for value in logprobs)}")


async def _chat_top_logprobs(door: Door) -> None:
    _listed(await _said(door, OpenAIChat(), extra=lettered_fields("chat"), max_tokens=1))


async def _completion_top_logprobs(door: Door) -> None:
    _listed(await _said(door, OpenAICompletions(), extra=lettered_fields("completion"), max_tokens=1))


def _listed(response: Response) -> None:
    """Want several alternatives of the first token; a single one is the token itself."""
    if not response.top_logprobs or len(response.top_logprobs[0]) < 2:
        raise NotSeen("the answer came without the likeliest tokens")


async def _said(
    door: Door,
    provider: OpenAIChat | OpenAICompletions,
    *,
    stream: bool = False,
    max_tokens: int,
    extra: dict[str, object] | None = None,
) -> Response:
    sampling = door.target.sampling
    request = Request(
        messages=(Message(role="user", content="Count from one to ten in words."),),
        prompt="one, two, three,",
        sampling=Sampling(max_tokens=max_tokens, extra=sampling.extra | (extra or {})),
        stream=stream,
    )
    return decoded(provider, await door.ask(provider.encode(request, door.target)))


def decoded(provider: OpenAIChat | OpenAICompletions, exchange: Exchange) -> Response:
    """Return the answer of an exchange.

    Raises:
        NotSeen: it is none of the provider's.
    """
    response = provider.decode(exchange)
    if response.error or not response.complete:
        raise NotSeen(response.error or "the answer is not whole")
    return response


def _answered(response: Response) -> None:
    if not (response.text or response.thinking):
        raise NotSeen("the answer is empty")


_QUESTIONS: dict[str, Callable[[Door], Awaitable[None]]] = {
    "chat": _chat,
    "completions": _completions,
    "streaming": _streaming,
    "streaming_usage": _streaming_usage,
    "prompt_logprobs": _prompt_logprobs,
    "token_grammar": _token_grammar,
    "chat_top_logprobs": _chat_top_logprobs,
    "completion_top_logprobs": _completion_top_logprobs,
    "structured_output": structured_output,
    "tools": tools,
    "seed": seed,
    "images": images,
}
