"""Files with next to nothing in them become runs that say what can and what cannot be concluded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.commands import call
from tests.integration.foreign import write_guidellm, write_lm_eval

NAN = float("nan")
HALF = [1.0, 0.0] * 15
ALL = [1.0] * 30

Files = Callable[[Path], list[Path]]


def graded(a: list[Any], b: list[Any] | None = None, **other: Any) -> Files:
    """Answers of `a` and `b`, the latter with other options."""
    return lambda folder: [
        write_lm_eval(folder, "a", a),
        *([] if b is None else [write_lm_eval(folder, "b", b, **other)]),
    ]


RUNS: dict[str, tuple[Files, str, str, str]] = {
    "one item": (graded([1.0], [0.0]), "inconclusive", "No clear winner", "p could not fall below 1,"),
    "all right": (graded(ALL, ALL), "inconclusive", "No clear winner", "too easy to tell them apart"),
    "all wrong": (graded([0.0] * 30, [0.0] * 30), "inconclusive", "No clear winner", "too hard to tell them"),
    "identical": (
        graded(HALF, HALF),
        "inconclusive",
        "No clear winner",
        "the same value on every one of the 30",
    ),
    "nothing graded": (
        graded([None] * 30, [None] * 30),
        "inconclusive",
        "no answer could be graded",
        "a: none",
    ),
    "one alone": (
        graded(HALF),
        "pass",
        "the only target that can be chosen",
        "compared with no other target",
    ),
    "other questions": (
        graded(HALF, HALF, first=90),
        "inconclusive",
        "No clear winner",
        "answered different cases",
    ),
    "another task": (
        graded(HALF, HALF, task="other"),
        "inconclusive",
        "No verdict: there is no sums.",
        "b: it has no value for sums.",
    ),
    "missing pairs": (
        graded(ALL, ALL[:20]),
        "inconclusive",
        "No clear winner",
        "10 cases are left out because",
    ),
    "some NaN": (
        graded([1.0, NAN] * 15, HALF),
        "inconclusive",
        "No clear winner",
        "15 of 30 scores of exact_match,strict for `a` are no number",
    ),
    "all NaN": (
        graded([NAN] * 30, ALL),
        "inconclusive",
        "No verdict: there is no sums.",
        "a: it has no value for sums.",
    ),
    "all failed": (
        lambda folder: [write_guidellm(folder / "a.json", "a", [None] * 30)],
        "inconclusive",
        "nothing was graded",
        "a: 100.0% of its samples are errors",
    ),
    "one request": (
        lambda folder: [write_guidellm(folder / "a.json", "a", [0.1])],
        "inconclusive",
        "nothing was graded",
        "quality: nothing was graded",
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_sentence_says_what_can_be_concluded(name: str, tmp_path: Path) -> None:
    files, state, sentence, reason = RUNS[name]
    done = call("import", *files(tmp_path), cwd=tmp_path)
    assert done.code == 0, done.err
    first, *rest = done.out.splitlines()
    assert first.startswith(state.upper())
    assert sentence in first
    assert reason in " ".join(rest) + done.err


def test_reports_of_such_a_run_are_written_again(tmp_path: Path) -> None:
    files = RUNS["some NaN"][0](tmp_path)
    imported = call("import", *files, "--json", cwd=tmp_path)
    again = call("report", "--json", cwd=tmp_path)
    assert again.code == 0, again.err
    assert again.document() == imported.document()


def test_an_unknown_score_is_neither_right_nor_wrong(tmp_path: Path) -> None:
    files = RUNS["some NaN"][0](tmp_path)
    one, other = call("import", *files, "--json", cwd=tmp_path).document()["targets"]
    assert (
        one["metrics"]["sums.exact_match,strict"]["value"],
        one["metrics"]["sums.exact_match,strict"]["n"],
    ) == (1, 15)
    assert other["metrics"]["sums.exact_match,strict"]["n"] == 30


def test_what_is_told_by_several_files_is_told_once(tmp_path: Path) -> None:
    files = graded(HALF, HALF)(tmp_path)
    warnings = call("import", *files, "--json", cwd=tmp_path).document()["warnings"]
    assert len([text for text in warnings if text.startswith("imported from lm-eval")]) == 1
