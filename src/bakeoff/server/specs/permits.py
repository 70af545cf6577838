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
from bakeoff.server.jobs.job import Webhook
from bakeoff.server.logs import log
from bakeoff.server.secret_values import REFERENCE, is_offered, offered
from bakeoff.server.settings import Settings

_KEYS = frozenset(field.encode_name for field in msgspec.structs.fields(Spec))
ADDRESSES = frozenset({"endpoint", "url", "base_url", "uri"})
_CODE = frozenset({"python", "javascript", "code-execution", "lm_eval", "promptfoo", "sql"})
_TEXTS = frozenset({"prompt", "template", "system", "messages", "few_shot", "example"})
_FILES = frozenset({"dataset", "load", "cache", "prices"})
_PROMPT_FILES = (".txt", ".j2")
"""A prompt that ends so is the name of a file, unless it reads like a sentence or a template."""
_VARIABLE = re.compile(r"(?<!\$)\$\{([^}:]*)")
"""`$${` is not one: it stands for the characters."""
_REFERENCE = re.compile(REFERENCE.pattern.replace(r"\}", r"(?::-)?\}"))
_SENSITIVE = re.compile(r"auth|cookie|key|token|secret|passw|credential", re.IGNORECASE)
_MOST_NODES = 200_000
_SHOWN = 100

Place = tuple[str, ...]


def check_document(document: Mapping[str, Any], settings: Settings) -> None:
    """Refuse a spec that reaches for what it may not have.

    Raises:
        RefusedError: with the place in the spec and who can allow it.
    """
    for _, error in refusals(document, settings):
        raise error


def refusals(document: Mapping[str, Any], settings: Settings) -> Iterator[tuple[Place, RefusedError]]:
    """Yield everything that a spec reaches for and may not have, with its place."""
    for key in document:
        if key not in _KEYS:
            yield (key,), RefusedError(f"`{key}` is no key of a spec.{suggest(str(key), sorted(_KEYS))}")
    if document.get("cache"):
        yield (
            ("cache",),
            RefusedError("cache: jobs do not share answers with other runs", hint="leave `cache` out"),
        )
    yield from _refused_values(document, (), settings)
    for at, model in _models(document):
        try:
            _check_model(f"models[{at}]", model, settings)
        except RefusedError as error:
            yield ("models", str(at)), error


def check_loaded(spec: Spec, settings: Settings) -> None:
    """Refuse what only the full form of a spec shows: whatever a short form stands for is here by its name.

    Raises:
        RefusedError: as `check_document` does.
    """
    document = cast("dict[str, Any]", msgspec.to_builtins(spec, enc_hook=str))
    for path, value in _walk(document, ()):
        if isinstance(value, Mapping):
            _check_mapping(path, cast("Mapping[str, Any]", value), settings)
        elif isinstance(value, str) and not _is_text(path):
            _check_place(path, value, settings)
    for at, model in _models(document):
        _check_model(f"models[{at}]", model, settings)


def check_webhook(webhook: Webhook, settings: Settings) -> None:
    """Refuse a webhook to an address that is not allowed, or with a secret that is no reference.

    Raises:
        RefusedError: with who can allow it.
    """
    check_endpoint(webhook.url, settings.endpoints, where="webhook.url")
    if webhook.secret is None:
        return
    if not _REFERENCE.fullmatch(webhook.secret) or webhook.secret.endswith(":-}"):
        raise RefusedError("webhook.secret: write the name of a secret, `${NAME}`, and not the secret")
    _check_variables(("webhook", "secret"), webhook.secret, settings)


def check_rows(document: Mapping[str, Any], cases: Iterable[Case], settings: Settings) -> None:
    """Refuse rows whose own assertions reach for what a spec may not have.

    Raises:
        RefusedError: with the row, and who can allow it.
    """
    mappings = [
        cast("Mapping[str, Any]", value) for _, value in _walk(document, ()) if isinstance(value, Mapping)
    ]
    columns = {str(each.get("field", "assert")) for each in mappings if each.get("type") == "assertions"}
    for case in cases if columns else ():
        for column in columns & case.fields.keys():
            own: Any = case.fields[column]
            if isinstance(own, str):
                try:
                    own = msgspec.json.decode(own)
                except (msgspec.DecodeError, UnicodeError, RecursionError):
                    continue  # the scorer says what is wrong with it
            for _, error in _refused_values(own, ("rows", str(case.line or case.id), column), settings):
                raise error


def _refused_values(
    document: object, start: Place, settings: Settings
) -> Iterator[tuple[Place, RefusedError]]:
    for number, (path, value) in enumerate(_walk(document, start)):
        if number > _MOST_NODES:
            yield (
                (),
                RefusedError(
                    f"the spec has more than {_MOST_NODES:,} values", hint="put rows into a data set"
                ),
            )
            return
        try:
            _check_value(path, value, settings)
        except RefusedError as error:
            yield path, error


def _check_value(path: Place, value: object, settings: Settings) -> None:
    if isinstance(value, str):
        _check_text(path, value, settings)
    elif isinstance(value, Mapping):
        _check_mapping(path, cast("Mapping[str, Any]", value), settings)
    elif value is True and path[-1] == "allow_code" and not settings.allow_code:
        raise _no_code(path, "code")


