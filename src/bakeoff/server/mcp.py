"""Tools for agents over the Model Context Protocol: what a person would do with runs, with the same rights.

Needs the package `mcp`. Every tool is a thin call of the service, in the name of the key that calls.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, cast

import msgspec
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, ToolAnnotations
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from bakeoff import __version__
from bakeoff.errors import BakeoffError
from bakeoff.plugins import suggest
from bakeoff.run.compare import compare_runs
from bakeoff.server.access import Principal, Right, Role
from bakeoff.server.http.bodies import sent_digest
from bakeoff.server.http.shown import Limits, RunList, RunShown, run_shown
from bakeoff.server.jobs.job import JobFilter, JobLimits, JobState, NewJob
from bakeoff.server.service import Service
from bakeoff.server.settings import Settings
from bakeoff.server.specs.references import resolved
from bakeoff.server.workers.processes import Workers

PATH = "/mcp"
Call = Context[Any, Any]
"""What the SDK tells a tool of its call; over HTTP that is the request, with whom the gate let in."""
_ABOUT = (
    "bakeoff measures which LLM to run. A run asks models the same questions under a known load and ends in "
    "a verdict with intervals. First `plan` a spec, which sends nothing; then `start_run`, which spends "
    "requests; poll `run_status` until the state is completed, failed or cancelled; read `verdict`. A "
    "verdict of `inconclusive` means that more cases are needed, not that the models are equal."
)
_LOOK = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
_ACT = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=True)
_END = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)

Ident = Annotated[str, Field(min_length=1, max_length=100, description="the id of a run, `job-…`")]
SpecBody = Annotated[
    dict[str, Any],
    Field(
        description="a bakeoff.yaml as JSON: `models` (each a mapping with `endpoint` and `model`, or the "
        "name of a registered target), `benchmarks` (each with `name`, `dataset` and `scorers`), and `decide`"
    ),
]


class PlannedStage(BaseModel):
    """A part of a plan: one benchmark for one target under one load."""

    benchmark: str
    target: str
    stage: str
    cases: int
    requests: int
    load: dict[str, Any]


class PlanShown(BaseModel):
    """What a run would do."""

    plan_hash: str
    targets: list[str]
    requests: int = Field(description="warm-up included")
    stages: list[PlannedStage]


class VerdictShown(BaseModel):
    """A verdict with the figures behind it; of a run that goes on, by what is stored so far."""

    run: str
    state: JobState
    verdict: dict[str, Any]
    targets: dict[str, dict[str, Any]] = Field(description="by target and metric: value, unit, n, interval")


class Compared(BaseModel):
    """Paired differences between all targets of some runs, over the cases that both answered."""

    targets: list[dict[str, Any]]
    comparisons: list[dict[str, Any]]
    flips: int = Field(description="cases that one target passed and another failed")
    warnings: list[str]


class Tools:
    """The tools of a service; `who` tells whose rights a call has."""

    def __init__(self, service: Service, who: Callable[[Call], Principal]) -> None:
        self._service = service
        self._who = who

    def list_runs(
        self,
        ctx: Call,
        state: Annotated[list[JobState] | None, Field(max_length=6)] = None,
        name: Annotated[str | None, Field(max_length=200)] = None,
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
        after: Annotated[str | None, Field(max_length=100)] = None,
    ) -> RunList:
        """List the project's runs, newest first; `next` of one page is `after` of the next."""
        caller = self._allowed(ctx, "read")
        wanted = JobFilter(states=tuple(state or ()), name=name)
        page = self._service.jobs.page(wanted, project=caller.project, limit=limit, after=after)
        return RunList(data=[run_shown(job) for job in page.jobs], total=page.total, next=page.next)

    def plan(self, ctx: Call, spec: SpecBody) -> PlanShown:
        """Check a spec and its data, and tell what a run would send. Nothing is sent or stored."""
        caller = self._allowed(ctx, "run")
        service = self._service
        new = NewJob(name="plan", document=spec)
        prepared = service.check(resolved(new, service.objects, service.files, project=caller.project))
        plan = prepared.plan
        stages = [
            PlannedStage(
                benchmark=stage.benchmark,
                target=stage.target,
                stage=stage.name,
                cases=len(set(stage.cases)),
                requests=stage.requests,
                load=stage.load,
            )
            for stage in plan.stages
        ]
        return PlanShown(
            plan_hash=plan.hash,
            targets=[target.name for target in plan.targets],
            requests=sum(stage.requests for stage in stages),
            stages=stages,
        )

    def start_run(
        self,
        ctx: Call,
        spec: SpecBody,
        name: Annotated[str | None, Field(min_length=1, max_length=200)] = None,
        limits: Annotated[Limits | None, Field(description="the run fails when it reaches one")] = None,
        idempotency_key: Annotated[
            str | None, Field(max_length=200, description="the same key gives the same run, not a second one")
        ] = None,
    ) -> RunShown:
        """Start a run. It asks the models in the spec, which may cost money: set `limits`."""
        caller = self._allowed(ctx, "run")
        asked = {"name": name, "limits": (limits or Limits()).model_dump(), "spec": spec}
        sent = sent_digest("start_run", "/mcp", msgspec.json.encode(asked, order="deterministic"))
        if (known := self._service.replay(idempotency_key, sent, caller)) is not None:
            return run_shown(known)
        new = NewJob(
            name=name or str(spec.get("name") or "run"),
            document=spec,
            limits=JobLimits(**(limits or Limits()).model_dump()),
            labels={"by": "mcp"},
            idempotency_key=idempotency_key,
            sent=sent,
        )
        return run_shown(self._service.submit(new, caller)[0])

    def run_status(self, ctx: Call, run: Ident) -> RunShown:
        """Tell a run's state and progress, and why it failed if it did."""
        caller = self._allowed(ctx, "read")
        return run_shown(self._service.jobs.get(run, project=caller.project))

    def verdict(self, ctx: Call, run: Ident) -> VerdictShown:
        """Return the verdict of a run and the estimates behind it, with their intervals."""
        caller = self._allowed(ctx, "read")
        job = self._service.jobs.get(run, project=caller.project)
        results = self._service.results(job)
        return VerdictShown(
            run=job.id,
            state=job.state,
            verdict=msgspec.to_builtins(results.verdict),
            targets={target.name: msgspec.to_builtins(target.metrics) for target in results.targets},
        )

    def compare(
        self,
        ctx: Call,
        runs: Annotated[list[Ident], Field(min_length=1, max_length=10)],
        against: Annotated[
            str | None, Field(max_length=200, description="compare every other target with this one alone")
        ] = None,
    ) -> Compared:
        """Compare the targets of one or several runs, pair by pair, over the cases they share."""
        caller = self._allowed(ctx, "read")
        jobs = [self._service.jobs.get(run, project=caller.project) for run in runs]
        found = compare_runs([self._service.run(job) for job in jobs], against=against)
        return Compared(
            targets=msgspec.to_builtins(found.targets),
            comparisons=msgspec.to_builtins(found.comparisons),
            flips=len(found.flips),
            warnings=found.warnings,
        )

    def cancel_run(self, ctx: Call, run: Ident) -> RunShown:
        """End a run within two seconds; what was answered is kept. An ended run stays as it is."""
        caller = self._allowed(ctx, "run")
        return run_shown(self._service.jobs.cancel(run, project=caller.project))

    def _allowed(self, ctx: Call, right: Right) -> Principal:
        caller = self._who(ctx)
        caller.need(right)
        return caller


