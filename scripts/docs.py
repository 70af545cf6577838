"""Write the reference pages in docs/reference from the code: families, spec keys, commands.

What a page says of an option is its line under `Attributes:` in the class docstring, or the sentence there
that names it in backticks. An option, key or flag without either is an error here, so a page is
complete or it is not written.
`--check` writes nothing and fails where a page differs.
"""

import inspect
import re
import sys
import tomllib
import types
import typing
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import click
import msgspec

import bakeoff
from bakeoff import extend, frames, plugins, stats
from bakeoff.records import Choice, Spec

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
MARK = "<!-- Written by `make docs` from the code. Edit the docstrings there. -->\n"
FAMILIES = {
    "providers": ("Providers", ["Provider", "LikelihoodProvider"]),
    "deployers": ("Deployers", ["Deployer"]),
    "datasets": ("Data sets", ["Dataset"]),
    "loads": ("Loads", ["Load"]),
    "scorers": ("Scorers", ["Scorer"]),
    "metrics": ("Metrics", ["SampleMetric", "StageMetric"]),
    "stores": ("Stores", ["Store"]),
    "reports": ("Reports", ["Report"]),
    "importers": ("Importers", ["Importer"]),
    "exporters": ("Exporters", ["Exporter"]),
    "executors": ("Load engines of others", ["Executor"]),
}
WORDS = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Decimal: "number",
    Any: "anything",
}
PYTHON = """\
What `import bakeoff` gives is public, and so are the names of `bakeoff.stats` below; the rest may
change. All of it is typed. `import bakeoff` loads nothing by itself: a name is loaded when it is first
used. Recipes: [use bakeoff from Python](../how-to/use-from-python.md).

Errors are `BakeoffError` and its kinds: the message says what is wrong and where, `hint` what to do,
`exit_code` how the command line would end."""
PYTHON_CLIENT = """\
Speaks to a service that `bakeoff serve` started. Calls that may be sent twice are tried again when nobody
answers or the service is busy. Errors are `CallError`, with the HTTP `status`; a run that was waited for
and failed is a `RunEndedError`. Recipe: [use the Python client](../how-to/use-the-python-client.md)."""
PYTHON_RECORDS = """\
Frozen: a change is a new record (`msgspec.structs.replace`). The keys of those that are stored with a
run are explained in [files of a run](files.md), those of a rule in [the spec file](spec.md)."""
PYTHON_FRAMES = """\
They need pandas: `.venv/bin/pip install -c constraints.txt '.[frames]'`. What is unknown is missing,
never zero. Counts are nullable integers, yes and no nullable booleans, names categories.
`bakeoff.frame(records)` has a column for each field of the records that it is given."""
PYTHON_STATS = """\
Plain Python on plain sequences. Shares are 0..1; an interval is in the unit of what is given. What draws
at random has a `seed`, so the same rows give the same numbers. Wrong input is a `ValueError` that says
what is wrong. Which of these a run uses, and how well they hold: [intervals and
tests](../explanation/statistics.md)."""
KINDS = {"figure": "number, duration or rate", "sampling": "mapping with the keys of `sampling`"}
EXIT_CODES = {
    0: "done; with `--gate`: and the verdict is pass",
    1: "the run failed, or `bakeoff verify` found something wrong",
    2: "the command line, the spec or a data file is wrong; nothing was started",
    3: "with `--gate`: the verdict is fail, no target meets the rules",
    4: "an endpoint or a server could not be reached, started or used",
    5: "more errors than tolerated; the results are kept",
    6: "with `--gate`: inconclusive, the data cannot tell the candidates apart",
    7: "the measurement is invalid: the client was the limit",
    130: "interrupted; what was measured is saved",
}


