"""The prompts of a promptfoo configuration, as prompts of ours."""

import json
import re
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml

from bakeoff.errors import SpecError
from bakeoff.spec.nunjucks import printed, translate
from bakeoff.spec.tree import Leaf, Map, Node, Seq, describe, shown

_SERVICES = ("portkey://", "langfuse://", "helicone://", "exec:", "package:")
_CHAT = re.compile(r"[\[{]")
_LONGEST = 10_000_000


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """One prompt: a template, or the turns of a conversation.

    Attributes:
        label: what tests and providers call it.
        ids: further names of it.
        raw: its text as it stands.
        names: the variables that it prints.
        place: where it stands.
    """

    label: str
    raw: str
    place: str
    ids: tuple[str, ...] = ()
    template: str | None = None
    messages: tuple[dict[str, Any], ...] = ()
    names: tuple[str, ...] = ()


class Prompts:
    """Read the prompts of a configuration.

    Args:
        base: where the paths of files start.

    Attributes:
        errors: what cannot be read, or would be asked differently.
    """

    def __init__(self, base: Path) -> None:
        self.base = base
        self.errors: list[SpecError] = []

    def read(self, node: Node | None) -> list[Prompt]:
        """Return the prompts in order; a prompt that is wrong is left out."""
        if isinstance(node, Map):
            pairs = [(name, label, node.key_place(name)) for name, label in node.entries.items()]
            texts = [one for name, label, place in pairs for one in self._texts(name, place, _text(label))]
        else:
            items = node.items if isinstance(node, Seq) else (node,) if node is not None else ()
            texts = [one for item in items for one in self._item(item)]
        return [made for one in texts if (made := self._made(*one)) is not None]

    def _add(self, place: str, message: str, hint: str = "") -> None:
        self.errors.append(SpecError(f"prompts: {message}", where=place, hint=hint))

    def _item(self, item: Node) -> list[tuple[str, str, str]]:
        if isinstance(item, Leaf) and isinstance(item.value, str):
            return self._texts(item.text, item.place, "")
        if isinstance(item, Map):
            raw = item.entries.get("raw", item.entries.get("id"))
            label = _text(item.entries.get("label"))
            for key in ("config", "function"):
                if key in item.entries:
                    self._add(
                        item.key_place(key),
                        f"`{key}` of a prompt is not available here",
                        "put it into `providers`",
                    )
            if isinstance(raw, Leaf) and raw.text:
                return self._texts(raw.text, raw.place, label)
        self._add(item.place, f"a prompt is a text or `{{raw: …, label: …}}`, not {describe(item)}")
        return []

    def _texts(self, raw: str, place: str, label: str) -> list[tuple[str, str, str]]:
        """Return (text, label, place) of each prompt that an entry stands for."""
        if raw.startswith(_SERVICES):
            self._add(place, f"the prompt `{shown(raw)}` is made elsewhere", "put its text here")
            return []
        files = self._files(raw, place)
        if files is None:
            return [(raw, label or raw, place)]
        found: list[tuple[str, str, str]] = []
        for path in files:
            name = path.relative_to(self.base).as_posix() if path.is_relative_to(self.base) else str(path)
            found += [(text, one, place) for text, one in self._of_file(path, name, label, place)]
        return found

    def _files(self, raw: str, place: str) -> list[Path] | None:
        """Return the files that an entry names, None for one that is the text itself."""
        name = raw.removeprefix("file://")
        if re.search(r"\.(?:js|cjs|mjs|ts|py|rb|go)(?::\w+)?$", name) and "\n" not in name:
            self._add(
                place, f"the prompt `{shown(raw)}` is a program", "put the text that it makes into a file"
            )
            return []
        if "\n" in name or (not raw.startswith("file://") and any(char in name for char in "{}")):
            return None
        path = self.base / name
        try:
            found = [path] if path.is_file() else sorted(p for p in self.base.glob(name) if p.is_file())
        except (OSError, ValueError, NotImplementedError):
            found = []
        if not found and raw.startswith("file://"):
            self._add(place, f"there is no file `{shown(name)}`", f"paths start at `{self.base}`")
            return []
        return found or None

    def _of_file(self, path: Path, name: str, label: str, place: str) -> list[tuple[str, str]]:
        try:
            with path.open(encoding="utf-8-sig") as file:
                text = file.read(_LONGEST)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
            self._add(place, f"the file `{shown(name)}` cannot be read: {reason}")
            return []
        suffix = path.suffix.lower()
        if suffix == ".txt":
            parts = [part.strip() for part in re.split(r"^\s*---\s*$", text, flags=re.MULTILINE)]
            parts = [part for part in parts if part]
            return [(part, f"{label}: {name}: {part}" if label else f"{name}: {part}") for part in parts]
        if suffix in {".md", ".j2"}:
            return [(text, label or name)]
        if suffix in {".json", ".yaml", ".yml"}:
            return [(_as_json(text) or text, label or name)]
        if suffix == ".jsonl":
            lines = [line for line in text.splitlines() if line.strip()]
            return [(line, f"{label or name}: {number}") for number, line in enumerate(lines, 1)]
        self._add(
            place,
            f"prompts cannot be read from `{shown(name)}`",
            "known: .txt, .md, .j2, .json, .jsonl, .yaml",
        )
        return []

    def _made(self, raw: str, label: str, place: str) -> Prompt | None:
        turns = _turns(raw)
        if turns is None:
            template, problems = translate(raw)
            if (_CHAT.match(raw.strip()) and '"role"' in raw) or raw.strip().startswith("- role:"):
                problems = ["a conversation that is JSON or YAML only after it was filled in"]
            names = printed(template)
            prompt = Prompt(label=label, raw=raw, place=place, template=template, names=tuple(names))
        else:
            messages, problems, names = _translated(turns)
            prompt = Prompt(label=label, raw=raw, place=place, messages=messages, names=tuple(names))
        if not problems:
            return prompt
        hint = "write that part of the template in another way; what Jinja and Nunjucks both do alike is kept"
        self._add(place, f"the prompt `{shown(label)}` has {', '.join(problems)}", hint)
        return None


