"""Run Python jobs that come as lines of JSON, and answer each with one line. It imports nothing of bakeoff.

Whatever a job raises becomes its answer: this is a fence, as code of users may raise anything.
"""

import contextlib
import dataclasses
import functools
import importlib.util
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

_SHOWN = 400
# How many lines of ours stand above the code of a job.
_OWN = {"<assertion>": 2, "<program>": 0}


def main(isolation: str) -> None:  # pragma: no cover  runs in a process of its own
    """Answer jobs until there are no more; the jobs themselves see neither input nor output."""
    asked, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    _tell(told, {"isolation": isolation})
    for line in asked:
        _tell(told, answer(json.loads(line)))


def _tell(told: BinaryIO, reply: dict[str, Any]) -> None:  # pragma: no cover  as `main`
    told.write(json.dumps(reply).encode() + b"\n")
    told.flush()


def answer(job: dict[str, Any]) -> dict[str, Any]:
    """Return what a job gave, or how it failed."""
    try:
        value = _JOBS[job["kind"]](job)
        # Written once to see that it is JSON, without NaN; what is not finite says nothing.
        return {"value": json.loads(json.dumps(value, default=_plain, allow_nan=False))}
    except BaseException as error:  # noqa: BLE001  the job's error is its answer
        return {"error": _told(error)}


def _told(error: BaseException) -> str:
    """Name an error, with the line of the job's own code."""
    text = f"{type(error).__name__}: {error}".strip().removesuffix(":")
    frames = traceback.extract_tb(error.__traceback__)
    lines = [(frame.lineno or 0) - _OWN[frame.filename] for frame in frames if frame.filename in _OWN]
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return shown + (f" (line {lines[-1]})" if lines else "")


def _plain(value: Any) -> Any:  # noqa: ANN401  any result of a user's code
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    for method in ("model_dump", "_asdict", "item", "tolist"):
        if callable(getattr(value, method, None)):
            return getattr(value, method)()
    raise TypeError(f"the result holds a {type(value).__name__}, which is no JSON")


def _call(job: dict[str, Any]) -> Any:  # noqa: ANN401
    """Call a function of a file, or one that is made of the lines of its body or of an expression."""
    if job.get("texts"):
        job["path"] = _placed(job["path"], job["texts"])
    found = _of_file(job["path"], job["function"], job["version"]) if job["path"] else _of_code(job["code"])
    with contextlib.chdir(job["folder"]) if job["folder"] else contextlib.nullcontext():
        return found(job["output"], job["context"])


def _placed(path: str, texts: dict[str, str]) -> str:
    """Write files that came along, anew where they changed, and return where the one of a path is."""
    digest = f"{abs(hash(tuple(sorted(texts.items())))):x}"
    folder = f"{os.environ['TMPDIR']}/code-{digest}"
    if not os.path.isdir(folder):  # noqa: PTH112  as below
        os.mkdir(folder)  # noqa: PTH102  as below
        for name, text in texts.items():
            with open(f"{folder}/{name}", "w", encoding="utf-8") as file:  # noqa: PTH123  as below
                file.write(text)
    return f"{folder}/{os.path.basename(path)}"  # noqa: PTH119  as below


@functools.cache
def _of_code(code: str) -> Callable[..., Any]:
    body = code if "\n" in code else f"return {code}"
    # Indented by less than anything a person writes, so that texts over several lines stay as they are.
    text = "import json\ndef main(output, context):\n" + "\n".join(_indented(body))
    names: dict[str, Any] = {}
    exec(compile(text, "<assertion>", "exec"), names)  # noqa: S102  what this process is for
    made: Callable[..., Any] = names["main"]
    return made


def _indented(body: str) -> Iterator[str]:
    first = re.search(r"^(?!\s*$)\s+", body, re.MULTILINE)
    step = first[0].lstrip("\n") if first else "    "
    for line in body.split("\n"):
        yield f"{step or '    '}{line}"


@functools.cache
def _of_file(path: str, function: str, version: int) -> Callable[..., Any]:
    del version  # a changed file is another one
    folder = os.path.dirname(path)  # noqa: PTH120  pathlib takes a third of this process's start
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location("user_script", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[..., Any] | None = getattr(module, function, None)
    if found is None:
        raise AttributeError(f"{os.path.basename(path)} has no function `{function}`")  # noqa: PTH119
    return found


def _program(job: dict[str, Any]) -> Any:  # noqa: ANN401
    """Run a program to its end; only who gets there knows the token, an early exit does not."""
    token = job.pop("token")
    exec(compile(job["code"], "<program>", "exec"), {"__name__": "__main__"})  # noqa: S102  what it is for
    return token


def _search(job: dict[str, Any]) -> Any:  # noqa: ANN401
    """Search with a regular expression; the parent ends this process when it takes too long."""
    found = _find(re.compile(job["pattern"], job["flags"]), job["text"], job["how"], job["group"])
    return None if found is None else [found[0], list(found.groups()), found.groupdict()]


def _find(pattern: re.Pattern[str], text: str, how: str, group: int | str) -> re.Match[str] | None:
    if how == "last":
        found = [match for match in pattern.finditer(text) if match[group] is not None]
        return found[-1] if found else None
    return pattern.fullmatch(text) if how == "full" else pattern.search(text)


_JOBS: dict[str, Callable[[dict[str, Any]], Any]] = {"call": _call, "program": _program, "search": _search}
