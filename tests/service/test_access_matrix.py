"""Who may do what: every route, with every kind of key, and with the things of another project.

A route that is not in `route_table` fails here: whoever adds one says who may call it.
"""

import json
import re
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from tests.service.folders import contents
from tests.service.live import Answer, live, spec_of
from tests.service.planting import MARK, Keyed, plant
from tests.service.route_table import TABLE, Right

from bakeoff.server.access import RIGHTS, Role
from bakeoff.server.http.app import create_app
from bakeoff.server.http.gate import OPEN
from bakeoff.server.service import Service
from bakeoff.server.settings import Settings
from bakeoff.server.store.tables import KEYS
from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(300)
ROLES: tuple[Role, ...] = ("viewer", "engineer", "modelops", "admin")
NOTHING = "nothing-there"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path."""

    method: str
    path: str

    @property
    def row(self) -> str:
        """Return the row of the table that this is."""
        return f"{self.method} {re.sub(r'{[^}]*}', '{}', self.path)}"

    def filled(self, *parts: str) -> str:
        """Return the path with values in place of its parameters; the last one again where there are more."""
        given = iter((*parts, *[parts[-1] if parts else NOTHING] * 9))
        return re.sub(r"{[^}]*}", lambda _: next(given), self.path)

    @property
    def parameters(self) -> int:
        """Count what is to be filled in."""
        return self.path.count("{")


def routes_of(app: FastAPI) -> list[Route]:
    found: list[Route] = []
    for each in iter_route_contexts(app.routes):
        methods = sorted(set(each.methods or {"ANY"}) - {"HEAD", "OPTIONS"})
        found += [Route(method=method, path=str(each.path)) for method in methods]
    return found


def app_of(folder: Path) -> FastAPI:
    return create_app(Service(Settings(data=folder)))


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[Route]:
    return routes_of(app_of(tmp_path_factory.mktemp("routes")))


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Generator[Keyed]:
    settings = Settings(data=tmp_path_factory.mktemp("matrix"), workers=1, keys_required=True)
    with live(settings) as running:
        made = running.service.keys
        keys = {role: made.create(f"{role}-of-{MARK}", role, project="north")[1] for role in ROLES}
        keys |= {name: made.create(name, "admin", project=name)[1] for name in ("south", "east")}
        keys["expired"] = made.create("expired", "admin", project="north", seconds=0.000001)[1]
        revoked, keys["revoked"] = made.create("revoked", "admin", project="north")
        made.revoke(revoked.id, project="north")
        keys["wrong"] = keys["admin"][:-1] + ("a" if keys["admin"][-1] != "a" else "b")
        keys["hash"] = _hash_of_a_key(running.service)
        yield Keyed(live=running, keys=keys)


def _hash_of_a_key(service: Service) -> str:
    with service.database.read() as connection:
        return str(connection.execute(sa.select(KEYS.c.hash).limit(1)).scalar_one())


def test_every_route_is_in_the_table_and_every_row_is_a_route(routes: list[Route]):
    there = {route.row for route in routes} | {"POST /mcp"}
    assert sorted(there - TABLE.keys()) == [], "say in route_table who may call these"
    assert sorted(TABLE.keys() - there) == [], "these are in route_table, and not in the service"


def test_what_needs_no_key_says_nothing(routes: list[Route]):
    assert {row for row, right in TABLE.items() if right == "open"} == {
        route.row for route in routes if route.path in OPEN and route.method == "GET"
    }


def may(role: Role, right: Right) -> bool:
    return right in {"open", "any"} or right in RIGHTS[role]


def own_form(path: str, body: Any, status: int) -> bool:
    """Tell whether an error has the form of the dialect of its path."""
    if path.startswith(("/api/v1/evaluations", "/api/v1/health")):
        return body["message_code"] == {401: "unauthorized", 403: "forbidden"}[status]
    if path.startswith(
        ("/api/v1/", "/healthz", "/readyz", "/metrics", "/openapi", "/docs", "/redoc", "/mcp")
    ):
        return body["error"]["kind"] == {401: "NotKnown", 403: "Forbidden"}[status]
    if path.startswith(("/v1/evals", "/v1/files", "/evals", "/files")):
        return body["error"]["code"] == {401: "invalid_api_key", 403: "insufficient_permissions"}[status]
    if path.startswith(("/v1/evaluation/", "/v2/evaluation/", "/health")):
        return isinstance(body["detail"], str)
    return isinstance(body["error"]["message"], str)


@pytest.mark.parametrize("who", [None, "wrong", "expired", "revoked", "hash"])
def test_without_a_good_key_there_is_nothing_but_health(keyed: Keyed, routes: list[Route], who: str | None):
    for at, route in enumerate(routes):
        # From an address of its own each: wrong keys from one are slowed down.
        address = f"192.0.2.{at % 250}"
        if TABLE[route.row] == "open":
            assert keyed.call(who, route.method, route.path).status in {200, 503}, route
            continue
        answer = keyed.call(who, route.method, route.filled(), {}, X_Forwarded_For=address)
        assert answer.status == 401, (route, answer.status)
        assert own_form(route.path, answer.json, 401), (route, answer.body)
        assert answer.headers["www-authenticate"] == "Bearer"
    for path in ("/mcp", "/no/such/path", "/healthz/", "/healthz/..", "//healthz", "/HEALTHZ"):
        assert keyed.call(who, "POST", path, {}, X_Forwarded_For="192.0.2.251").status == 401, path


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_the_table_says_and_nothing_else(keyed: Keyed, routes: list[Route], role: Role):
    refused = 0
    for route in routes:
        allowed = may(role, TABLE[route.row])
        answer = keyed.call(role, route.method, route.filled(), None if route.method == "GET" else {})
        if allowed:
            assert answer.status not in {401, 403}, (route, answer.body)
            assert answer.status < 500 or answer.status == 501 or route.path == "/readyz", (
                route,
                answer.body,
            )
        else:
            refused += 1
            assert answer.status == 403, (route, answer.status, answer.body)
            assert own_form(route.path, answer.json, 403), (route, answer.body)
    assert (refused > 0) == (role != "admin")


def test_a_key_may_stand_in_either_header(keyed: Keyed):
    assert keyed.call(None, "GET", "/api/v1/runs", x_api_key=keyed.keys["viewer"]).status == 200
    basic = f"Basic {keyed.keys['viewer']}"
    assert keyed.call(None, "GET", "/api/v1/runs", authorization=basic).status == 401
    assert keyed.call(None, "GET", f"/api/v1/runs?api_key={keyed.keys['viewer']}").status == 401


@pytest.mark.parametrize("host", ["x/healthz?", "x/healthz#", "x/v1/health?", "x@y/healthz?"])
def test_the_host_of_a_call_opens_no_path(keyed: Keyed, host: str):
    answer = keyed.call(None, "GET", "/metrics", host=host)
    assert answer.status in {400, 401}


# What is another project's. Each of these is made by the administrator of `north`, with MARK in its names.


@pytest.fixture(scope="module")
def things(keyed: Keyed, endpoint: TruthProcess, routes: list[Route]) -> dict[str, tuple[str, ...]]:
    """Return for every route with parameters what of `north` to fill in."""
    ids = plant(keyed, endpoint)
    found: dict[str, tuple[str, ...]] = {}
    for route in routes:
        if route.parameters:
            filled = next(
                (ids[start] for start in sorted(ids, key=len, reverse=True) if start in route.path), None
            )
            assert filled is not None, f"nothing of `north` is planted for {route}"
            found[f"{route.method} {route.path}"] = filled
    return found


PUTS = re.compile(r"^PUT /api/v1/(datasets|targets|benchmarks)/")
"""What makes a thing of one's own, whatever others have."""
NOT_A_THING = re.compile(r"^/api/v1/plugins/|^(/v1|/v1alpha|/v1beta)?(/admin)?/providers/")
"""What belongs to the server and not to a project."""
NEEDS = {"GET /api/v1/runs/{}/export": "?format=csv"}
"""What a call needs beside its path."""


