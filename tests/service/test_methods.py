"""Methods that a path does not take: each answer says all that it takes, whichever routers they are in."""

from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path
from tests.service.live import live

from bakeoff.server.http.app import create_app
from bakeoff.server.service import Service
from bakeoff.server.settings import Settings

pytestmark = pytest.mark.timeout(120)
METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


def taken(folder: Path) -> dict[str, set[str]]:
    """Return a path for each route of the service, with the methods of all routes that match it."""
    routes = [
        (str(each.path), set(each.methods))
        for each in iter_route_contexts(create_app(Service(Settings(data=folder))).routes)
        if each.methods
    ]
    patterns = [(compile_path(path)[0], methods) for path, methods in routes]
    found: dict[str, set[str]] = {}
    for path, _ in routes:
        regex, form, converters = compile_path(path)
        filled = form.format(**dict.fromkeys(converters, "nothing-there"))
        assert regex.match(filled)
        found[filled] = set().union(*(methods for each, methods in patterns if each.match(filled)))
    return found


def test_a_method_that_is_not_taken_is_answered_with_all_that_are(tmp_path: Path):
    paths = taken(tmp_path / "routes")
    told: dict[str, tuple[int, set[str]]] = {}
    asked: dict[str, tuple[int, set[str]]] = {}
    with live(Settings(data=tmp_path / "service", workers=0)) as running:
        for path, methods in paths.items():
            wrong = next((each for each in METHODS if each not in methods), None)
            if wrong is None:
                continue
            answer = running.call(wrong, path)
            allow = {name.lower(): value for name, value in answer.headers.items()}.get("allow", "")
            told[path] = (answer.status, set(allow.split(", ")))
            asked[path] = (405, methods)
    assert told == asked
    assert len(told) > 100
    assert told["/v1/evals"] == (405, {"GET", "POST"})
