"""What a submitted spec may say: no file, address, variable or code that the server's owner did not allow."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, cast

import msgspec

from bakeoff.plugins import suggest
from bakeoff.records import Case, Spec
from bakeoff.server.endpoints import check_endpoint
from bakeoff.server.faults import RefusedError
from bakeoff.server.settings import Settings

_KEYS = frozenset(field.encode_name for field in msgspec.structs.fields(Spec))
_ADDRESSES = frozenset({"endpoint", "url", "base_url", "uri"})
_CODE = frozenset({"python", "javascript", "code-execution", "lm_eval", "promptfoo", "sql"})
_TEXTS = frozenset({"prompt", "template", "system", "messages", "few_shot", "example"})
_FILES = frozenset({"dataset", "load", "cache", "prices"})
_VARIABLE = re.compile(r"(?<!\$)\$\{([^}:]*)")
"""`$${` is not one: it stands for the characters."""
_MOST_NODES = 200_000

Path = tuple[str, ...]


def check_document(document: Mapping[str, Any], settings: Settings) -> None:
    """Refuse a spec that reaches for what it may not have.

    Raises:
        RefusedError: with the place in the spec and who can allow it.
    """
    for key in document:
        if key not in _KEYS:
            raise RefusedError(f"`{key}` is no key of a spec.{suggest(str(key), sorted(_KEYS))}")
    if document.get("cache"):
        raise RefusedError("cache: jobs do not share answers with other runs", hint="leave `cache` out")
    _check_values(document, (), settings)
    for at, model in enumerate(_models(document)):
        _check_model(f"models[{at}]", model, settings)


def check_rows(document: Mapping[str, Any], cases: Iterable[Case], settings: Settings) -> None:
    """Refuse rows whose own assertions reach for what a spec may not have.

    Raises:
        RefusedError: with the row, and who can allow it.
    """
    columns = {
        str(value.get("field", "assert"))
        for _, value in _walk(document, ())
        if isinstance(value, Mapping) and value.get("type") == "assertions"
    }
    for case in cases if columns else ():
        for column in columns & case.fields.keys():
            own: Any = case.fields[column]
            if isinstance(own, str):
                try:
                    own = msgspec.json.decode(own)
                except (msgspec.DecodeError, UnicodeError, RecursionError):
                    continue  # the scorer says what is wrong with it
            _check_values(own, ("rows", str(case.line or case.id), column), settings)


def _check_values(document: object, start: Path, settings: Settings) -> None:
    for number, (path, value) in enumerate(_walk(document, start)):
        if number > _MOST_NODES:
            raise RefusedError(
                f"the spec has more than {_MOST_NODES:,} values", hint="put rows into a data set"
            )
        if isinstance(value, str):
            _check_text(path, value, settings)
        elif isinstance(value, Mapping):
            _check_mapping(path, cast("Mapping[str, Any]", value), settings)
        elif value is True and path[-1] == "allow_code" and not settings.allow_code:
            raise _no_code(path, "code")


def _check_mapping(path: Path, value: Mapping[str, Any], settings: Settings) -> None:
    kind = value.get("type")
    if isinstance(kind, str) and kind.removeprefix("not-") in _CODE and not settings.allow_code:
        raise _no_code(path, f"`{kind}`")


def _check_text(path: Path, text: str, settings: Settings) -> None:
    where = _shown(path)
    for name in _VARIABLE.findall(text) if not _is_text(path) else ():
        if name not in settings.secrets and not _is_file_secret(name, settings):
            raise RefusedError(
                f"{where}: this server offers no variable `{name}`",
                hint="whoever runs it can offer one with `bakeoff serve --secret NAME`",
            )
    if _is_text(path):
        return
    if path[-1] in _ADDRESSES and "${" not in text:
        check_endpoint(text, settings.endpoints, where=where)
    elif path[-1] in _ADDRESSES:
        raise RefusedError(f"{where}: an address cannot come from a variable", hint="write it out")
    local = text.startswith("file:") or bool(_FILES & set(path)) or path[-1] in {"path", "file"}
    if local and _leads_out(text.removeprefix("file://")):
        raise RefusedError(
            f"{where}: `{text[:80]}` is no file of this job", hint="upload it as a data set, and name that"
        )
    if path[-1] == "transform" and not settings.allow_code:
        raise _no_code(path, "a transform")


def _check_model(where: str, model: Mapping[str, Any], settings: Settings) -> None:
    deploy = model.get("deploy")
    kind = deploy.get("type") if isinstance(deploy, Mapping) else deploy
    if (model.get("source") is not None or kind not in {None, "none"}) and not settings.allow_deploy:
        raise RefusedError(
            f"{where}: this server starts no models",
            hint="give an `endpoint`; whoever runs it can allow servers with `bakeoff serve --allow-deploy`",
        )


def _models(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    models = document.get("models")
    for model in models if isinstance(models, list) else ():
        if isinstance(model, Mapping):
            yield cast("Mapping[str, Any]", model)


def _walk(value: object, path: Path) -> Iterator[tuple[Path, object]]:
    """Yield every value with its path, without recursion: a hostile spec may be deep."""
    waiting: list[tuple[Path, object]] = [(path, value)]
    while waiting:
        path, value = waiting.pop()
        if path:
            yield path, value
        if isinstance(value, Mapping):
            members = cast("Mapping[object, object]", value)
            waiting += [((*path, str(key)), each) for key, each in members.items()]
        elif isinstance(value, (list, tuple)):
            waiting += [((*path, str(at)), each) for at, each in enumerate(cast("list[object]", value))]


def _is_text(path: Path) -> bool:
    return bool(_TEXTS & set(path))


def _is_file_secret(name: str, settings: Settings) -> bool:
    folder = settings.secret_files
    return folder is not None and name.isidentifier() and (folder / name).is_file()


def _leads_out(text: str) -> bool:
    path = PurePosixPath(text)
    return path.is_absolute() or text.startswith("~") or ".." in path.parts or "\\" in text or "\0" in text


def _no_code(path: Path, what: str) -> RefusedError:
    return RefusedError(
        f"{_shown(path)}: this server runs no code of its users, which {what} needs",
        hint="whoever runs it can allow that with `bakeoff serve --allow-code`",
    )


def _shown(path: Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if part.isdigit() else f".{part}" if text else part
    return text
