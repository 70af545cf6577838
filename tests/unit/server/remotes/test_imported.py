"""What another NeMo server tells becomes an imported run, whatever it tells."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from bakeoff.run.finish import finish
from bakeoff.run.stored import load_stored
from bakeoff.server.nemo.imported import import_result, rows_of
from bakeoff.server.remotes.nemo import Remote
from bakeoff.server.remotes.steps import RESULT, Order, Steps

ORDER = Order(
    remote=Remote(url="http://nemo.example"),
    config={},
    target={},
    name="org/m ${HOME}",
    model="m {{x}} ${HOME}",
    endpoint="http://127.0.0.1/v1",
)
STEPS = Steps(began_at=1, submitted_at=1_700_000_000_000_000, job="eval-1")


def scored(value: Any, **stats: Any) -> dict[str, Any]:
    return {"metrics": {"m ${HOME}": {"scores": {"s": {"value": value, "stats": stats}}}}}


def imported(folder: Path, tasks: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    result = {"tasks": tasks, "groups": {}}
    (folder / RESULT).write_bytes(msgspec.json.encode(result))
    run = import_result(folder, folder / "runs", ORDER, STEPS)
    found = finish(run, load_stored(run, {}, secrets_needed=False).spec).results
    (target,) = found.targets
    assert target.name == "org-m-HOME"
    return result, found


@pytest.mark.parametrize("tasks", [{}, {"qa": {}}, {"qa": 3}, {"qa": scored("x")}, {"qa": scored(None)}])
def test_a_result_without_a_number_is_a_run_without_one(tmp_path: Path, tasks: dict[str, Any]):
    result, found = imported(tmp_path, tasks)
    assert rows_of(result) == 0
    assert found.verdict.state == "inconclusive"
    assert any("http://nemo.example as its job eval-1" in each for each in found.warnings)


def test_tasks_whose_names_become_one_stay_apart(tmp_path: Path):
    names = ["a/b", "a b", "a-b", "ü"]
    result, found = imported(tmp_path, {name: scored(0.5, count=at + 1) for at, name in enumerate(names)})
    assert rows_of(result) == 10
    metrics = found.targets[0].metrics
    told = {name: each.n for name, each in metrics.items() if name.endswith(".s")}
    assert told == {
        "a-b.m ${HOME}.s": 1,
        "a-b-2.m ${HOME}.s": 2,
        "a-b-2-2.m ${HOME}.s": 3,
        "task.m ${HOME}.s": 4,
    }


def test_a_share_has_its_interval_and_says_whose_number_it_is(tmp_path: Path):
    _, found = imported(tmp_path, {"qa": scored(0.5, count=4, sum=2, sum_squared=2, min=0, max=1)})
    told = found.targets[0].metrics["qa.m ${HOME}.s"]
    assert (told.value, told.n, told.unit) == (0.5, 4, "share")
    assert 0.1 < (told.low or 0) < 0.5 < (told.high or 0) < 0.9
    assert told.note == "as reported by nemo-evaluator; Wilson's interval"


def test_what_an_attempt_before_has_imported_is_not_imported_again(tmp_path: Path):
    imported(tmp_path, {"qa": scored(1.0, count=1)})
    (tmp_path / RESULT).unlink()
    first = import_result(tmp_path, tmp_path / "runs", ORDER, STEPS)
    assert [first] == list((tmp_path / "runs").iterdir())
    # A directory without a plan is none.
    (first / "plan.json").unlink()
    (tmp_path / RESULT).write_bytes(b'{"tasks": {}}')
    again = import_result(tmp_path, tmp_path / "runs", ORDER, STEPS)
    assert [again] == list((tmp_path / "runs").iterdir())
