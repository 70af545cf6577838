"""Budgets and bans that keep the code small and honest; CONTRIBUTING.md says why each exists."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

import bakeoff

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "bakeoff"

FILE_LINES = 400
CLI_FILE_LINES = 100
FUNCTION_LINES = 60
PARAMETERS = 7
DEPTH = 2
ERROR_DEPTH = 4
HELP_CPU_SECONDS = 0.15

PUBLIC = [
    "BakeoffError", "BudgetRule", "CallError", "Case", "Client", "Compared", "ComparedTarget",
    "Comparison",
    "Constraint", "DecideSpec", "Estimate", "Flip", "MetricRule", "Place", "QualityRule", "Ranking",
    "Results", "Run", "RunEndedError", "RunHandle", "RunInfo", "Sample", "Score", "SloSpec", "StageResult",
    "TargetCost", "TargetResult", "Usage", "Verdict",
    "compare", "decide", "frame", "import_files", "load", "runs", "stats",
]  # fmt: skip
NO_NAME = {"utils", "util", "common", "helpers", "helper", "misc"}
FENCES = {
    PACKAGE / "engine" / "send.py",
    PACKAGE / "plugins.py",
    PACKAGE / "sandbox" / "serve.py",
    PACKAGE / "server" / "workers" / "bound.py",
}
CLOCKS = {
    "time": {
        "time",
        "monotonic",
        "perf_counter",
        "process_time",
        "thread_time",
        "clock_gettime",
        "localtime",
        "gmtime",
    },
    "datetime": {"now", "utcnow", "today", "fromtimestamp"},
    "date": {"today"},
    "loop": {"time"},
}
HEAVY = {
    "asyncio", "http", "httptools", "jinja2", "msgspec", "multiprocessing", "numpy", "rich", "sqlite3", "ssl",
    "uvloop", "xllamacpp", "yaml",
}  # fmt: skip
FOREIGN_TEXT = {
    "the path of one machine": r"(?<![\w.~/-])/(?:home|root|Users|work|workspace)/\w",
    "the address of a package registry": r"pypi[.]org|pythonhosted[.]org|registry[.]npmjs|deb[.]debian[.]org",
    "a setting that names a package registry": r"(?:--|^)(?:extra-)?index-url|find[-]links",
    "the number of an issue": r"(?i)\b(?:issue|pull request)s? #?\d",
}


def python_files() -> list[Path]:
    return sorted(path for top in ("src", "tests", "bench", "scripts") for path in (ROOT / top).rglob("*.py"))


def package_trees() -> Iterator[tuple[Path, list[ast.AST]]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, nodes(path)


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Return all nodes of a file, whose tree is read and walked once for all rules."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@pytest.fixture(scope="module", autouse=True)
def forget() -> Iterator[None]:
    """Give back what the trees take, some hundred megabytes."""
    yield
    nodes.cache_clear()


def at(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def functions(tree: Iterable[ast.AST]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in tree if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def word(node: ast.expr | None) -> str:
    """Return the last part of a dotted name."""
    if isinstance(node, ast.Subscript):
        return word(node.value)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def report(found: list[str], rule: str) -> None:
    assert not found, f"{rule}:\n  " + "\n  ".join(found)


def test_files_are_short() -> None:
    def limit(path: Path) -> int:
        return CLI_FILE_LINES if path.is_relative_to(PACKAGE / "cli") else FILE_LINES

    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}
    found = [f"{path.relative_to(ROOT)}: {n} > {limit(path)}" for path, n in sizes.items() if n > limit(path)]
    report(found, "split these files where their subject splits")


def test_functions_are_short() -> None:
    found = [
        f"{at(path, node)} {node.name}: {lines} > {FUNCTION_LINES} lines"
        for path in python_files()
        for node in functions(nodes(path))
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    ]
    report(found, "split these functions")


def test_functions_take_few_parameters() -> None:
    found = []
    for path, tree in package_trees():
        for node in functions(tree):
            args = node.args
            names = [
                arg.arg
                for arg in [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
                if arg
            ]
            count = len(names) - (names[:1] in (["self"], ["cls"]))
            if count > PARAMETERS:
                found.append(f"{at(path, node)} {node.name}: {count} > {PARAMETERS}")
    report(found, "group these parameters in a record")


def test_inheritance_is_flat() -> None:
    """Only classes of the package count: a struct of our own is level 1, what extends it level 2."""
    classes = {
        node.name: (
            at(path, node),
            [word(base) for base in node.bases],
            node.keywords,
            path.name in {"errors.py", "faults.py"},
        )
        for path, tree in package_trees()
        for node in tree
        if isinstance(node, ast.ClassDef)
    }

    def depth(name: str) -> int:
        return 1 + max(
            (depth(base) for base in classes[name][1] if base in classes and base != name), default=0
        )

    found = [
        f"{place} {name}"
        for name, (place, _, keywords, is_error) in classes.items()
        if depth(name) > (ERROR_DEPTH if is_error else DEPTH)
        or name.endswith("Mixin")
        or any(keyword.arg == "metaclass" for keyword in keywords)
    ]
    report(found, "compose instead: at most 2 levels (errors 4), no mixin, no metaclass")


def test_modules_have_a_subject() -> None:
    found = [str(path.relative_to(ROOT)) for path in PACKAGE.rglob("*") if path.stem in NO_NAME]
    report(found, "move what is in these to its owner, or a layer down under its real name")


def test_only_the_clock_reads_a_clock() -> None:
    found = []
    for path, tree in package_trees():
        if path == PACKAGE / "clock.py":
            continue
        for node in tree:
            if isinstance(node, ast.Attribute):
                read = node.attr.removesuffix("_ns") in CLOCKS.get(word(node.value), ())
            else:
                imported = node.names if isinstance(node, ast.ImportFrom) and node.module == "time" else []
                read = any(name.name.removesuffix("_ns") in CLOCKS["time"] for name in imported)
            if read:
                found.append(at(path, node))
    report(found, "read clocks through bakeoff.clock")


def is_broad(node: ast.expr | None) -> bool:
    types = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(kind is None or word(kind) in {"Exception", "BaseException"} for kind in types)


def test_no_error_is_swallowed() -> None:
    """Outside the fences a broad `except` may only clean up and raise again."""
    found = []
    for path, tree in package_trees():
        for node in tree:
            if isinstance(node, ast.ExceptHandler) and is_broad(node.type):
                last = node.body[-1]
                swallowed = not (isinstance(last, ast.Raise) and last.exc is None)
            elif isinstance(node, ast.Call) and word(node.func) == "suppress":
                swallowed = any(is_broad(arg) for arg in node.args)
            else:
                swallowed = False
            if swallowed and path not in FENCES:
                found.append(at(path, node))
    report(found, "name the errors that are expected here")


def project_texts() -> Iterator[tuple[Path, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    for name in sorted(set(filter(None, listed.split("\0")))):
        path = ROOT / name
        if path.is_file() and b"\0" not in path.read_bytes()[:8192]:
            yield path, path.read_text(encoding="utf-8")


def test_project_text_names_no_foreign_place() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {what}"
        for path, text in project_texts()
        for number, line in enumerate(text.splitlines(), 1)
        for what, pattern in FOREIGN_TEXT.items()
        if re.search(pattern, line)
    ]
    report(found, "the project must read the same everywhere")


def plain_environment() -> dict[str, str]:
    """Return the environment without coverage's hook, which would be measured too."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