def _check_mapping(path: Place, value: Mapping[str, Any], settings: Settings) -> None:
    kind = value.get("type")
    if isinstance(kind, str) and kind.removeprefix("not-") in _CODE and not settings.allow_code:
        raise _no_code(path, f"`{kind}`")
    if "lm_eval" in value and not settings.allow_code and not _is_text(path):
        # The short form of a data set of that type.
        raise _no_code((*path, "lm_eval"), "`lm_eval`")


def _check_text(path: Place, text: str, settings: Settings) -> None:
    _check_variables(path, text, settings)
    _check_secret(path, text)
    if not _is_text(path):
        _check_place(path, text, settings)
    elif _names_file(text):
        _check_file(path, text)
    if path[-1] == "include_path":
        # lm-eval runs the code and the templates of such a folder in bakeoff's own process.
        raise RefusedError(f"{shown(path)}: this server takes no task files of its users")
    if path[-1] == "transform" and not settings.allow_code:
        raise _no_code(path, "a transform")


def _check_variables(path: Place, text: str, settings: Settings) -> None:
    """Refuse variables that are not offered, and secrets where an answer or a score could tell them."""
    where = shown(path)
    for name in _VARIABLE.findall(text):
        if not is_offered(name, settings):
            # Which names there are is for whoever runs the server, and not for those who guess.
            log("secret_not_offered", where=where[:200], name=name[:200], offered=offered(settings)[:_SHOWN])
            raise RefusedError(
                f"{where}: this server offers no variable `{name[:80]}`",
                hint="whoever runs it can offer one with `bakeoff serve --secret NAME`; for the characters "
                "themselves write `$${`",
            )
        if path[-1] not in {"api_key", "secret"} and "headers" not in path[:-1]:
            raise RefusedError(
                f"{where}: a secret may stand in `api_key` and in `headers`, nowhere else",
                hint="write other values out",
            )


def _check_secret(path: Place, text: str) -> None:
    """Refuse a secret that is written out: it would lie in the database and in the answers of this API."""
    if _is_text(path) or not text:
        return
    *before, name = path
    header = before[-1:] == ["headers"] and _SENSITIVE.search(name)
    if (name == "api_key" and not _REFERENCE.fullmatch(text)) or (header and not _REFERENCE.search(text)):
        raise RefusedError(
            f"{shown(path)}: secrets are given by name only",
            hint="whoever runs the server can offer one with `bakeoff serve --secret NAME`; write `${NAME}`",
        )


def _check_place(path: Place, text: str, settings: Settings) -> None:
    """Refuse addresses that are not allowed, and files that are none of the job's."""
    if path[-1] in ADDRESSES:
        where = shown(path)
        check_endpoint(text, settings.endpoints, where=where)
        if path[-1] == "endpoint" and "?" in text:
            raise RefusedError(f"{where}: an endpoint has no query", hint="put keys into `headers`")
    if text.startswith("file:") or bool(_FILES & set(path)) or path[-1] in {"path", "file"}:
        _check_file(path, text)


def _check_file(path: Place, text: str) -> None:
    if _leads_out(text.removeprefix("file://")):
        raise RefusedError(
            f"{shown(path)}: `{text[:80]}` is no file of this job",
            hint="upload it as a data set, and name that",
        )


def _check_model(where: str, model: Mapping[str, Any], settings: Settings) -> None:
    deploy = model.get("deploy")
    kind: Any = cast("Mapping[str, Any]", deploy).get("type") if isinstance(deploy, Mapping) else deploy
    if (model.get("source") is not None or kind not in {None, "none"}) and not settings.allow_deploy:
        raise RefusedError(
            f"{where}: this server starts no models",
            hint="give an `endpoint`; whoever runs it can allow servers with `bakeoff serve --allow-deploy`",
        )


def _models(document: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    models = document.get("models")
    for at, model in enumerate(cast("list[object]", models) if isinstance(models, list) else ()):
        if isinstance(model, Mapping):
            yield at, cast("Mapping[str, Any]", model)


def _walk(value: object, path: Place) -> Iterator[tuple[Place, object]]:
    """Yield every value with its path, without recursion: a hostile spec may be deep."""
    waiting: list[tuple[Place, object]] = [(path, value)]
    while waiting:
        path, value = waiting.pop()
        if path:
            yield path, value
        if isinstance(value, Mapping):
            members = cast("Mapping[object, object]", value)
            waiting += [((*path, str(key)), each) for key, each in reversed([*members.items()])]
        elif isinstance(value, (list, tuple)):
            items = list(enumerate(cast("list[object]", value)))
            waiting += [((*path, str(at)), each) for at, each in reversed(items)]


def _is_text(path: Place) -> bool:
    return bool(_TEXTS & set(path))


def _names_file(text: str) -> bool:
    if text.startswith("file:"):
        return True
    return text.endswith(_PROMPT_FILES) and not any(char.isspace() or char in "{}" for char in text)


def _leads_out(text: str) -> bool:
    path = PurePosixPath(text)
    return path.is_absolute() or text.startswith("~") or ".." in path.parts or "\\" in text or "\0" in text


def _no_code(path: Place, what: str) -> RefusedError:
    return RefusedError(
        f"{shown(path)}: this server runs no code of its users, which {what} needs",
        hint="whoever runs it can allow that with `bakeoff serve --allow-code`",
    )


def shown(path: Place) -> str:
    """Return a place as it is written: `models[0].endpoint`."""
    text = ""
    for part in path:
        text += f"[{part}]" if part.isdigit() else f".{part}" if text else part
    return text
