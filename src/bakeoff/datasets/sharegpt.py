"""Conversations in the form in which ShareGPT dumps are passed around: turns of `from` and `value`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Annotated, Literal

import msgspec

from bakeoff import textfiles
from bakeoff.datasets._conversations import Think, linked
from bakeoff.datasets._lengths import Length, Tokens, sampler
from bakeoff.errors import DataError
from bakeoff.records import Case, Message

Pause = Annotated[float, msgspec.Meta(ge=0, extra_json_schema={"x-bakeoff": "duration"})]

_ROLES = {
    "human": "user",
    "user": "user",
    "system": "system",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "bing": "assistant",
    "bard": "assistant",
}


class _Turn(msgspec.Struct, frozen=True):
    value: str
    from_: str = msgspec.field(name="from")


class _Conversation(msgspec.Struct, frozen=True):
    conversations: tuple[_Turn, ...] = ()


_decode_one = msgspec.json.Decoder(_Conversation).decode
_decode_all = msgspec.json.Decoder(list[_Conversation]).decode


class ShareGpt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The conversations of a ShareGPT-style file: one JSON list, or JSON Lines.

    Each conversation is `{"conversations": [{"from": "human", "value": "..."}, {"from": "gpt", "value":
    "..."}, ...]}`; other fields are left alone. What stands before the first human turn is dropped, but for
    a system turn; a conversation without a human turn is left out. The recorded answer to the question
    that is asked is the field `reply`. It is no right answer, so it is not taken as the reference.

    Attributes:
        path: the file; `.gz` is read as it stands.
        turns: first asks the first human turn alone; history sends each conversation up to its last human
            turn, with the recorded answers in between; live asks every human turn, each after the
            model's own answer to the one before.
        think: seconds between an answer and the next turn of a live conversation: a number or a mapping of
            `mean` and `stddev`.
        output_tokens: asked length of the answers: a number, or a length as in `synthetic`; None leaves it
            to the model.
    """

    path: str
    turns: Literal["first", "history", "live"] = "first"
    think: Pause | Think = 0.0
    output_tokens: Tokens | Length | None = None

    @property
    def endless(self) -> bool:
        """Tell that the file ends."""
        return False

    def cases(self, base: Path, rng: Random) -> Iterator[Case]:
        """Yield the conversations in the order of the file."""
        path = textfiles.resolve(base, self.path)
        draw = None if self.output_tokens is None else sampler(self.output_tokens, base)
        number = 0
        for line, turns in _conversations(path):
            cases = self._cases(turns, line)
            if draw is not None:
                cases = [msgspec.structs.replace(case, output_tokens=draw(rng)) for case in cases]
            number += 1
            if self.turns == "live":
                yield from linked(f"conversation-{number:06d}", cases, self.think, rng)
            else:
                yield from cases
        if not number:
            raise textfiles.empty(path, "conversations with a human turn")

    def _cases(self, turns: Sequence[Message], line: int) -> list[Case]:
        asked = [index for index, turn in enumerate(turns) if turn.role == "user"]
        system = turns[0].content if turns[0].role == "system" else None
        if self.turns == "first":
            return [Case(fields=_fields(turns, asked[0], system), line=line)]
        if self.turns == "history":
            last = asked[-1]
            return [Case(fields=_fields(turns, last, system), messages=tuple(turns[: last + 1]), line=line)]
        # One line is the source of all turns; it is told once, because lines name rows.
        return [
            Case(fields=_fields(turns, index, system), line=0 if position else line)
            for position, index in enumerate(asked)
        ]


def _fields(turns: Sequence[Message], index: int, system: object) -> dict[str, object]:
    fields: dict[str, object] = {"prompt": turns[index].content}
    if index + 1 < len(turns) and turns[index + 1].role == "assistant":
        fields["reply"] = turns[index + 1].content
    if system is not None:
        fields["system"] = system
    return fields


def _conversations(path: Path) -> Iterator[tuple[int, list[Message]]]:
    """Yield each conversation that has a human turn, with its line where it has one of its own."""
    for line, where, conversation in _read(path):
        turns = [_message(turn, where) for turn in conversation.conversations]
        first = next((index for index, turn in enumerate(turns) if turn.role == "user"), None)
        if first is not None:
            system = [turn for turn in turns[:first] if turn.role == "system"]
            yield line, [*system[:1], *turns[first:]]


def _message(turn: _Turn, where: str) -> Message:
    role = _ROLES.get(turn.from_.lower())
    if role is None:
        raise DataError(
            f"a turn is from `{turn.from_}`", where=where, hint=f"known: {', '.join(sorted(_ROLES))}"
        )
    return Message(role=role, content=turn.value)


def _read(path: Path) -> Iterator[tuple[int, str, _Conversation]]:
    with textfiles.open_text(path, textfiles.UTF8) as file:
        for number, text in enumerate(file, 1):
            if not text.strip():
                continue
            if text.lstrip().startswith("["):
                whole = textfiles.decodable(text + file.read(), textfiles.UTF8, str(path))
                for index, conversation in enumerate(_decoded_list(whole, str(path))):
                    yield 0, f"{path}, conversation {index + 1}", conversation
                return
            where = f"{path}:{number}"
            yield number, where, _decoded(textfiles.decodable(text, textfiles.UTF8, where), where)


def _decoded(text: str, where: str) -> _Conversation:
    try:
        return _decode_one(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _no_conversation(error, where) from error


def _decoded_list(text: str, where: str) -> list[_Conversation]:
    try:
        return _decode_all(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _no_conversation(error, where) from error


def _no_conversation(error: Exception, where: str) -> DataError:
    return DataError(
        f"is no conversation: {error}",
        where=where,
        hint='write {"conversations": [{"from": "human", "value": "..."}, ...]}, or a list of those',
    )
