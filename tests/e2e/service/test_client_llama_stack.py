"""The real Llama Stack clients, three releases of them, against a running service."""

import functools
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.e2e.service.live import RIGHT, SHARE, SUMS, Service, many_rows, rows

ROOT = Path(__file__).parents[3]
CLIENTS = ROOT / ".venv-clients"
# The release in the environment itself, then those beside it.
RELEASES = ("0.2.12", "0.3.5", "0.7.5")

pytestmark = pytest.mark.timeout(120)


def folder(release: str) -> str:
    """Return what has to stand first in PYTHONPATH for a release."""
    if release == RELEASES[0]:
        if importlib.util.find_spec("llama_stack_client") is None:
            pytest.skip("needs llama-stack-client")
        return ""
    found = CLIENTS / f"llama-stack-client-{release}"
    if not found.is_dir():
        pytest.skip(f"needs llama-stack-client {release}: scripts/test-deps.sh gets it")
    return str(found)


@functools.cache
def session(release: str, service: Service) -> Any:
    """Return what the client of a release says; the random order of tests must not repeat it."""
    environment = os.environ | {"PYTHONPATH": folder(release), "TAG": release}
    if service.key is not None:
        environment["LLAMA_STACK_CLIENT_API_KEY"] = environment["LLAMA_STACK_API_KEY"] = service.key
    script = Path(__file__).with_name("llama_stack_session.py")
    done = subprocess.run(
        [sys.executable, script, service.url, service.model, service.slow],
        input=msgspec.json.encode({"rows": rows(), "many": many_rows()}),
        capture_output=True,
        env=environment,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    found = msgspec.json.decode(done.stdout)
    assert found["about"]["client"] == release
    return found


@pytest.fixture(params=RELEASES)
def told(request: pytest.FixtureRequest, service: Service) -> Any:
    return session(request.param, service)


def test_the_client_is_told_who_is_there(told: Any, service: Service) -> None:
    about = told["about"]
    assert about["health"] == "OK"
    assert about["version"]
    assert {service.model, service.slow} <= set(about["models"])
    assert about["providers"]
    assert any(route.endswith("/eval/benchmarks") for route in about["routes"])


def test_datasets_are_kept_paged_and_dropped_by_names_with_slashes(told: Any) -> None:
    found = told["datasets"]
    assert found["made"] == found["retrieved"] == found["name"]
    assert found["listed"]
    assert found["page"] == rows()[1:3]
    assert (found["more"], found["last"]) == (True, False)
    assert found["all"] == len(SUMS)
    assert found.get("appended", len(SUMS) + 1) == len(SUMS) + 1
    assert found["dropped"]


def test_a_run_ends_in_real_scores_for_every_row(told: Any) -> None:
    run = told["run"]
    name, dataset, functions, kind = run["benchmark"]
    assert name == dataset
    assert functions == ["basic::equality", "basic::subset_of"]
    assert kind == "benchmark"
    assert run["listed"]
    assert run["begun"] in {"scheduled", "in_progress", "completed"}
    assert run["ended"] == "completed"
    assert [one["generated_answer"] for one in run["result"]["generations"]] == [said for *_, said in SUMS]
    equality = run["result"]["scores"]["basic::equality"]
    assert [one["score"] for one in equality["score_rows"]] == [1.0, 1.0, 1.0, 0.0]
    accuracy = equality["aggregated_results"]["accuracy"]
    assert accuracy == {"accuracy": SHARE, "num_correct": RIGHT, "num_total": len(SUMS)}
    assert set(run["result"]["scores"]) == {"basic::equality", "basic::subset_of"}


def test_num_examples_limits_a_run_and_its_absence_does_not(told: Any) -> None:
    few = told["run"]["few"]
    assert [one["generated_answer"] for one in few["generations"]] == ["5", "3"]
    assert few["scores"]["basic::equality"]["aggregated_results"]["accuracy"]["num_total"] == 2
    assert len(told["run"]["result"]["generations"]) == len(SUMS)


def test_rows_are_evaluated_at_once(told: Any) -> None:
    found = told["run"]["rows"]
    assert [one["generated_answer"] for one in found["generations"]] == ["42", "9"]
    assert [one["score"] for one in found["scores"]["basic::equality"]["score_rows"]] == [1.0, 0.0]


def test_a_cancelled_run_says_so(told: Any) -> None:
    assert told["cancel"] == {"said": None, "ended": "cancelled"}


def test_answers_are_scored_by_rule_and_by_a_judge(told: Any) -> None:
    scoring = told["scoring"]
    rules = scoring["rules"]
    assert [one["score"] for one in rules["basic::equality"]["score_rows"]] == [1.0, 0.0]
    assert [one["score"] for one in rules["basic::subset_of"]["score_rows"]] == [1.0, 1.0]
    judge = scoring["judge"]["llm-as-judge::base"]
    assert [one["score"] for one in judge["score_rows"]] == [6, 11]
    assert judge["aggregated_results"]["average"] == {"average": 8.5}
    assert scoring["batch"]["basic::equality"]["aggregated_results"]["accuracy"]["accuracy"] == 0.5


def test_scoring_functions_are_listed_with_their_parameters(told: Any) -> None:
    scoring = told["scoring"]
    assert {"basic::equality", "basic::subset_of", "llm-as-judge::base"} <= set(scoring["functions"])
    function = scoring["function"]
    assert function["identifier"] == "basic::equality"
    assert function["type"] == "scoring_function"
    assert function["return_type"]["type"] == "number"
    assert function["params"]["aggregation_functions"] == ["accuracy"]


@pytest.mark.parametrize(
    ("mistake", "error", "status", "named"),
    [
        ("benchmark", "BadRequestError", 400, "no-such-benchmark"),
        ("dataset", "NotFoundError", 404, "no-such-dataset"),
        ("function", "NotFoundError", 404, "basic::no-such-function"),
        ("job", "NotFoundError", 404, "no-such-job"),
        ("candidate", "BadRequestError", 400, "eval_candidate"),
        ("agent", "BadRequestError", 400, "agent"),
        ("parameter", "BadRequestError", 400, "best_of"),
        ("model", "NotFoundError", 404, "no-such-model"),
        ("scorer", "BadRequestError", 400, "basic::no-such"),
    ],
)
def test_mistakes_are_typed_errors_that_name_them(
    told: Any, mistake: str, error: str, status: int, named: str
) -> None:
    found = told["errors"][mistake]
    assert found[:2] == [error, status]
    assert named in found[2]


def test_a_wrong_key_is_an_authentication_error(told: Any, service: Service) -> None:
    if service.key is None:
        pytest.skip("the service asks for no key")
    assert told["errors"]["key"][:2] == ["AuthenticationError", 401]