def test_another_projects_things_are_as_if_they_were_not_there(
    keyed: Keyed, routes: list[Route], things: dict[str, tuple[str, ...]]
):
    seen = 0
    for route in routes:
        filled = things.get(f"{route.method} {route.path}")
        if filled is None or PUTS.match(f"{route.method} {route.path}") or NOT_A_THING.match(route.path):
            continue
        body, more = None if route.method in {"GET", "DELETE"} else {}, NEEDS.get(route.row, "")
        if route.method == "GET":
            mine = keyed.call("admin", "GET", route.filled(*filled) + more)
            assert mine.status in {200, 400, 409}, (route, mine.status, mine.body)
            seen += mine.status == 200
        theirs = keyed.call("south", route.method, route.filled(*filled) + more, body)
        missing = keyed.call(
            "south",
            route.method,
            route.filled(*(each if each == "0" else NOTHING for each in filled)) + more,
            body,
        )
        assert theirs.status in {400, 404, 422}, (route, theirs.status, theirs.body)
        assert theirs.status == missing.status, (route, theirs.body, missing.body)
        assert neutral(theirs, filled) == neutral(missing, (NOTHING,)), route
    assert seen > 100
    for route in routes:
        filled = things.get(f"{route.method} {route.path}")
        if route.method == "GET" and filled is not None:
            again = keyed.call("admin", "GET", route.filled(*filled) + NEEDS.get(route.row, ""))
            assert again.status in {200, 400, 409}, (route, "was changed by another project")


