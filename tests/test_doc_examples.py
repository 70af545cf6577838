"""What README and docs show works: specs load, commands and options exist, keys of files are all there."""

import re
import shlex
import struct
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest

from bakeoff import errors, records
from bakeoff.cli._app import app
from bakeoff.spec import load_spec

ROOT = Path(__file__).parent.parent
FILES = ROOT / "docs" / "reference" / "files.md"
KEYS = {"EXAMPLE_KEY": "example-secret"}
MODELS = "models:\n  - {name: some, endpoint: http://127.0.0.1:9/v1, model: some}\n"
BENCHMARKS = "benchmarks:\n  - {name: own, dataset: data/cases.jsonl, scorers: [contains]}\n"


def pages() -> list[Path]:
    """Return the pages written by hand; the generated ones are made from the code."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in found if "Written by `make docs`" not in page.read_text(encoding="utf-8")]


def title(page: Path) -> str:
    return str(page.relative_to(ROOT))


def specs() -> Iterator[tuple[str, str]]:
    for page in pages():
        blocks = re.findall(
            r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
        for number, block in enumerate(blocks, 1):
            yield f"{title(page)} {number}", block


def whole(block: str) -> str:
    """Return a part of a spec with the parts that it leaves out."""
    return block + "".join(part for part in (MODELS, BENCHMARKS) if part.partition("\n")[0] not in block)


def place_files(folder: Path, block: str) -> None:
    """Put an empty file wherever a spec names one."""
    for name in re.findall(r"(?:source|dataset): ([^\s,}]+\.(?:gguf|jsonl|csv))", block):
        path = folder / name.replace("~/", "home/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize("block", dict(specs()).values(), ids=dict(specs()))
def test_specs_shown_load(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    place_files(tmp_path, whole(block))
    path = tmp_path / "bakeoff.yaml"
    path.write_text(whole(block), encoding="utf-8")
    loaded = load_spec(path, KEYS)
    assert loaded.spec.models
    assert loaded.spec.benchmarks


def test_readme_has_an_endpoint_and_a_local_file_in_one_spec(tmp_path: Path) -> None:
    block = next(block for name, block in specs() if name == "README.md 1")
    place_files(tmp_path, block)
    (tmp_path / "bakeoff.yaml").write_text(block, encoding="utf-8")
    loaded = load_spec(tmp_path / "bakeoff.yaml", KEYS)
    assert [model.deploy.type for model in loaded.spec.models if model.deploy] == ["none", "local"]
    assert loaded.secrets == ("example-secret",)
    assert loaded.spec.decide.incumbent == "current"


def shown_commands() -> Iterator[tuple[str, str]]:
    for page in pages():
        text = re.sub(
            r"^```yaml\n.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
        )
        lines = re.findall(r"^    (?:\.venv/bin/)?(bakeoff .*)$", text, re.MULTILINE)
        inline = re.findall(r"`(?:\.venv/bin/)?(bakeoff [^`\n]*)`", text)
        for line in (*lines, *inline):
            yield title(page), re.split(r"\s#|\s>|\s\|", line)[0].strip()


def options_of(command: click.Command) -> set[str]:
    found = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    return found | {"--help"}


@pytest.mark.parametrize(("page", "line"), sorted(set(shown_commands())))
def test_commands_shown_exist(page: str, line: str) -> None:
    command: click.Command = app
    options = options_of(app)
    words = shlex.split(line)[1:]
    if words[0] == "--server":
        del words[:2]
    for place, word in enumerate(words):
        if word.startswith("-"):
            assert word.partition("=")[0] in options, f"{page}: `{line}`: there is no `{word}`"
        elif isinstance(command, click.Group):
            inner = command.get_command(click.Context(command), word)
            assert inner is not None, f"{page}: `{line}`: there is no command `{word}` (word {place + 1})"
            command, options = inner, options_of(inner)


def test_make_targets_shown_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shown = {
        name
        for page in [*pages(), ROOT / "CONTRIBUTING.md"]
        for name in re.findall(r"(?:^    |`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert shown, "README shows no make target"
    assert not shown - targets


def section(heading: str) -> str:
    parts = re.split(r"^#+ (.*)$", FILES.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[heading]


@pytest.mark.parametrize(
    ("record", "heading"),
    [
        (records.Sample, "A line of `samples.jsonl`"),
        (records.Usage, "Keys of `usage`"),
        (records.Attempt, "Keys of an entry of `attempts`"),
        (records.Score, "A line of `scores.jsonl`"),
        (records.Event, "A line of `events.jsonl`"),
        (records.Case, "A line of `cases.jsonl`"),
        (records.Plan, "Keys of `plan.json`"),
        (records.Target, "Keys of `plan.json`"),
        (records.Stage, "Keys of `plan.json`"),
        (records.Results, "Keys of `results.json`"),
        (records.TargetResult, "Keys of an entry of `targets`"),
        (records.Estimate, "Keys of an entry of `targets`"),
        (records.Comparison, "Keys of an entry of `comparisons`"),
        (records.Verdict, "Keys of `verdict`"),
        (records.StageCheck, "Keys of an entry of `checks`"),
        (records.StageResult, "Keys of an entry of `stages`"),
        (records.Distribution, "Keys of an entry of `stages`"),
        (records.Bounds, "Keys of an entry of `stages`"),
    ],
)
def test_every_key_of_a_file_is_documented(record: type[msgspec.Struct], heading: str) -> None:
    text = section(heading)
    absent = [
        field.encode_name for field in msgspec.structs.fields(record) if f"`{field.encode_name}`" not in text
    ]
    assert not absent, f"docs/reference/files.md, section {heading}: explain {absent}"


def every_error(kind: type[errors.BakeoffError]) -> Iterator[type[errors.BakeoffError]]:
    yield kind
    for inner in kind.__subclasses__():
        yield from every_error(inner)


ERRORS = {
    kind.__name__: kind for kind in every_error(errors.BakeoffError) if kind.__module__ == errors.__name__
}


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_every_error_is_documented_with_its_exit_code(name: str) -> None:
    rows = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8").splitlines()
    row = next((row for row in rows if row.startswith("|") and f"`{name}`" in row), "")
    assert row, f"docs/reference/errors.md does not name `{name}`"
    assert row.split("|")[2].strip() == str(ERRORS[name].exit_code)


def test_every_outcome_is_explained() -> None:
    text = (ROOT / "docs" / "explanation" / "outcomes.md").read_text(encoding="utf-8")
    assert [name for name in records.OUTCOMES if f"| `{name}` |" not in text] == []


def test_picture_of_the_report_is_a_small_png() -> None:
    data = (ROOT / "docs" / "images" / "report.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert struct.unpack(">I", data[16:20]) == (1280,)
    assert len(data) < 300_000