def kind(annotation: Any) -> str:
    """Name a type in a user's words."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        forms = [meta.extra_json_schema for meta in args[1:] if isinstance(meta, msgspec.Meta)]
        named = [form["x-bakeoff"] for form in forms if form and "x-bakeoff" in form]
        return KINDS.get(named[0], named[0]) if named else kind(args[0])
    if origin in {Union, types.UnionType}:
        return " or ".join(dict.fromkeys(kind(arg) for arg in args if arg is not type(None)))
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in args)
    if origin in {list, tuple}:
        return f"list of {kind(args[0])}"
    if origin is dict or (isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)):
        return "name or mapping with `type`" if annotation is Choice else "mapping"
    return WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))


def default(field: Any) -> str:
    """Say what holds when nothing is given."""
    if field.required:
        return "required"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    if value is None or value in ("", (), [], {}):
        return ""
    if isinstance(value, msgspec.Struct):
        return "see there"
    if isinstance(value, tuple | list):
        return ", ".join(f"`{one}`" for one in value)
    shown = (
        str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else value
    )
    return f"`{shown}`"


def split_docstring(owner: Any) -> tuple[str, dict[str, str]]:
    """Return the text of a docstring and the meanings under its `Attributes:`."""
    text, _, rest = (inspect.getdoc(owner) or "").partition("\nAttributes:\n")
    body, *after = re.split(r"\n\n(?=\S)", rest, maxsplit=1)
    meanings = re.findall(r"^    (\w+): (.*(?:\n {5,}\S.*)*)", body, flags=re.MULTILINE)
    whole = "\n\n".join([text.strip(), *after])
    return whole, {name: " ".join(meaning.split()) for name, meaning in meanings}


class Page:
    """A page that is being written, and what is missing for it."""

    def __init__(self, name: str, title: str) -> None:
        self.path = REFERENCE / f"{name}.md"
        self.blocks = [MARK + f"# {title}"]
        self.missing: list[str] = []

    def add(self, *blocks: str) -> None:
        self.blocks += [block for block in blocks if block]

    def table(self, owner: Any, fields: list[Any], head: str) -> None:
        """Add one row per field, with the meaning that the docstring gives."""
        text, meanings = split_docstring(owner)
        self.missing += [
            f"{owner.__module__}.{owner.__name__}: the docstring does not explain `{field.name}`"
            for field in fields
            if field.name not in meanings and f"`{field.name}`" not in text
        ]
        rows = [
            (f"`{field.encode_name}`", kind(field.type), default(field), meanings.get(field.name, ""))
            for field in fields
        ]
        self.rows((head, "type", "default", "meaning"), rows)

    def rows(self, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
        """Add a table, if it has rows."""
        lines = [head, tuple("---" for _ in head), *rows]
        if rows:
            self.add(
                "\n".join(
                    "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
                )
            )

    def named(self, owners: dict[str, Any], head: str) -> None:
        """Add one row per name, with the first line of its docstring."""
        self.missing += [f"{name}: no docstring" for name, owner in owners.items() if not first_line(owner)]
        self.rows((head, "says of itself"), [(f"`{name}`", first_line(one)) for name, one in owners.items()])

    @property
    def text(self) -> str:
        return "\n\n".join(self.blocks) + "\n"


def entry_points() -> dict[str, list[str]]:
    """Return the names of each family's implementations, from the project file, not from an old install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        group.removeprefix("bakeoff."): sorted(points) for group, points in project["entry-points"].items()
    }


def family_page(family: str, names: list[str]) -> Page:
    title, protocols = FAMILIES[family]
    page = Page(family, title)
    page.add(*(split_docstring(getattr(extend, protocol))[0] for protocol in protocols))
    for name in names:
        made = plugins.load(family, name)
        page.add(f"## `{name}`", split_docstring(made)[0])
        if not (isinstance(made, type) and issubclass(made, msgspec.Struct)):
            continue
        fields = {field.name: field for field in msgspec.structs.fields(made)}
        if family == "metrics":
            page.add(f"Unit: {fields['unit'].default}." if "unit" in fields else "")
        fixed = {"name", "unit", "form"} if family in {"metrics", "providers"} else set[str]()
        page.table(made, [field for key, field in fields.items() if key not in fixed], "option")
    return page


def quality_metrics(page: Page) -> None:
    """Add what the scorers measure, which is a metric too."""
    feeds: dict[str, list[str]] = {}
    for name in entry_points()["scorers"]:
        fields = {
            field.name: field.default for field in msgspec.structs.fields(plugins.load("scorers", name))
        }
        feeds.setdefault(str(fields["metric"]), []).append(f"`{name}`")
    for metric, scorers in sorted(feeds.items()):
        page.add(
            f"## `{metric}`",
            f"Mean of the values that these scorers give, 0..1: {', '.join(scorers)}.",
            "Unit: share.",
        )


def records_in(annotation: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct) and annotation is not Choice:
        yield annotation
    for inner in get_args(annotation):
        yield from records_in(inner)


def add_keys(page: Page, record: type[msgspec.Struct], path: str) -> None:
    """Add the section of one mapping of the spec file, then those of the mappings in it."""
    fields = [field for field in msgspec.structs.fields(record) if field.name != "options"]
    page.add(f"## `{path or 'bakeoff.yaml'}`", split_docstring(record)[0])
    page.table(record, fields, "key")
    for field in fields:
        for inner in records_in(field.type):
            add_keys(page, inner, f"{path}.{field.encode_name}".lstrip("."))


def spec_page() -> Page:
    page = Page("spec", "The spec file")
    add_keys(page, Spec, "")
    return page


