"""Load a spec: file, variables and flags to records, with all mistakes at once."""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml
from msgspec import UNSET

from bakeoff import plugins
from bakeoff.errors import SpecError, SpecErrorGroup
from bakeoff.records import ModelSpec, Spec
from bakeoff.spec.book import with_book
from bakeoff.spec.checks import MASK, Checker, local_weights
from bakeoff.spec.foreign import Source
from bakeoff.spec.forms import converted
from bakeoff.spec.overrides import with_environment, with_flags
from bakeoff.spec.policy import KEY as POLICY_KEY
from bakeoff.spec.policy import read_policy
from bakeoff.spec.reader import Catalog, Reader, below, struct_type
from bakeoff.spec.shape import Shaper
from bakeoff.spec.tree import Leaf, Map, parse_yaml
from bakeoff.spec.variables import Expander, Variables, escape, parse_dotenv

_SECRET_KEYS = frozenset({"api_key", "password", "secret", "token"})
_SECRET_HEADER = re.compile(r"auth|key|token|secret|cookie", re.IGNORECASE)
_LOGIN = re.compile(r"://[^/@\s:]*:([^@/\s]+)@")
_LONGEST_FILE = 10_000_000


class LoadedSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A spec and where its values came from.

    Attributes:
        spec: with all defaults filled in; holds secrets.
        secrets: for the redactor.
        hidden: paths whose values are secrets.
        origins: path to `bakeoff.yaml:7`, `default`, `env NAME`, `.env (NAME)` or `flag --name`.
        base: folder where relative paths start.
        document: the spec as plain values with all defaults; a secret is its `${VAR}`, or `***` where it
            had none. Other variables are filled in, so that the run can be repeated without them.
        env_keys: names that the `.env` file sets.
        refused: what was read but is not available in this version; empty unless asked for.
    """

    spec: Spec
    secrets: tuple[str, ...]
    hidden: tuple[str, ...]
    origins: dict[str, str]
    base: Path
    document: dict[str, Any]
    env_keys: tuple[str, ...] = ()
    refused: tuple[SpecError, ...] = ()


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a spec, as `bakeoff config show` prints it."""

    path: str
    value: Any
    origin: str


def load_spec(
    path: Path,
    env: Mapping[str, str],
    *,
    overrides: Mapping[str, object] | None = None,
    base: Path | None = None,
    keep_refused: bool = False,
    for_requests: bool = True,
    catalog: Catalog = plugins,
) -> LoadedSpec:
    """Read a spec file.

    Args:
        path: `bakeoff.yaml`, or another tool's configuration: SkyPilot's `models_config.yaml` or
            `eval_config.yaml`, promptfoo's, or that of the router toolkit.
        env: the environment; `.env` beside the file fills what it lacks.
        overrides: values of flags by path, such as `seed` or `benchmarks[*].limit`.
        base: where relative paths start and `.env` lies; the file's folder by default.
        keep_refused: put what this version cannot start into `refused` instead of refusing the file.
        for_requests: false where nothing will be sent: then secrets may be unset and weights missing.
        catalog: where implementations are looked up.

    Raises:
        SpecErrorGroup: all mistakes.
    """
    way = _Way(keep_refused=keep_refused, for_requests=for_requests)
    return _load(path, Variables(env=env), overrides or {}, base or path.parent, catalog, way)


def load_stored_spec(
    path: Path,
    env: Mapping[str, str],
    *,
    base: Path,
    for_requests: bool = True,
    policy: Path | None = None,
    catalog: Catalog = plugins,
) -> LoadedSpec:
    """Read what `dump` wrote: a spec that is complete, so `BAKEOFF_…` variables do not change it.

    Args:
        path: the stored file.
        env: the environment, and `.env` in `base`, for the secrets.
        base: where the relative paths of the spec start.
        for_requests: false where nothing will be sent: then secrets may be unset and files gone.
        policy: a file whose rule stands in place of the stored one.
        catalog: where implementations are looked up.

    Raises:
        SpecErrorGroup: all mistakes.
    """
    way = _Way(stored=True, keep_refused=not for_requests, for_requests=for_requests, policy=policy)
    return _load(path, Variables(env=env), {}, base, catalog, way)


class _Way(msgspec.Struct, frozen=True, kw_only=True):
    """How strictly a file is read."""

    keep_refused: bool = False
    stored: bool = False
    for_requests: bool = True
    policy: Path | None = None

    @property
    def new_rule(self) -> bool:
        """Tell whether the rule is a user's; a stored one may speak of what a narrowed run left out."""
        return not self.stored or self.policy is not None


