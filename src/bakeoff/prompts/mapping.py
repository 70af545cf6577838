"""One row to one case: which field is the id, the reference, the slices. It reads no files."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from bakeoff.errors import DataError
from bakeoff.records import Case, Message
from bakeoff.records.spec import FieldsSpec

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

ID_NAMES = ("id", "case_id")
REFERENCE_NAMES = (
    "reference", "answer", "target", "expected", "label", "ideal", "answerKey", "ground_truth",
    "expected_answer",
)  # fmt: skip
ACCEPTED_NAMES = ("accepted", "aliases", "references")
MESSAGES_NAMES = ("messages",)


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a row says is right."""

    reference: Any = None
    accepted: tuple[str, ...] = ()


def map_row(case: Case, spec: FieldsSpec, where: str) -> Case:
    """Return `case` with everything that its fields say filled in; `id` stays empty where there is none.

    Args:
        case: as the dataset gave it; what the dataset set itself is kept.
        spec: which field holds what.
        where: the row's place, for errors.
    """
    labels = _labels(case.fields)
    fields = _with_choices(case.fields)
    answer = _answer(fields, spec, labels, where)
    slices = {name: as_text(fields[name]) for name in spec.slices if fields.get(name) is not None}
    cluster = None if spec.cluster is None else fields.get(spec.cluster)
    messages = _pick(fields, spec.messages, MESSAGES_NAMES)
    return msgspec.structs.replace(
        case,
        fields=fields,
        id=case.id or _id(fields, spec, where),
        reference=answer.reference if case.reference is None else case.reference,
        accepted=case.accepted or answer.accepted,
        slices=case.slices or slices,
        cluster=case.cluster if cluster is None else as_text(cluster),
        messages=case.messages or _messages(messages, where),
    )


def as_text(value: object) -> str:
    """Return a field as text: text as it stands, everything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _pick(fields: Mapping[str, Any], named: str | None, usual: Sequence[str]) -> Any:  # noqa: ANN401  a row holds any JSON
    for name in usual if named is None else (named,):
        value = fields.get(name)
        if value is not None:
            return value
    return None


def _id(fields: Mapping[str, Any], spec: FieldsSpec, where: str) -> str:
    value = _pick(fields, spec.id, ID_NAMES)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DataError(f"the id {as_text(value)} is neither text nor a whole number", where=where)
    return str(value).strip()


def _labels(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names that a row gives its choices, as in `{text: [...], label: [...]}`."""
    choices = _unpacked(fields.get("choices"), "[{")
    return texts_of(cast("dict[str, Any]", choices).get("label")) if isinstance(choices, dict) else ()


def _with_choices(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the row with its choices as a list of texts, from JSON text or `{text: [...], label: [...]}`."""
    given = fields.get("choices")
    choices = _unpacked(given, "[{")
    if isinstance(choices, dict):
        choices = cast("dict[str, Any]", choices).get("text")
    return fields if choices is given or not texts_of(choices) else fields | {"choices": choices}


def _answer(fields: Mapping[str, Any], spec: FieldsSpec, labels: Sequence[str], where: str) -> _Answer:
    reference = _pick(fields, spec.reference, REFERENCE_NAMES)
    accepted = _texts(_pick(fields, spec.accepted, ACCEPTED_NAMES), where)
    choices = texts_of(fields.get("choices"))
    if choices and reference is not None:
        named = isinstance(reference, str) and reference.strip() in labels
        position = labels.index(reference.strip()) if named else _position(choices, reference, where)
        if position is not None:
            return _Answer(reference=LETTERS[position], accepted=(choices[position], *accepted))
    alternatives = texts_of(reference)
    if alternatives:
        return _Answer(reference=alternatives[0], accepted=(*alternatives[1:], *accepted))
    return _Answer(reference=reference, accepted=accepted)


def texts_of(value: object) -> tuple[str, ...]:
    """Return a list of texts as a tuple, and anything else as an empty one."""
    if not isinstance(value, list):
        return ()
    items = cast("list[object]", value)
    texts = tuple(item for item in items if isinstance(item, str))
    return texts if len(texts) == len(items) else ()


def _position(choices: Sequence[str], answer: object, where: str) -> int | None:
    """Return which choice is right, by its index from 0, its letter or its text."""
    if len(choices) > len(LETTERS):
        raise DataError(f"{len(choices)} choices; at most {len(LETTERS)} have a letter", where=where)
    if isinstance(answer, int) and not isinstance(answer, bool):
        if 0 <= answer < len(choices):
            return answer
        raise DataError(
            f"the answer is {answer}, and there are {len(choices)} choices",
            where=where,
            hint="the index counts from 0; a letter or the text of the choice works as well",
        )
    if not isinstance(answer, str):
        return None
    text = answer.strip()
    by_text = choices.index(text) if text in choices else None
    by_letter = LETTERS.find(text.upper()) if len(text) == 1 else -1
    if by_text is None and text.isdecimal() and int(text) < len(choices):
        return int(text)
    if not 0 <= by_letter < len(choices):
        return by_text
    if by_text not in {None, by_letter}:
        raise DataError(
            f"the answer `{text}` is the letter of one choice and the text of another",
            where=where,
            hint="give the index, which counts from 0",
        )
    return by_letter


def letter_of(choices: Sequence[str], answer: object, where: str) -> str | None:
    """Return the letter of the choice that an answer names, or None where it names none.

    Raises:
        DataError: the answer is an index out of range, or could be two of the choices.
    """
    position = _position(choices, answer, where)
    return None if position is None else LETTERS[position]


def _texts(value: object, where: str) -> tuple[str, ...]:
    value = _unpacked(value)
    if value is None:
        return ()
    if isinstance(value, dict):
        raise DataError("the accepted forms are an object; they must be text or a list", where=where)
    if isinstance(value, list):
        return tuple(as_text(item) for item in cast("list[object]", value) if item is not None)
    return (as_text(value),)


def _messages(value: object, where: str) -> tuple[Message, ...]:
    value = _unpacked(value)
    if value is None:
        return ()
    try:
        return msgspec.convert(value, tuple[Message, ...])
    except msgspec.ValidationError as error:
        raise DataError(
            f"`messages` cannot be read: {error}",
            where=where,
            hint='it must be a list such as [{"role": "user", "content": "..."}]',
        ) from error


def _unpacked(value: object, first: str = "[") -> object:
    """Return JSON that stands as text in a cell, which is how CSV holds a list; all else as it is."""
    if isinstance(value, str):
        if not value.strip():
            return None
        if value.lstrip().startswith(tuple(first)):
            try:
                return msgspec.json.decode(value)
            except msgspec.DecodeError:
                return value
    return value
