"""Verifying grades of scorers that others wrote: who says nothing is taken to grade alike each time."""

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from tests.unit.run.stored_runs import write_run

from bakeoff import plugins
from bakeoff.assertions import make, settled
from bakeoff.extend import deterministic
from bakeoff.records import Case, Choice, Grade, Sample
from bakeoff.run.evidence import Verification, verify_folder
from bakeoff.scorers.exact import Exact
from bakeoff.testing.contracts.scorers import check_scorer


class Lacking(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scorer as a third party writes it: the contract's two members and nothing else."""

    metric: str = "accuracy"

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        """Return whether the answer is the reference."""
        del sample
        right = answer == case.reference
        return Grade(value=float(right), passed=right, reason="compared", parsed=answer)


class Moody(Lacking, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One that grades otherwise each time, and does not say so."""

    asked: ClassVar[list[str]] = []

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        """Return another grade each time."""
        self.asked.append(case.id)
        value = 1.0 / len(self.asked)
        return Grade(value=value, passed=value > 0.1, reason=sample.case, parsed=answer)


class Candid(Moody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One that says so."""

    deterministic: ClassVar[bool] = False


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the scorers above be found as installed ones are."""
    found = plugins._points
    own = {
        name: EntryPoint(name=name, value=f"{__name__}:{cls.__name__}", group="bakeoff.scorers")
        for name, cls in (("lacking", Lacking), ("moody", Moody), ("candid", Candid))
    }
    monkeypatch.setattr(
        plugins, "_points", lambda family: found(family) | (own if family == "scorers" else {})
    )
    Moody.asked.clear()


def verified(folder: Path, *scorers: Any) -> Verification:
    benchmark = {"name": "sums", "dataset": "cases.jsonl", "prompt": "{{input}}", "scorers": list(scorers)}
    return verify_folder(write_run(folder, cases=4, benchmarks=[benchmark]))


def state(found: Verification) -> str:
    return next(check.state for check in found.checks if check.name == "grades")


def test_a_scorer_that_says_nothing_is_deterministic() -> None:
    assert not hasattr(Lacking(), "deterministic")
    assert deterministic(Lacking())
    assert deterministic(Exact())
    assert not deterministic(Candid())


def test_its_grades_are_computed_again(tmp_path: Path) -> None:
    found = verified(tmp_path, "lacking")
    assert (state(found), found.notes) == ("ok", [])


def test_grades_that_come_out_otherwise_are_wrong_where_the_scorer_says_nothing(tmp_path: Path) -> None:
    found = verified(tmp_path, "moody")
    assert state(found) == "failed"
    assert not found.verified


@pytest.mark.parametrize(
    "scorer",
    [
        "candid",
        "not-candid",
        {"type": "candid", "transform": "output.trim()"},
        {"type": "assert-set", "assert": [{"type": "lacking"}, {"type": "candid"}]},
        {"type": "assertions", "assert": [{"type": "candid"}]},
    ],
    ids=str,
)
def test_grades_of_a_scorer_that_says_so_are_left_out_and_that_is_told(tmp_path: Path, scorer: Any) -> None:
    found = verified(tmp_path, scorer)
    assert state(found) == "skipped"
    assert found.verified
    assert any("it says of itself that it may give the same answer another grade" in n for n in found.notes)


def test_one_of_several_makes_the_whole_so(tmp_path: Path) -> None:
    both = [{"type": "lacking", "weight": 1}, {"type": "candid", "weight": 1}]
    assert state(verified(tmp_path, *both)) == "skipped"


def test_the_assertions_of_a_case_count_too() -> None:
    cases = [Case(id="a", fields={"assert": [{"type": "candid"}]}), Case(id="b")]
    assert not deterministic(settled(make(Choice(type="assertions")), cases))
    assert deterministic(settled(make(Choice(type="assertions")), cases[1:]))


def test_the_contract_asks_for_equal_grades_of_the_deterministic_only() -> None:
    case = Case(reference="4")
    check_scorer(Lacking(), right="4", wrong="5", case=case)
    with pytest.raises(AssertionError):
        check_scorer(Moody(), right="4", wrong="5", case=case)