def neutral(answer: Answer, filled: Iterable[str]) -> str:
    """Return an answer without the ids that were asked for, and those of the call."""
    text = answer.body.decode()
    for each in (each for each in filled if each != "0"):
        text = text.replace(each, "…")
    ident = {name.lower(): value for name, value in answer.headers.items()}["x-request-id"]
    return text.replace(ident, "…")


def needles(things: dict[str, tuple[str, ...]]) -> set[str]:
    """Return the names and ids that nobody else can have by chance."""
    return {
        each
        for filled in things.values()
        for each in filled
        if MARK in each or re.search(r"[0-9a-f]{12}", each)
    }


def lists_of(routes: list[Route]) -> Iterator[Route]:
    for route in routes:
        # The audit log holds the paths that a project itself has called.
        left_out = TABLE[route.row] in {"open", "any"} or route.path == "/api/v1/audit"
        if route.method == "GET" and not route.parameters and not left_out:
            yield route


def test_no_list_and_no_count_tells_of_another_project(
    keyed: Keyed, routes: list[Route], things: dict[str, tuple[str, ...]]
):
    ids = needles(things)
    telling = 0
    for route in lists_of(routes):
        mine = keyed.call("admin", "GET", route.path).body.decode()
        theirs = keyed.call("south", "GET", route.path)
        assert theirs.status in {200, 400}, (route, theirs.body)
        told = theirs.body.decode()
        telling += any(each in mine for each in ids)
        assert MARK not in told, route
        assert "north" not in told, route
        assert not [each for each in ids if each in told], route
        # The server has providers and collections of its own, which all see.
        if not route.path.endswith(("/metrics", "/providers", "/collections")):
            for key in ("total", "total_count", "total_results"):
                found = re.findall(rf'"{key}": ?(\d+)', told)
                assert set(found) <= {"0"}, (route, told[:300])
    assert telling > 5


def test_figures_count_the_jobs_of_the_callers_project_alone(
    keyed: Keyed, things: dict[str, tuple[str, ...]]
):
    del things
    mine, theirs = (keyed.call(who, "GET", "/metrics").body.decode() for who in ("viewer", "south"))
    assert re.search(r'bakeoff_jobs{state="completed"} [1-9]', mine)
    assert not re.search(r"bakeoff_jobs{[^}]*} [1-9]", theirs)


def test_names_of_another_project_lead_nowhere(
    keyed: Keyed, endpoint: TruthProcess, things: dict[str, tuple[str, ...]]
):
    run = things["GET /api/v1/runs/{run}"][0]
    spec = spec_of(endpoint, requests=1)
    calls: list[tuple[str, str, object]] = [
        ("POST", "/api/v1/runs", {"spec": {**spec, "models": [MARK]}}),
        ("POST", "/api/v1/runs", {"spec": {**spec, "models": [MARK[:-1]]}}),
        ("POST", "/api/v1/runs", {"spec": {**spec, "benchmarks": [MARK]}}),
        ("POST", "/api/v1/runs", {"spec": spec_of(endpoint, dataset={"type": "stored", "name": MARK})}),
        ("POST", "/api/v1/specs/validate", {"spec": {**spec, "models": [MARK[:-1]]}}),
        ("POST", "/api/v1/compare", {"runs": [run, run]}),
        ("POST", "/api/v1/compare", {"a": run, "b": run}),
        ("GET", f"/api/v1/runs?after={run}", None),
    ]
    for method, path, body in calls:
        answer = keyed.call("south", method, path, body)
        told = answer.body.decode().replace(f"'{MARK}'", "").replace(f"`{MARK}`", "")
        assert answer.status in {200, 400, 404, 422}, (path, answer.body)
        assert answer.status != 200 or not answer.json.get("valid", False), (path, answer.body)
        if isinstance(body, dict) and MARK[:-1] in json.dumps(body) and MARK not in json.dumps(body):
            assert MARK not in told, (path, body, told)