def _load(
    path: Path,
    variables: Variables,
    overrides: Mapping[str, object],
    base: Path,
    catalog: Catalog,
    way: _Way,
) -> LoadedSpec:
    root, dotenv, errors = parsed(path, base, way.policy)
    variables = msgspec.structs.replace(variables, dotenv=dotenv)
    expander = Expander(variables, strict=way.for_requests)
    ours = converted(root, Source(path=path, base=base))
    errors += ours.errors
    refused = list(ours.refused)
    tree = expander.expand(ours.root)
    assert isinstance(tree, Map)
    root, wrong_flags = (tree, []) if way.stored else over(tree, variables, overrides)
    root, wrong_book = with_book(root, base)
    shaper = Shaper(base)
    root = shaper.shape(root)
    reader = Reader(catalog, shaper.excused)
    spec = reader.read(root, struct_type(Spec), "")
    checker = Checker(root, reader, base, for_requests=way.for_requests, new_rule=way.new_rule)
    later = [*shaper.errors, *reader.errors, *checker.check()]
    errors += [*expander.errors, *wrong_flags, *wrong_book, *_without(later, expander.failed)]
    refused += _named_refusals(reader)
    if errors or spec is UNSET or (refused and not way.keep_refused):
        raise SpecErrorGroup(_ordered([*errors, *refused]))
    return _loaded(spec, reader, base, tuple(dotenv), tuple(refused))


