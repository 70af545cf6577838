"""Stored runs side by side, in one process."""

from pathlib import Path

import pytest
from tests.integration.test_compare_imports import lm_eval_run

from bakeoff.errors import UsageError
from bakeoff.run.compare import compare_runs


def test_one_target_alone_cannot_be_compared(tmp_path: Path) -> None:
    run = lm_eval_run(tmp_path / "a", "old", [True])
    with pytest.raises(UsageError, match="there is one target only"):
        compare_runs([run, run])


def test_against_names_one_target_by_its_plain_or_its_full_name(tmp_path: Path) -> None:
    runs = [lm_eval_run(tmp_path / name, "m", [True, False]) for name in "abc"]
    names = [target.name for target in compare_runs(runs).targets]
    found = compare_runs(runs, against=names[1])
    assert {(row.a, row.b) for row in found.comparisons} == {(names[0], names[1]), (names[2], names[1])}
    assert found.against == names[1]
    with pytest.raises(UsageError, match="is in several runs"):
        compare_runs(runs, against=found.targets[0].target)
    with pytest.raises(UsageError, match="there is no target `nobody`"):
        compare_runs(runs, against="nobody")


def test_a_plain_name_of_one_target_is_enough(tmp_path: Path) -> None:
    runs = [
        lm_eval_run(tmp_path / name, model, [True, False]) for name, model in (("a", "old"), ("b", "new"))
    ]
    found = compare_runs(runs, against="old")
    assert (found.against, [(row.a, row.b) for row in found.comparisons]) == ("old", [("new", "old")])


def test_a_target_without_grades_is_named(tmp_path: Path) -> None:
    first = lm_eval_run(tmp_path / "a", "old", [True] * 4)
    second = lm_eval_run(tmp_path / "b", "new", [True] * 4)
    third = lm_eval_run(tmp_path / "c", "third", [True] * 4)
    (third / "scores.jsonl").write_text("")
    compared = compare_runs([first, second, third])
    assert len({row.a for row in compared.comparisons} | {row.b for row in compared.comparisons}) == 2
