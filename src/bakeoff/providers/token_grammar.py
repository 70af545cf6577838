"""Log-likelihoods on llama.cpp: each text is forced as the only sentence of a grammar of token literals."""

import math
from collections.abc import Iterator, Sequence

import msgspec

from bakeoff.extend import Ask
from bakeoff.providers import _likelihood as shared
from bakeoff.records import Call, Continuation, Likelihood, Request, Response, Target, Usage

_LISTED = (1_000, 1_000_000)
"""How many of the likeliest tokens are asked for where a token cannot be forced, first and at last."""


class _Top(msgspec.Struct, frozen=True):
    id: int
    logprob: float


class _Token(msgspec.Struct, frozen=True):
    id: int
    logprob: float
    top_logprobs: list[_Top] = []


class _Logprobs(msgspec.Struct, frozen=True):
    content: list[_Token] | None = None


class _Choice(msgspec.Struct, frozen=True):
    logprobs: _Logprobs | None = None


class _Completion(shared.Answer, frozen=True):
    choices: tuple[_Choice, ...] = ()


class _Piece(msgspec.Struct, frozen=True):
    """A token of a text; bytes in place of a text stand for a part of a character."""

    id: int
    piece: str | list[int]

    @property
    def whole(self) -> bool:
        return isinstance(self.piece, str)


class _Pieces(msgspec.Struct, frozen=True):
    tokens: list[_Piece]


class _Cost(msgspec.Struct, frozen=True):
    """What one token cost, and whether it was the likeliest, None where that is not said."""

    logprob: float
    greedy: bool | None


class TokenGrammar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Force each text token by token with a llama.cpp server's grammars, which reports what each one cost.

    Context and text are tokenised together by the server's own `/tokenize`; what they have in common with the
    context alone is the prompt, the rest is forced: a token that belongs to both sides of the boundary counts
    to the text. The log-probabilities are those before sampling, so the grammar does not change them.

    The server reports nothing of a token that ends within a character, as many do in scripts that the model
    has seen little of; each of these is looked up among the likeliest next tokens, by a call of its own. A
    text that holds a token which ends answers cannot be forced.
    """

    @property
    def form(self) -> str:
        """Return "likelihood"."""
        return "likelihood"

    async def likelihood(self, request: Request, target: Target, ask: Ask) -> Response:
        """Return a likelihood for each continuation; two calls each at least, and one for each context."""
        asker = _Asker(request, target, ask)
        try:
            found = [await asker.judge(asked) for asked in request.continuations]
        except shared.Undecodable as problem:
            return Response(error=str(problem), usage=shared.total(asker.usages))
        return Response(likelihoods=found, usage=shared.total(asker.usages), model=asker.model)


class _Asker:
    """The calls for one request; remembers the tokens of its contexts."""

    def __init__(self, request: Request, target: Target, ask: Ask) -> None:
        self.usages: list[Usage] = []
        self.model: str | None = None
        self._request = request
        self._target = target
        self._ask = ask
        self._contexts: dict[str, list[_Piece]] = {}

    async def judge(self, asked: Continuation) -> Likelihood:
        """Return the likelihood of one text."""
        if asked.context not in self._contexts:
            self._contexts[asked.context] = await self._tokens(asked.context)
        whole = await self._tokens(asked.context + asked.text)
        start = _common(self._contexts[asked.context], whole)
        if not start or start == len(whole):
            raise shared.Undecodable("a text needs a context and at least one token of its own")
        costs: list[_Cost] = []
        for low, high in _runs(whole, start):
            prompt = [token.id for token in whole[:low]]
            run = [token.id for token in whole[low:high]]
            if whole[low].whole:
                costs += await self._forced(prompt, run)
            else:
                costs.append(await self._listed(prompt, run[0]))
        said = [cost.greedy for cost in costs]
        greedy = None if None in said else all(said)
        return Likelihood(logprob=math.fsum(cost.logprob for cost in costs), tokens=len(costs), greedy=greedy)

    async def _tokens(self, text: str) -> list[_Piece]:
        body = shared.encode({"content": text, "add_special": True, "with_pieces": True})
        exchange = await self._ask(Call(path="/tokenize", body=body, at_root=True))
        return shared.decode(exchange, _Pieces).tokens

    async def _forced(self, prompt: list[int], run: list[int]) -> list[_Cost]:
        """Return what the tokens of a run cost."""
        said = await self._complete(prompt, run, 1)
        return [_Cost(token.logprob, _greedy(token)) for token in said]

    async def _listed(self, prompt: list[int], wanted: int) -> _Cost:
        """Return what a token costs by its place among the likeliest; another one is forced meanwhile."""
        other = (await self._tokens("a"))[-1].id
        for count in _LISTED:
            (said,) = await self._complete(prompt, [other], count)
            for top in said.top_logprobs:
                if top.id == wanted:
                    return _Cost(top.logprob, top.logprob >= said.top_logprobs[0].logprob)
        raise shared.Undecodable("a token of the text is not among those that the server lists")

    async def _complete(self, prompt: list[int], run: list[int], logprobs: int) -> list[_Token]:
        grammar = "root ::= " + " ".join(f"<[{token}]>" for token in run)
        fields = {"prompt": prompt, "grammar": grammar, "max_tokens": len(run), "logprobs": logprobs}
        body = shared.body_of(self._request, self._target, **fields)
        answer = shared.decode(await self._ask(Call(path="/completions", body=body)), _Completion)
        if answer.error is not None:
            raise shared.Undecodable(f"the server says: {answer.error}")
        self.usages.append(answer.counted)
        self.model = answer.model
        logprobs_said = answer.choices[0].logprobs if answer.choices else None
        said = (logprobs_said.content if logprobs_said else None) or []
        ids = [token.id for token in said]
        if ids and len(ids) < len(run) and ids == run[: len(ids)]:
            raise shared.Undecodable(
                f"the server stopped after {len(ids):,} of {len(run):,} tokens: does the text fit into the "
                "model's context?"
            )
        if ids != run:
            raise shared.Undecodable(
                "the answer is not the text that was forced: grammars of tokens are ignored"
            )
        return said


def _common(context: Sequence[_Piece], whole: Sequence[_Piece]) -> int:
    """Return how many tokens two texts have in common at the beginning."""
    size = min(len(context), len(whole))
    return next((at for at in range(size) if context[at].id != whole[at].id), size)


def _runs(tokens: Sequence[_Piece], start: int) -> Iterator[tuple[int, int]]:
    """Yield the places of tokens that can be forced together, and of each one that cannot."""
    low = start
    for at in range(start, len(tokens)):
        if tokens[at].whole:
            continue
        if low < at:
            yield low, at
        yield at, at + 1
        low = at + 1
    if low < len(tokens):
        yield low, len(tokens)


def _greedy(token: _Token) -> bool | None:
    return token.logprob >= token.top_logprobs[0].logprob if token.top_logprobs else None
