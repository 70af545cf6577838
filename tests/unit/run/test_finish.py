"""Exit codes, and cases as a report shows them."""

import gc

import pytest
from tests.unit.run.stored_runs import write_run

from bakeoff.errors import StoreError
from bakeoff.records import Case, Message, Results, TargetResult, Verdict
from bakeoff.run.environment import environment
from bakeoff.run.finish import Finished, _case_text, make_results
from bakeoff.run.stored import load_stored


def finished(tmp_path, state: str, errors: int = 0) -> Finished:
    target = TargetResult(
        name="t", model="m", engine=None, metrics={}, outcomes={"b": {"ok": 100 - errors, "error": errors}}
    )
    verdict = Verdict(state=state, choice=None, tied=[], sentence="S.")
    results = Results(run="r", name="n", plan_hash="h", targets=[target], comparisons=[], verdict=verdict)
    return Finished(folder=tmp_path, results=results, samples=100, files={})


@pytest.mark.parametrize(
    ("state", "errors", "gate", "allow", "code"),
    [
        ("pass", 0, True, False, 0),
        ("fail", 0, True, False, 3),
        ("fail", 0, False, False, 0),
        ("inconclusive", 0, True, False, 6),
        ("inconclusive", 0, False, False, 0),
        ("invalid", 0, False, False, 7),
        ("invalid", 9, True, False, 7),
        ("invalid", 0, False, True, 0),
        ("invalid", 0, True, True, 6),
        ("invalid", 9, False, True, 5),
        ("pass", 5, True, False, 0),
        ("pass", 6, True, False, 5),
        ("fail", 6, True, False, 5),
    ],
)
def test_the_exit_code_is_invalid_then_errors_then_the_gate(tmp_path, state, errors, gate, allow, code):
    run = finished(tmp_path, state, errors)
    assert run.exit_code(tolerance=0.05, gate=gate, allow_invalid=allow) == code


@pytest.mark.parametrize(
    ("case", "question", "reference"),
    [
        (None, "(the case is not stored with the run)", None),
        (Case(id="c", fields={"question": "Q", "input": "I"}, reference=4), "I", "4"),
        (Case(id="c", fields={"question": "Q"}), "Q", None),
        (Case(id="c", fields={"a": 1}, messages=(Message(role="user", content="hi"),)), "user: hi", None),
        (Case(id="c", fields={"a": 1, "input": ["no text"]}), '{"a":1,"input":["no text"]}', None),
    ],
)
def test_a_case_is_shown_as_it_was_asked(case, question, reference):
    shown = _case_text(case)
    assert (shown.question, shown.reference) == (question, reference)


def test_the_environment_says_what_a_reader_needs_to_compare_runs():
    facts = environment()
    assert facts["cores"] >= 1
    assert facts["memory_bytes"] > 0
    assert facts["bakeoff"]
    assert facts["msgspec"]
    assert "processor" in facts


def test_a_machine_that_does_not_tell_is_unknown_not_wrong(monkeypatch, tmp_path):
    def silent(_: str) -> int:
        raise ValueError("unknown name")

    monkeypatch.setattr("os.sysconf", silent)
    monkeypatch.setattr("bakeoff.run.environment.Path", lambda _: tmp_path / "nowhere")
    monkeypatch.setattr("bakeoff.run.environment._PACKAGES", ("no-such-package-of-anyone",))
    facts = environment()
    assert facts["memory_bytes"] is None
    assert facts["no-such-package-of-anyone"] is None
    assert isinstance(facts["processor"], str)


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(tmp_path, enabled):
    folder = write_run(tmp_path, cases=2)
    spec = load_stored(folder, {}, secrets_needed=False).spec
    try:
        if not enabled:
            gc.disable()
        assert make_results(folder, spec).targets
        assert gc.isenabled() is enabled
        (folder / "plan.json").unlink()
        with pytest.raises(StoreError):
            make_results(folder, spec)
        assert gc.isenabled() is enabled
    finally:
        gc.enable()