_TOOLS: tuple[tuple[Callable[..., Any], ToolAnnotations], ...] = (
    (Tools.list_runs, _LOOK),
    (Tools.plan, _LOOK),
    (Tools.start_run, _ACT),
    (Tools.run_status, _LOOK),
    (Tools.verdict, _LOOK),
    (Tools.compare, _LOOK),
    (Tools.cancel_run, _END),
)
_ARGUMENTS = {
    tool.__name__: [name for name in inspect.signature(tool).parameters if name not in {"self", "ctx"}]
    for tool, _ in _TOOLS
}


def make_server(service: Service, who: Callable[[Call], Principal]) -> MCPServer[Any]:
    """Return an MCP server with the tools of a service."""
    server: MCPServer[Any] = MCPServer(
        "bakeoff", version=__version__, instructions=_ABOUT, log_level="WARNING", middleware=[_refuse_unknown]
    )
    tools = Tools(service, who)
    for tool, annotations in _TOOLS:
        server.add_tool(_told(getattr(tools, tool.__name__)), annotations=annotations)
    return server


class Mounted:
    """The tools as an ASGI application: no sessions, so that any server process can take any call."""

    def __init__(self, service: Service) -> None:
        """Make the tools of a service; `running` has to be entered before the first call."""
        # The gate before it refuses what pages of the web send.
        security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        self._server = make_server(service, _caller)
        self._server.streamable_http_app(json_response=True, stateless_http=True, transport_security=security)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Take calls within."""
        async with self._server.session_manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        await self._server.session_manager.handle_request(scope, receive, send)


def serve_agent(settings: Settings, role: Role) -> None:
    """Answer one agent on stdin and stdout until it goes, with workers beside."""
    caller = Principal(name="mcp", role=role)
    service = Service(settings)
    workers = Workers(settings)
    try:
        make_server(service, lambda _call: caller).run("stdio")
    finally:
        workers.stop()
        service.close()


async def _refuse_unknown(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Refuse an argument that a tool has not, which the SDK would leave out without a word."""
    params: Mapping[str, Any] = ctx.params or {}
    given: object = params.get("arguments")
    known = _ARGUMENTS.get(str(params.get("name")))
    if ctx.method == "tools/call" and known is not None and isinstance(given, Mapping):
        for name in cast("Mapping[str, object]", given):
            if name not in known:
                raise MCPError(INVALID_PARAMS, f"`{name}` is no argument.{suggest(name, known)}")
    return await call_next(ctx)


def _caller(call: Call) -> Principal:
    request = cast("Request", call.request_context.request)
    principal: Principal = request.state.principal
    return principal


def _told(tool: Callable[..., Any]) -> Callable[..., Any]:
    """Return the tool with our errors as its answers: with all that an agent needs to mend its call."""

    @functools.wraps(tool)
    def told(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  whatever the tool takes and returns
        try:
            return tool(*args, **kwargs)
        except BakeoffError as error:
            raise ToolError(str(error)) from error

    return told
