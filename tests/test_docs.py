"""Every plugin, option, spec key, metric, command and exit code is documented; no link is broken.

The form is simple on purpose: a thing is documented where a heading of its page has it in backticks,
and its parts where its section has them in backticks. `docs/reference/FAMILY.md` holds a family.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import msgspec
import pytest

from bakeoff import errors, plugins
from bakeoff.records import Choice, Spec

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PLUGINS = sorted(
    (group.removeprefix("bakeoff."), name)
    for group, points in PROJECT["entry-points"].items()
    for name in points
)  # fmt: skip


def sections(page: Path) -> dict[str, str]:
    """Return the text under each heading with a literal in it, by that literal."""
    if not page.exists():
        return {}
    parts = re.split(r"^#+ [^`\n]*`([^`\n]+)`.*$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def section(page: Path, name: str) -> str:
    """Return the section of a thing, or fail with what to write where."""
    found = sections(page)
    where = page.relative_to(ROOT)
    assert name in found, f"{where} has no heading with `{name}`: add one, and describe it below"
    assert found[name].strip(), f"{where}: the section of `{name}` is empty"
    return found[name]


def missing_parts(text: str, names: list[str]) -> list[str]:
    return [name for name in names if f"`{name}`" not in text]


def option_names(family: str, name: str) -> list[str]:
    """Return the options of an implementation; what only identifies it is no option."""
    made = plugins.load(family, name)
    if not (isinstance(made, type) and issubclass(made, msgspec.Struct)):
        return []
    fixed = {"name", "unit", "form"} if family in {"metrics", "providers"} else set[str]()
    return [field.encode_name for field in msgspec.structs.fields(made) if field.name not in fixed]


@pytest.mark.parametrize(("family", "name"), PLUGINS)
def test_plugin_and_its_options_are_documented(family: str, name: str) -> None:
    page = REFERENCE / f"{family}.md"
    text = section(page, name)
    absent = missing_parts(text, option_names(family, name))
    assert not absent, f"{page.relative_to(ROOT)}, section `{name}`: say what these options do: {absent}"


@pytest.mark.parametrize("name", [name for family, name in PLUGINS if family == "scorers"])
def test_metric_of_a_scorer_is_documented(name: str) -> None:
    defaults = {field.name: field.default for field in msgspec.structs.fields(plugins.load("scorers", name))}
    assert isinstance(defaults["metric"], str), f"scorer `{name}` has no metric of its own"
    section(REFERENCE / "metrics.md", defaults["metric"])


def structs(annotation: Any) -> Iterator[type[msgspec.Struct]]:
    """Yield the records inside an annotation, but for a choice, whose options its own page has."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct) and annotation is not Choice:
        yield annotation
    for inner in get_args(annotation):
        yield from structs(inner)


def spec_tables(record: type[msgspec.Struct], path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yield the path of every mapping in the spec file with its keys; `options` stand inline in the file."""
    fields = [field for field in msgspec.structs.fields(record) if field.name != "options"]
    yield path or "bakeoff.yaml", [field.encode_name for field in fields]
    for field in fields:
        for inner in structs(field.type):
            yield from spec_tables(inner, f"{path}.{field.encode_name}".lstrip("."))


@pytest.mark.parametrize(("path", "keys"), list(spec_tables(Spec)))
def test_spec_keys_are_documented(path: str, keys: list[str]) -> None:
    page = REFERENCE / "spec.md"
    absent = missing_parts(section(page, path), keys)
    assert not absent, f"{page.relative_to(ROOT)}, section `{path}`: say what these keys mean: {absent}"


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every visible command of the tree with the words that call it."""
    if command.hidden:
        return
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, f"`{path} {name}` is listed and cannot be loaded"
            yield from commands(inner, f"{path} {name}")


def test_commands_and_their_options_are_documented() -> None:
    from bakeoff.cli._app import app

    page = REFERENCE / "cli.md"
    problems = []
    known = sections(page)
    for path, command in commands(app, "bakeoff"):
        options = [
            max(param.opts, key=len)
            for param in command.params
            if isinstance(param, click.Option) and not param.hidden
        ]  # fmt: skip
        if path not in known:
            problems.append(f"no heading with `{path}`")
        else:
            problems += [f"`{path}`: say what `{name}` does" for name in missing_parts(known[path], options)]
    assert not problems, f"{page.relative_to(ROOT)}:\n  " + "\n  ".join(problems)


def test_exit_codes_are_documented() -> None:
    def codes(kind: type[errors.BakeoffError]) -> set[int]:
        return {kind.exit_code}.union(*(codes(inner) for inner in kind.__subclasses__()))

    text = (REFERENCE / "cli.md").read_text(encoding="utf-8").partition("## Exit codes")[2]
    absent = missing_parts(text, [str(code) for code in sorted(codes(errors.BakeoffError) | {0})])
    assert not absent, f"docs/reference/cli.md, section Exit codes: explain {absent}"


def test_reference_pages_are_current() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "docs.py", "--check"], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr


def pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "design").glob("*.md")])


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    broken = [
        link
        for link in links
        if not re.match(r"[a-z]+:|#", link) and not (page.parent / link.partition("#")[0]).exists()
    ]
    assert not broken, f"{page.relative_to(ROOT)} links to what is not there: {broken}"


def test_every_page_can_be_reached_from_the_index() -> None:
    docs = ROOT / "docs"
    seen: set[Path] = set()
    todo = [docs / "index.md"]
    while todo:
        page = todo.pop()
        seen.add(page.resolve())
        links = re.findall(r"\]\(([^)#\s:]+\.md)", page.read_text(encoding="utf-8"))
        found = [(page.parent / link).resolve() for link in links]
        todo += [one for one in found if one.exists() and one not in seen and one.is_relative_to(docs)]
    lost = [str(page.relative_to(ROOT)) for page in docs.rglob("*.md") if page.resolve() not in seen]
    assert not lost, f"docs/index.md leads to these by no link: {lost}"