def test_an_idempotency_key_is_a_projects_own(
    keyed: Keyed, endpoint: TruthProcess, things: dict[str, tuple[str, ...]]
):
    body = {"spec": {**spec_of(endpoint, requests=4), "name": MARK}, "labels": {"team": MARK}}
    theirs = keyed.call("east", "POST", "/api/v1/runs", body, Idempotency_Key="shared")
    mine = keyed.call("admin", "POST", "/api/v1/runs", body, Idempotency_Key="shared")
    assert (theirs.status, mine.status) == (202, 200)
    assert mine.json["id"] == things["GET /api/v1/runs/{run}"][0] != theirs.json["id"]
    keyed.call("east", "POST", f"/api/v1/runs/{theirs.json['id']}/cancel")


@pytest.mark.parametrize("header", ["X-Tenant", "X-Project", "X-Tenant-ID", "OpenAI-Project", "X-User"])
def test_no_header_chooses_a_project(
    keyed: Keyed, routes: list[Route], things: dict[str, tuple[str, ...]], header: str
):
    ids = needles(things)
    for route in lists_of(routes):
        answer = keyed.call("south", "GET", route.path, **{header.replace("-", "_"): "north"})
        told = answer.body.decode()
        assert not [each for each in ids if each in told], (route, header)


def test_a_key_cannot_be_made_for_another_project_nor_revoked_there(keyed: Keyed):
    made = keyed.call("south", "POST", "/api/v1/keys", {"name": "x", "role": "admin", "project": "north"})
    assert made.status == 422
    other = keyed.call("admin", "GET", "/api/v1/keys").json["data"][0]["id"]
    assert keyed.call("south", "DELETE", f"/api/v1/keys/{other}").status == 404
    assert keyed.call("viewer", "GET", "/api/v1/runs").status == 200


def test_a_key_is_told_once_and_never_stored(keyed: Keyed):
    made = keyed.call("south", "POST", "/api/v1/keys", {"name": "once", "role": "viewer"})
    secret = made.json["secret"]
    assert secret not in keyed.call("south", "GET", "/api/v1/keys").body.decode()
    for path, content in contents(keyed.live.service.settings.data):
        assert secret.encode() not in content, path


def test_every_change_stands_in_the_audit_log_also_a_refused_one(keyed: Keyed):
    keyed.call("south", "DELETE", "/api/v1/runs/not-there-at-all")
    keyed.call("viewer", "DELETE", "/api/v1/runs/refused-for-its-role")
    keyed.call("admin", "DELETE", "/api/v1/runs/not-there-at-all")
    keyed.call("admin", "GET", "/api/v1/runs/only-looked-at")
    keyed.call("wrong", "DELETE", "/api/v1/runs/by-nobody-known")
    lines = keyed.call("admin", "GET", "/api/v1/audit?limit=1000").json["data"]
    told = {line["path"]: line for line in lines}
    assert told["/api/v1/runs/refused-for-its-role"]["status"] == 403
    assert told["/api/v1/runs/not-there-at-all"]["status"] == 404
    assert "viewer" in told["/api/v1/runs/refused-for-its-role"]["who"]
    assert "/api/v1/runs/only-looked-at" not in told
    # Whose it would be is not known, so it is nobody's: the one who runs the server finds it in the database.
    assert "/api/v1/runs/by-nobody-known" not in told
    with keyed.live.service.database.read() as connection:
        query = sa.text("select status, who, project from audit where path = '/api/v1/runs/by-nobody-known'")
        assert [tuple(row) for row in connection.execute(query)] == [(401, "nobody known", "")]
    assert not any(secret in str(lines) for secret in keyed.keys.values())
    theirs = keyed.call("south", "GET", "/api/v1/audit?limit=1000").json["data"]
    assert {line["who"].split()[0] for line in theirs} == {"south"}
    assert {line["who"].split()[0] for line in lines} <= {f"{role}-of-{MARK}" for role in ROLES}


def test_a_key_that_calls_too_often_is_told_to_wait(tmp_path: Path):
    with live(Settings(data=tmp_path / "s", workers=0, keys_required=True, rate=5)) as running:
        keys = {name: running.service.keys.create(name, "viewer")[1] for name in ("busy", "calm")}
        keyed = Keyed(live=running, keys=keys)
        answers = [keyed.call("busy", "GET", "/api/v1/runs") for _ in range(7)]
        assert [each.status for each in answers][:5] == [200] * 5
        assert answers[-1].status == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert keyed.call("calm", "GET", "/api/v1/runs").status == 200
        assert keyed.call("busy", "GET", "/healthz").status == 200