HELP = "import sys; from bakeoff.cli import main; sys.argv = ['bakeoff', '--help']; main()"


def test_help_imports_nothing_heavy() -> None:
    script = f"import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); {HELP}"
    done = subprocess.run(
        [sys.executable, "-c", script], env=plain_environment(), capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Usage: " in done.stdout
    report(sorted(HEAVY & set(done.stderr.split())), "import these inside the function that needs them")


def test_help_is_quick() -> None:
    script = "import resource, subprocess, sys\n"
    script += "subprocess.run([sys.executable, '-c', sys.argv[1]], check=True, stdout=subprocess.DEVNULL)\n"
    script += "used = resource.getrusage(resource.RUSAGE_CHILDREN); print(used.ru_utime + used.ru_stime)"
    tries = [
        float(subprocess.check_output([sys.executable, "-c", script, HELP], env=plain_environment()))
        for _ in range(5)
    ]
    assert min(tries) < HELP_CPU_SECONDS, f"`bakeoff --help` used {min(tries):.3f} s of CPU"


def test_public_api_is_what_the_list_says() -> None:
    assert sorted(getattr(bakeoff, "__all__", [])) == PUBLIC


def test_build_backend_is_pinned_once() -> None:
    backend = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert set(backend) <= set(pins), "run `make constraints`"


def test_constraints_are_plain_pins() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    report([pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", pin)], "not NAME==VERSION")
    assert len(pins) > 20
