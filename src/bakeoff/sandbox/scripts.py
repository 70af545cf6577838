"""Functions of users, in Python or JavaScript, from a file or lines of code: called in warm processes."""

from pathlib import Path
from typing import Any

import msgspec

from bakeoff.sandbox.confinement import realm
from bakeoff.sandbox.worker import Limits, Reply, node

FILE = "file://"
_LANGUAGES = {".py": "python", ".js": "javascript", ".cjs": "javascript", ".mjs": "javascript"}
_MOST_CODE = 1_000_000
NO_NODE = "it needs `node`, which is not on the PATH: install Node.js 18 or newer"


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """What to call.

    Attributes:
        language: "python" or "javascript".
        code: an expression, or several lines that are the body of a function of `output` and `context`.
        path: of a file, in place of code.
        function: of the file; the one that it exports where none is named (JavaScript).
        folder: where the function works, and where relative paths start.
    """

    language: str
    code: str = ""
    path: str = ""
    function: str = ""
    folder: str = ""

    def missing(self) -> str:
        """Say what is not there that the script needs, or return an empty text."""
        if self.language == "javascript" and node(Limits()) is None:
            return NO_NODE
        if self.path and not Path(self.path).is_file():
            return f"there is no file `{self.path}`"
        return ""

    def version(self) -> int:
        """Return a number that changes with the file."""
        return Path(self.path).stat().st_mtime_ns if self.path else 0


def script(value: str, base: str, language: str, function: str = "") -> Script:
    """Return what a value names: `file://check.py:function` from `base`, or code.

    Args:
        value: from a user.
        base: where a relative path starts.
        language: of code; a file tells by its name, where it is known.
        function: the one in a Python file that names none.
    """
    if not value.startswith(FILE):
        return Script(language=language, code=value.rstrip(), folder=base)
    name = value.removeprefix(FILE).strip()
    path, colon, named = name.rpartition(":")
    if not colon or Path(path).suffix not in _LANGUAGES:
        path, named = name, ""
    language = _LANGUAGES.get(Path(path).suffix, language)
    placed = (Path(base) / Path(path).expanduser()).absolute()
    return Script(
        language=language,
        path=str(placed),
        function=named or (function if language == "python" else ""),
        folder=base,
    )


async def call(wanted: Script, output: object, context: dict[str, Any], limits: Limits) -> Reply:
    """Return what a function gave; waits for its process."""
    missing = wanted.missing()
    if missing:
        return Reply(outcome="ended", error=missing)
    here = realm()
    job = {"kind": "call", "version": wanted.version(), "output": output, "context": context}
    job |= msgspec.to_builtins(wanted)
    if here.confined:
        try:
            job |= {"folder": "", "texts": _texts(Path(wanted.path)) if wanted.path else {}}
        except (OSError, ValueError) as error:
            return Reply(outcome="ended", error=f"`{Path(wanted.path).name}` cannot be read: {error}")
    return await here.workers(wanted.language, limits).ask(job)


def _texts(path: Path) -> dict[str, str]:
    """Return a file and the code beside it, by name: a confined process sees no folder of this machine.

    Raises:
        ValueError: it is no text, or too much.
    """
    beside = sorted(each for each in path.parent.iterdir() if each.suffix in _LANGUAGES and each.is_file())
    found: dict[str, str] = {}
    for each in {path, *beside}:
        found[each.name] = each.read_text(encoding="utf-8")
        if sum(map(len, found.values())) > _MOST_CODE:
            raise ValueError(f"it and the code beside it are more than {_MOST_CODE:,} characters")
    return found