def _text(node: Node | None) -> str:
    return node.text if isinstance(node, Leaf) and node.value is not None else ""


def _as_json(text: str) -> str | None:
    """Return a JSON or YAML text as JSON."""
    try:
        value = yaml.safe_load(text)
        return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else None
    except (yaml.YAMLError, TypeError, ValueError, RecursionError):
        return None


def _turns(raw: str) -> list[Any] | None:
    """Return the turns of a conversation, None for a plain text."""
    text = raw.strip()
    value: Any = None
    try:
        if _CHAT.match(text):
            value = json.loads(text)
        elif text.startswith("- role:"):
            value = yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError):
        return None
    return cast("list[object]", value) if isinstance(value, list) else None


def _translated(turns: list[Any]) -> tuple[tuple[dict[str, Any], ...], list[str], list[str]]:
    """Return the turns with their templates translated, the problems, and the variables that they print."""
    problems: list[str] = []
    names: list[str] = []

    def walk(value: Any) -> Any:  # noqa: ANN401  plain values
        if isinstance(value, list):
            return [walk(item) for item in cast("list[object]", value)]
        if isinstance(value, dict):
            return {str(key): walk(item) for key, item in cast("dict[object, object]", value).items()}
        if not isinstance(value, str):
            return value
        text, found = translate(value)
        problems.extend(found)
        names.extend(printed(text))
        return text

    made = [walk(turn) for turn in turns]
    if not made or not all(isinstance(turn, dict) for turn in made):
        problems.append("a list that is no conversation")
        return (), problems, names
    for turn in made:
        further = [key for key in turn if key not in {"role", "content"}]
        problems += [f"a turn with `{key}`" for key in further]
        if not isinstance(turn.get("content"), str | list):
            problems.append("a turn without content")
    return tuple(made), problems, names