def variables_at(base: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with what `.env` in `base` adds to it.

    Raises:
        SpecErrorGroup: all mistakes of that file.
    """
    try:
        values, errors = _dotenv(base)
    except SpecError as error:
        raise SpecErrorGroup([error]) from None
    if errors:
        raise SpecErrorGroup(errors)
    return {**values, **env}


def parsed(path: Path, base: Path, policy: Path | None) -> tuple[Map, dict[str, str], list[SpecError]]:
    """Return the tree with the policy's rule in it, the variables of `.env`, and the latter's mistakes."""
    try:
        root = parse_yaml(_text(path), path.name)
        if policy is not None:
            rule = read_policy(policy)
            root = root.put(POLICY_KEY, rule, rule.place)
        return root, *_dotenv(base)
    except SpecError as error:
        raise SpecErrorGroup([error]) from None


def _dotenv(base: Path) -> tuple[dict[str, str], list[SpecError]]:
    path = base / ".env"
    return parse_dotenv(_text(path) if path.is_file() else "", ".env")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SpecError(
            f"the file cannot be read: {reason}", where=str(path), hint="`bakeoff init` writes one"
        ) from None
    if len(data) > _LONGEST_FILE:
        raise SpecError("the file is too large for a spec", where=path.name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecError(
            "the text is not UTF-8", where=f"{path.name}:{line}", hint="save it as UTF-8"
        ) from None


def over(root: Map, variables: Variables, overrides: Mapping[str, object]) -> tuple[Map, list[SpecError]]:
    """Return the tree with the values of `BAKEOFF_…` variables and of flags, and what is wrong with these."""
    try:
        return with_flags(with_environment(root, variables), overrides)
    except SpecError as error:
        return root, [error]


def _without(errors: Iterable[SpecError], failed: list[str]) -> Iterator[SpecError]:
    """Leave out what follows from a variable that is not set."""
    for error in errors:
        if not any(error.message.startswith((f"{path}:", f"{path}.")) for path in failed):
            yield error


def _named_refusals(reader: Reader) -> Iterator[SpecError]:
    for path, error in reader.refused.items():
        model = reader.made.get(path.partition(".")[0])
        name = getattr(model, "name", "")
        hint = "start its server yourself and give its `endpoint`, or choose a source that `local` serves"
        yield SpecError(error.message, where=error.where, hint=f"model `{name}`: {hint}" if name else hint)


def _ordered(errors: list[SpecError]) -> list[SpecError]:
    """Sort by line and drop what was said twice."""
    unique = {str(error): error for error in errors}

    def line(error: SpecError) -> tuple[int, int]:
        name, _, number = error.where.rpartition(":")
        return (1, int(number)) if name and number.isdecimal() and name != ".env" else (0, 0)

    return sorted(unique.values(), key=line)


def _loaded(
    spec: Spec, reader: Reader, base: Path, env_keys: tuple[str, ...], refused: tuple[SpecError, ...]
) -> LoadedSpec:
    secrets: dict[str, None] = {}
    hidden: list[str] = []
    for path, leaf in reader.leaves.items():
        found = secrets_of(path, leaf)
        if found:
            hidden.append(path)
            secrets.update(dict.fromkeys(found))
    plain = _plain(spec)
    origins: dict[str, str] = {}
    for path, _ in _flat(plain, ""):
        given = reader.leaves.get(path)
        origins[path] = (given.origin or given.place) if given else reader.places.get(path, "default")
    document = _document(plain, "", reader.leaves, frozenset(hidden))
    return LoadedSpec(
        spec=spec,
        secrets=tuple(secrets),
        hidden=tuple(hidden),
        origins=origins,
        base=base,
        document=document,
        env_keys=env_keys,
        refused=refused,
    )


def secrets_of(path: str, leaf: Leaf) -> tuple[str, ...]:
    """Return what must never be written of a value: nothing for most."""
    key = path.rpartition(".")[2]
    in_headers = ".headers." in f".{path}"
    if leaf.value is None or leaf.text in ("", MASK):
        return ()
    if key in _SECRET_KEYS or (in_headers and not leaf.secrets and _SECRET_HEADER.search(key)):
        return (
            tuple(dict.fromkeys((leaf.text, leaf.text.split()[-1], *leaf.secrets)))
            if leaf.text.split()
            else ()
        )
    login = _LOGIN.search(leaf.text) if key == "url" else None
    if login is not None:
        return tuple(dict.fromkeys((leaf.text, login[1], *leaf.secrets)))
    return leaf.secrets if in_headers or leaf.sensitive else ()


def _plain(value: object) -> Any:  # noqa: ANN401  the values of YAML and JSON
    """Return plain values in the file's own form: options stand beside the name of what they belong to."""
    if isinstance(value, msgspec.Struct):
        fields: dict[str, Any] = {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
        options: dict[str, Any] = fields.pop("options", {})
        return {**fields, **options}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in cast("dict[str, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("list[object]", value)]
    return str(value) if isinstance(value, Decimal) else value


def _document(value: Any, path: str, leaves: Mapping[str, Leaf], hidden: frozenset[str]) -> Any:  # noqa: ANN401
    """Put a reference or a mask in place of each secret."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: _document(item, below(path, key), leaves, hidden) for key, item in items}
    if isinstance(value, list):
        items_ = enumerate(cast("list[object]", value))
        return [_document(item, below(path, i), leaves, hidden) for i, item in items_]
    if path in hidden:
        leaf = leaves.get(path)
        return MASK if leaf is None else reference(leaf)
    return escape(value) if isinstance(value, str) else value


def reference(leaf: Leaf) -> str:
    """Return what stands for a secret in a document: its `${VAR}` without a default, or a mask."""
    if not leaf.secrets or not leaf.raw:
        return MASK
    return re.sub(r"(?<!\$)(\$\{[\w./-]+):-[^}]*\}", r"\1}", leaf.raw)


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401  plain values
    """Yield each value that holds no other, with its path."""
    if isinstance(value, dict) and value:
        for key, item in cast("dict[str, Any]", value).items():
            yield from _flat(item, below(path, key))
    elif isinstance(value, list) and value:
        for index, item in enumerate(cast("list[object]", value)):
            yield from _flat(item, below(path, index))
    else:
        yield path, value


def at_base(model: ModelSpec, base: Path) -> ModelSpec:
    """Return the model with a relative path of weights made absolute, as a deployer needs it."""
    path = local_weights(model.source)
    if path is None:
        return model
    return msgspec.structs.replace(model, source=str((base / Path(path).expanduser()).absolute()))


def explain(loaded: LoadedSpec) -> list[Setting]:
    """Return every value with its path and origin, in the order of the spec, secrets as `***`."""
    hidden = frozenset(loaded.hidden)
    return [
        Setting(
            path=path, value=MASK if path in hidden else value, origin=loaded.origins.get(path, "default")
        )
        for path, value in _flat(_plain(loaded.spec), "")
    ]


def dump(loaded: LoadedSpec) -> str:
    """Return the text that is stored with the run: it loads again, and holds no secret."""
    return yaml.safe_dump(loaded.document, sort_keys=False, allow_unicode=True, width=110)
