"""Load one task with lm-eval's own code, without its index and without asking the hub."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# lm-eval has no types; what comes from it is looked at where it is used.

import importlib
import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
import yaml
from jinja2.sandbox import SandboxedEnvironment

from bakeoff.errors import DataError, PluginError, install_hint
from bakeoff.harness.find import find_task, find_tasks
from bakeoff.harness.offline import offline

_LOCAL = frozenset({"arrow", "csv", "json", "parquet", "text"})
FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    jinja2.TemplateError,
)
"""What code of a task raises when its data is not as it expects."""


def load_task(name: str, include_path: Path | None = None, *, allow_code: bool = False) -> Any:  # noqa: ANN401  lm-eval has no types
    """Return a task, loaded once for each name and folder.

    Args:
        name: of the task.
        include_path: a folder of further task files, which go before lm-eval's own.
        allow_code: let files of that folder name Python functions, which run in this process.

    Data comes from local files and from the cache that Hugging Face's own programs fill; nothing is fetched
    unless `HF_HUB_OFFLINE=0` stands in the environment.

    Raises:
        DataError: there is no such task, its data is not there, or it cannot be asked here.
        PluginError: lm-eval is not installed.
    """
    return _loaded(name, "" if include_path is None else str(include_path), allow_code)


def task_names(name: str, include_path: Path | None = None) -> list[str]:
    """Return the tasks that a name stands for: one, or those of a group or tag in its order.

    Raises:
        DataError: nothing is called so, or a group changes what its tasks ask.
        PluginError: lm-eval is not installed.
    """
    return find_tasks(name, _folders("" if include_path is None else str(include_path)))


@contextmanager
def quiet() -> Generator[None]:
    """Keep warnings and messages of lm-eval to itself while its code runs."""
    logger = logging.getLogger("lm_eval")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def module(name: str) -> Any:  # noqa: ANN401  lm-eval has no types
    """Import a module of lm-eval, or of what comes with it.

    Raises:
        PluginError: it is not installed.
    """
    try:
        with offline(), quiet():
            return importlib.import_module(name)
    except ImportError as error:
        raise PluginError(
            f"lm-eval's tasks need the package `{error.name}`, which is not installed",
            hint=install_hint("lm-eval"),
        ) from error


@lru_cache(maxsize=256)
def _loaded(name: str, include: str, allow_code: bool) -> Any:  # noqa: ANN401, FBT001  lm-eval has no types; a key of the cache
    folders = _folders(include)
    path = find_task(name, folders)
    config = _config(name, path)
    _check(name, config, path)
    if not allow_code and not path.is_relative_to(folders[0]):
        _refuse_code(name, path)
    return _built(name, config, path)


def _folders(include: str) -> list[Path]:
    """Return where tasks are looked for: lm-eval's own folder, then the user's."""
    own = Path(module("lm_eval.tasks").__file__).parent
    if include and not Path(include).is_dir():
        raise DataError(
            "there is no such folder", where=include, hint="`include_path` is a folder of task files"
        )
    return [own, Path(include)] if include else [own]


def _refuse_code(name: str, path: Path) -> None:
    """Refuse a task file, or one that it includes, that names a Python function."""
    todo, seen = [path], set[Path]()
    while todo:
        file = todo.pop()
        if file in seen or not file.is_file():
            continue
        seen.add(file)
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        named = _tags(node)
        if named:
            raise DataError(
                f"the task `{name}` runs Python code of its folder: {', '.join(sorted(named))}",
                where=str(file),
                hint="read that code; if you trust it, write `allow_code: true` beside `lm_eval`",
            )
        todo += [file.parent / each for each in _includes(node)]


def _tags(node: Any) -> set[str]:  # noqa: ANN401  nodes of YAML, whose classes have no types
    """Return the functions that a node names."""
    if isinstance(node, yaml.MappingNode):
        return {each for pair in node.value for part in pair for each in _tags(part)}
    if isinstance(node, yaml.SequenceNode):
        return {each for part in node.value for each in _tags(part)}
    return {str(node.value)} if node is not None and node.tag == "!function" else set()


def _includes(node: Any) -> list[str]:  # noqa: ANN401  as `_tags`
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    named = [value for key, value in pairs if key.value == "include"]
    texts = [part for each in named for part in (each.value if isinstance(each.value, list) else [each])]
    return [str(each.value) for each in texts]


def _config(name: str, path: Path) -> dict[str, Any]:
    """Return what the task's file says, with what it includes."""
    try:
        found: dict[str, Any] = module("lm_eval.tasks._yaml_loader").load_yaml(path, resolve_func=False)
    except (*FAULTS, yaml.YAMLError) as error:
        raise DataError(f"the task `{name}` cannot be read: {_first_line(error)}", where=str(path)) from error
    return found