def add_command(page: Page, command: click.Command, path: str) -> None:
    """Add the section of a command, then those of its own commands."""
    if command.hidden:
        return
    context = click.Context(command, info_name=path)
    page.add(f"## `{path}`", inspect.cleandoc(command.help or "").replace("\b\n", ""))
    page.add(f"    {' '.join([path, *command.collect_usage_pieces(context)])}")
    rows = []
    for param in command.params:
        if isinstance(param, click.Option) and not param.hidden:
            names = ", ".join(f"`{name}`" for name in [*param.opts, *param.secondary_opts])
            shown = (
                ""
                if param.is_flag or param.default in (None, ()) or callable(param.default)
                else f"`{param.default}`"
            )
            rows.append((names, shown if "UNSET" not in shown.upper() else "", param.help or ""))
            page.missing += [] if param.help else [f"{path} {names}: no help"]
    page.rows(("option", "default", "meaning"), rows)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            add_command(
                page, typing.cast("click.Command", command.get_command(context, name)), f"{path} {name}"
            )


def cli_page() -> Page:
    from bakeoff.cli._app import app

    page = Page("cli", "The command line")
    page.add("Data goes to stdout, progress and logs to stderr. With `--json` stdout is one JSON document.")
    add_command(page, app, "bakeoff")
    page.add("## Exit codes")
    page.rows(("code", "means"), [(f"`{code}`", meaning) for code, meaning in EXIT_CODES.items()])
    return page


def first_line(owner: Any) -> str:
    """Return what an owner says of itself in a line."""
    return (inspect.getdoc(owner) or "").partition("\n")[0]


def python_page() -> Page:
    """Return the page of the public Python names."""
    page = Page("python-api", "The Python API")
    page.add(PYTHON, "## Functions")
    public = {name: getattr(bakeoff, name) for name in bakeoff.__all__ if name != "stats"}
    functions = {name: value for name, value in public.items() if inspect.isfunction(value)}
    page.named(functions, "function")
    for name, value in functions.items():
        page.add(f"### `{name}{_signature(value)}`", _arguments(value))
    page.add("## `Run`", first_line(bakeoff.Run))
    page.named({name: one for name, one in vars(bakeoff.Run).items() if not name.startswith("_")}, "name")
    page.add("`folder` is its directory, `plan` its targets and stages in the order in which they were sent.")
    for made in (bakeoff.Client, bakeoff.RunHandle):
        methods = {name: one for name, one in vars(made).items() if not name.startswith("_")}
        page.add(f"## `{made.__name__}`", PYTHON_CLIENT if made is bakeoff.Client else first_line(made))
        page.named(methods, "name")
        for name, method in methods.items():
            if inspect.isfunction(method) and (told := _arguments(method)):
                page.add(f"### `{made.__name__}.{name}{_signature(method).replace('(self, ', '(')}`", told)
    page.add("## Records", PYTHON_RECORDS)
    taken = {bakeoff.Run, bakeoff.Client, bakeoff.RunHandle}
    records = {name: one for name, one in public.items() if isinstance(one, type) and one not in taken}
    page.named(records, "record")
    page.add("## Columns of the data frames", PYTHON_FRAMES)
    for name in ("samples", "scores", "results"):
        columns: dict[str, str] = getattr(frames, f"{name.rstrip('s').upper()}_COLUMNS")
        page.add(f"### `Run.{name}_frame()`")
        page.rows(("column", "is"), [(f"`{column}`", meaning) for column, meaning in columns.items()])
    page.add("## `bakeoff.stats`", PYTHON_STATS)
    homes: dict[str, dict[str, Any]] = {}
    for name in stats.__all__:
        value = getattr(stats, name)
        homes.setdefault(first_line(inspect.getmodule(value)), {})[name] = value
    for title, names in homes.items():
        page.add(f"### {title.rstrip('.')}")
        page.named(names, "name")
    return page


def _signature(function: Any) -> str:
    """Return the names of the parameters, optional ones with `=`."""
    named = [
        f"*{one.name}"
        if one.kind is one.VAR_POSITIONAL
        else one.name + ("" if one.default is one.empty else "=")
        for one in inspect.signature(function).parameters.values()
    ]
    return f"({', '.join(named)})"


def _arguments(function: Any) -> str:
    """Return the lines under `Args:` as a list."""
    text = (inspect.getdoc(function) or "").partition("\nArgs:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^    (\w+): (.*(?:\n {5,}\S.*)*)", text, flags=re.MULTILINE)
    return "\n".join(f"- `{name}`: {' '.join(meaning.split())}" for name, meaning in found)


def main(arguments: list[str]) -> int:
    """Write or check all pages."""
    pages = [family_page(family, names) for family, names in entry_points().items()]
    quality_metrics(next(page for page in pages if page.path.stem == "metrics"))
    pages += [spec_page(), cli_page(), python_page()]
    problems = [problem for page in pages for problem in page.missing]
    for page in pages:
        old = page.path.read_text(encoding="utf-8") if page.path.exists() else ""
        if old != page.text and "--check" in arguments:
            problems.append(f"{page.path.relative_to(ROOT)} is not what the code says: run `make docs`")
        elif old != page.text and not problems:
            page.path.parent.mkdir(parents=True, exist_ok=True)
            page.path.write_text(page.text, encoding="utf-8")
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
