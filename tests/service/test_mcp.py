"""Tools for agents, called by the SDK's own client: over HTTP with and without keys, and over stdio."""

import os
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from click.testing import CliRunner
from tests.service.live import WAIT_S, Live, live, spec_of

from bakeoff.cli._mcp import check_mcp
from bakeoff.cli.mcp import command
from bakeoff.errors import PluginError
from bakeoff.server.access import Role
from bakeoff.server.settings import Settings
from bakeoff.testing.truth import TruthProcess

httpx2 = pytest.importorskip("httpx2", reason="needs mcp")
clients = pytest.importorskip("mcp.client.client", reason="needs mcp")
stdio = pytest.importorskip("mcp.client.stdio", reason="needs mcp")
transports = pytest.importorskip("mcp.client.streamable_http", reason="needs mcp")

pytestmark = pytest.mark.timeout(120)

TOOLS = {"list_runs", "plan", "start_run", "run_status", "verdict", "compare", "cancel_run"}
LOOKS = {"list_runs", "plan", "run_status", "verdict", "compare"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    with live(Settings(data=tmp_path_factory.mktemp("service"), workers=1, mcp=True)) as running:
        yield running


@asynccontextmanager
async def agent(service: Live, *, mode: str = "auto") -> AsyncGenerator[Any]:
    headers = {} if service.key is None else {"Authorization": f"Bearer {service.key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=WAIT_S) as http:
        transport = transports.streamable_http_client(f"{service.url}/mcp", http_client=http)
        async with clients.Client(transport, mode=mode) as client:
            yield client


def asked(service: Live, work: Callable[[Any], Awaitable[Any]], *, mode: str = "auto") -> Any:
    async def go() -> Any:
        async with agent(service, mode=mode) as client:
            return await work(client)

    return anyio.run(go)


async def call(client: Any, tool: str, **arguments: Any) -> Any:
    found = await client.call_tool(tool, arguments)
    assert not found.is_error, found.content
    return found.structured_content


async def refusal(client: Any, tool: str, **arguments: Any) -> str:
    found = await client.call_tool(tool, arguments)
    assert found.is_error
    return str(found.content[0].text)


async def ended(client: Any, run: str) -> Any:
    end = time.monotonic() + WAIT_S
    while (found := await call(client, "run_status", run=run))["state"] in {"queued", "running"}:
        assert time.monotonic() < end
        await anyio.sleep(0.05)
    return found


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_agent_finds_the_tools_in_both_forms_of_the_protocol(service: Live, mode: str):
    async def work(client: Any) -> None:
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == TOOLS
        assert {tool.name for tool in tools if tool.annotations.read_only_hint} == LOOKS
        assert all(tool.description and tool.output_schema for tool in tools)
        assert "verdict" in client.instructions

    asked(service, work, mode=mode)


def test_an_agent_plans_starts_follows_and_reads_a_verdict(service: Live, endpoint: TruthProcess):
    async def work(client: Any) -> None:
        spec = spec_of(endpoint, requests=6)
        plan = await call(client, "plan", spec=spec)
        assert (plan["targets"], plan["requests"]) == (
            ["m"],
            sum(each["requests"] for each in plan["stages"]),
        )
        before = (await call(client, "list_runs"))["total"]
        started = await call(
            client, "start_run", spec=spec, limits={"requests": 500}, idempotency_key="agent", name="mine"
        )
        again = await call(
            client, "start_run", spec=spec, limits={"requests": 500}, idempotency_key="agent", name="mine"
        )
        assert (again["id"], started["limits"]["requests"]) == (started["id"], 500)
        done = await ended(client, started["id"])
        assert (done["state"], done["progress"]["done"]) == ("completed", plan["requests"])
        verdict = await call(client, "verdict", run=started["id"])
        assert verdict["verdict"]["sentence"] == done["outcome"]["sentence"]
        assert verdict["targets"]["m"]["facts.accuracy"]["n"] == 6
        listed = await call(client, "list_runs", name="mine", state=["completed"], limit=1)
        assert (listed["total"], listed["data"][0]["labels"]) == (1, {"by": "mcp"})
        assert (await call(client, "list_runs"))["total"] == before + 1

    asked(service, work)


def test_an_agent_compares_runs_and_cancels_one(service: Live, endpoint: TruthProcess):
    async def work(client: Any) -> None:
        spec = spec_of(endpoint, requests=6)
        spec["models"].append({"name": "other", "endpoint": endpoint.url, "model": "other"})
        run = (await call(client, "start_run", spec=spec))["id"]
        assert (await ended(client, run))["state"] == "completed"
        compared = await call(client, "compare", runs=[run])
        assert {target["name"] for target in compared["targets"]} == {"m", "other"}
        assert "facts.accuracy" in {each["metric"] for each in compared["comparisons"]}
        assert "nobody" in await refusal(client, "compare", runs=[run], against="nobody")
        long = (await call(client, "start_run", spec=spec_of(endpoint, requests=100_000)))["id"]
        await call(client, "cancel_run", run=long)
        end = time.monotonic() + WAIT_S
        while (await call(client, "run_status", run=long))["state"] != "cancelled":
            assert time.monotonic() < end
            await anyio.sleep(0.05)

    asked(service, work)


def test_mistakes_come_back_as_words_that_help(service: Live, endpoint: TruthProcess):
    async def work(client: Any) -> None:
        assert "job-none" in await refusal(client, "run_status", run="job-none")
        spec = spec_of(endpoint)
        spec["benchmarks"][0]["scorer"] = []
        assert "scorers" in await refusal(client, "plan", spec=spec)
        away = {
            **spec_of(endpoint),
            "models": [{"name": "m", "endpoint": "http://192.0.2.1/v1", "model": "m"}],
        }
        assert "--allow-endpoint" in await refusal(client, "start_run", spec=away)
        assert "limit" in await refusal(client, "list_runs", limit=0)
        with pytest.raises(Exception, match="`states` is no argument"):
            await client.call_tool("list_runs", {"states": ["queued"]})

    asked(service, work)


def test_a_page_of_the_web_cannot_reach_tools_that_need_no_key(service: Live):
    sent = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accept = {"Accept": "application/json, text/event-stream"}
    assert service.call("POST", "/mcp", sent, headers=accept).status == 200
    assert (
        service.call("POST", "/mcp", sent, headers=accept | {"Origin": "https://example.com"}).status == 403
    )
    assert service.call("POST", "/mcp", sent, headers=accept | {"Host": "example.com"}).status == 421


def test_an_agent_has_the_rights_and_the_project_of_its_key(tmp_path: Path, endpoint: TruthProcess):
    settings = Settings(data=tmp_path, workers=0, mcp=True, keys_required=True)
    with live(settings) as running:

        def key(role: Role, project: str) -> str:
            return running.service.keys.create(role, role, project=project)[1]

        async def start(client: Any) -> Any:
            return (await call(client, "start_run", spec=spec_of(endpoint)))["id"]

        running.key = key("engineer", "blue")
        run = asked(running, start)

        async def look(client: Any) -> None:
            assert (await call(client, "run_status", run=run))["owner"] == "engineer"
            for tool, arguments in (
                ("plan", {"spec": spec_of(endpoint)}),
                ("start_run", {"spec": spec_of(endpoint)}),
                ("cancel_run", {"run": run}),
            ):
                assert "no right to run" in await refusal(client, tool, **arguments)

        running.key = key("viewer", "blue")
        asked(running, look)

        async def look_elsewhere(client: Any) -> None:
            assert (await call(client, "list_runs"))["total"] == 0
            for tool in ("run_status", "verdict", "cancel_run"):
                assert "not found" in await refusal(client, tool, run=run)
            assert "not found" in await refusal(client, "compare", runs=[run])

        running.key = key("admin", "red")
        asked(running, look_elsewhere)
        running.key = None
        answer = running.call("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_server_offers_no_tools_unless_it_was_told_to(tmp_path: Path):
    with live(Settings(data=tmp_path, workers=0)) as running:
        assert running.call("POST", "/mcp", {}).status in {404, 405}


def test_an_agent_starts_the_tools_by_a_command(tmp_path: Path, endpoint: TruthProcess):
    arguments = ["-m", "bakeoff", "mcp", "--data", str(tmp_path / "service")]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}

    async def work() -> None:
        parameters = stdio.StdioServerParameters(command=sys.executable, args=arguments, env=environment)
        async with clients.Client(stdio.stdio_client(parameters)) as client:
            run = (await call(client, "start_run", spec=spec_of(endpoint, requests=4)))["id"]
            assert (await ended(client, run))["state"] == "completed"
            assert (await call(client, "verdict", run=run))["targets"]["m"]["facts.accuracy"]["n"] == 4

    anyio.run(work)


def test_a_viewer_that_starts_the_tools_may_only_look(tmp_path: Path, endpoint: TruthProcess):
    arguments = ["-m", "bakeoff", "mcp", "--role", "viewer", "--workers", "0", "--data", str(tmp_path)]

    async def work() -> None:
        parameters = stdio.StdioServerParameters(command=sys.executable, args=arguments)
        async with clients.Client(stdio.stdio_client(parameters)) as client:
            assert (await call(client, "list_runs"))["total"] == 0
            assert "no right" in await refusal(client, "start_run", spec=spec_of(endpoint))

    anyio.run(work)


def test_without_its_package_the_command_names_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(PluginError) as caught:
        check_mcp()
    assert "pip install -c constraints.txt '.[server,mcp]'" in caught.value.hint
    found = CliRunner().invoke(command, [])
    assert isinstance(found.exception, PluginError)


def test_there_is_nothing_to_listen_to_between_calls(service: Live):
    for method in ("GET", "DELETE"):
        answer = service.call(method, "/mcp")
        assert (answer.status, answer.headers["allow"], answer.json["error"]["kind"]) == (
            405,
            "POST",
            "Method",
        )