def _built(name: str, config: dict[str, Any], path: Path) -> Any:  # noqa: ANN401  lm-eval has no types
    index, factory = module("lm_eval.tasks._index"), module("lm_eval.tasks._factory")
    datasets = module("datasets")
    datasets.disable_progress_bars()
    _keep_templates()
    kind = index.Kind.PY_TASK if "class" in config else index.Kind.TASK
    entry = index.Entry(name=name, kind=kind, yaml_path=path)
    try:
        with offline(), quiet():
            return factory.TaskFactory().build(entry, overrides=_placed_files(config, path), registry={})
    except (*FAULTS, yaml.YAMLError, datasets.exceptions.DatasetsError) as error:
        raise _not_loaded(name, config, path, error) from error


def _keep_templates() -> None:
    """Let lm-eval's Jinja compile a template once, not for every document, and keep templates from Python."""
    jinja = module("lm_eval.utils").env
    if not hasattr(jinja.from_string, "cache_info"):
        safe = SandboxedEnvironment(undefined=jinja.undefined, keep_trailing_newline=True)
        safe.filters.update(jinja.filters)
        jinja.from_string = lru_cache(maxsize=64)(safe.from_string)


def _placed_files(config: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the task's options for its data; files that are not here are looked for beside the task."""
    options = config.get("dataset_kwargs")
    if not isinstance(options, dict) or "data_files" not in options:
        return {}
    return {"dataset_kwargs": {**options, "data_files": _placed(options["data_files"], path.parent)}}


def _placed(files: Any, folder: Path) -> Any:  # noqa: ANN401  text, a list or a mapping of them
    if isinstance(files, dict):
        return {key: _placed(value, folder) for key, value in files.items()}
    if isinstance(files, list):
        return [_placed(value, folder) for value in files]
    beside = folder / str(files)
    return str(beside) if not Path(str(files)).exists() and beside.exists() else files


def _not_loaded(name: str, config: dict[str, Any], path: Path, error: Exception) -> DataError:
    source, part = config.get("dataset_path"), config.get("dataset_name")
    hint = "correct the task's file or its data"
    if isinstance(error, OSError) and source not in _LOCAL:
        hint = (
            f"its data set `{source}`{f' ({part})' if part else ''} is not in the local cache; run once with "
            "HF_HUB_OFFLINE=0 to fetch it, or name local files with `dataset_path: json` and `data_files`"
        )
    message = f"the task `{name}` cannot be loaded: {type(error).__name__}: {_first_line(error)}"
    return DataError(message, where=str(path), hint=hint)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _check(name: str, config: dict[str, Any], path: Path) -> None:
    """Refuse what would be asked or judged otherwise than the task says."""
    repeats = config.get("repeats") or 1
    refusals = {
        "runs answers as code": (config.get("unsafe_code"), "use the scorer `code-execution`"),
        "asks with images or sound": (
            config.get("doc_to_image") or config.get("doc_to_audio"),
            "use a task of text",
        ),
        f"asks a question {repeats} times and votes": (
            repeats > 1,
            "use the task's form with `repeats: 1`",
        ),
    }
    for what, (met, hint) in refusals.items():
        if met:
            raise DataError(f"the task `{name}` {what}, which is not supported", where=str(path), hint=hint)
