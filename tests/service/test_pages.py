"""The pages about our own API say what is true: every route is listed, every example runs."""

import contextlib
import io
import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from tests.service.live import Live

from bakeoff.server.routes import OWN
from bakeoff.testing.truth import TruthProcess

pytestmark = pytest.mark.timeout(120)
DOCS = Path(__file__).parents[2] / "docs"


def test_every_route_of_ours_is_on_the_page_and_no_other():
    app = FastAPI()
    for router in OWN:
        app.include_router(router)
    routes = {
        f"{method} {str(each.path).replace(':path}', '}')}"
        for each in iter_route_contexts(app.routes)
        if str(each.path).startswith("/api/v1/")
        for method in set(each.methods or ()) - {"HEAD"}
    }
    text = (DOCS / "reference" / "rest-api.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `([A-Z]+ /\S+)` \|", text, flags=re.MULTILINE)
    assert sorted(told) == sorted(routes)


def test_the_examples_of_the_client_run(service: Live, endpoint: TruthProcess):
    text = (DOCS / "how-to" / "use-the-python-client.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 4
    code = "\n".join(blocks).replace("http://127.0.0.1:8600", service.url)
    code = code.replace("http://127.0.0.1:8000/v1", endpoint.url)
    names: dict[str, object] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, names)
    assert "['Did you mean `politeness`?']" in printed.getvalue()
    assert names["wrong"]
    assert "Run small" in printed.getvalue()
