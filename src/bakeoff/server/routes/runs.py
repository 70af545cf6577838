"""Runs: start, look, page through what they hold, follow, cancel, delete."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Annotated, Any

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Header, Path, Query, Response
from starlette.requests import Request
from starlette.responses import FileResponse, StreamingResponse

from bakeoff.server.access import Principal
from bakeoff.server.http.asking import refusals
from bakeoff.server.http.calls import Manager, Reader, Runner, Sent, TheService
from bakeoff.server.http.shown import NewRun, RunList, RunQuery, RunShown, SampleQuery, ScoreQuery, run_shown
from bakeoff.server.jobs.job import Job, JobEvent, JobFilter, JobLimits, NewJob, Webhook
from bakeoff.server.jobs.jobtexts import file_contents
from bakeoff.server.nemo.remote_jobs import delete as delete_job
from bakeoff.server.service import Service
from bakeoff.server.values import check_values

ROUTER = APIRouter(prefix="/api/v1/runs", tags=["runs"], responses=refusals(404, 409, 413, 422))
Ident = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._-]+$")]
Limit = Annotated[int, Query(ge=1, le=1000)]
_EVENTS_EVERY_S = 0.25
_REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:"
)
"""A report runs its own scripts on what models said, with no origin, and with nowhere to send it."""
_ALIVE_EVERY = 40


@ROUTER.post(
    "",
    status_code=202,
    summary="Start a run",
    responses={200: {"model": RunShown, "description": "the run of before"}},
)
def start(
    body: NewRun,
    service: TheService,
    caller: Runner,
    response: Response,
    sent: Sent,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> RunShown:
    """Check spec and data to the last case, and give the run to the workers.

    The same `Idempotency-Key` with the same body gives the run of before (200).
    """
    if (known := service.replay(idempotency_key, sent, caller)) is not None:
        response.status_code = 200
        response.headers["Location"] = f"/api/v1/runs/{known.id}"
        return run_shown(known)
    check_values({"name": body.name, "labels": body.labels})
    new = NewJob(
        name=body.name or str(body.spec.get("name") or "run"),
        document=body.spec,
        files=file_contents(body.files, service.settings),
        labels=body.labels,
        limits=JobLimits(**body.limits.model_dump()),
        webhook=None if body.webhook is None else Webhook(**body.webhook.model_dump()),
        idempotency_key=idempotency_key,
        sent=sent,
    )
    job, is_new = service.submit(new, caller)
    if not is_new:
        response.status_code = 200
    response.headers["Location"] = f"/api/v1/runs/{job.id}"
    return run_shown(job)


@ROUTER.get("", summary="List runs, newest first")
def list_runs(service: TheService, caller: Reader, query: Annotated[RunQuery, Query()]) -> RunList:
    """Return a page of the project's runs, of all dialects."""
    wanted = JobFilter(
        states=tuple(query.state), name=query.name, dialect=query.dialect, labels=tuple(query.label)
    )
    page = service.jobs.page(wanted, project=caller.project, limit=query.limit, after=query.after)
    return RunList(data=[run_shown(job) for job in page.jobs], total=page.total, next=page.next)


@ROUTER.get("/{run}", summary="One run")
async def get(run: Ident, service: TheService, caller: Reader) -> RunShown:
    """Return state and progress of a run."""
    job = await service.waiting.shortly(lambda: service.jobs.get(run, project=caller.project))
    return run_shown(job)


@ROUTER.post("/{run}/cancel", summary="Cancel a run")
async def cancel(run: Ident, service: TheService, caller: Runner) -> RunShown:
    """End a run within two seconds, or as soon as the server has that does it; what was answered is kept.

    An ended run stays as it is.
    """
    job = await service.waiting.shortly(lambda: service.jobs.cancel(run, project=caller.project))
    return run_shown(job)


@ROUTER.delete("/{run}", status_code=204, summary="Delete an ended run")
def delete(run: Ident, service: TheService, caller: Manager) -> Response:
    """Forget a run with all its rows."""
    delete_job(service, service.jobs.get(run, project=caller.project), caller)
    return Response(status_code=204)


@ROUTER.get("/{run}/spec", summary="The spec of a run, without its secrets")
def spec(run: Ident, service: TheService, caller: Reader) -> dict[str, Any]:
    """Return what was submitted, with registered names in their place."""
    return service.jobs.get(run, project=caller.project).document


@ROUTER.get("/{run}/samples", summary="Samples, while the run goes on too")
def samples(
    run: Ident,
    service: TheService,
    caller: Reader,
    query: Annotated[SampleQuery, Query()],
) -> Response:
    """Return a page of stored samples in their order."""
    job = service.jobs.get(run, project=caller.project)
    return _page(lambda skip: service.samples(job, skip=skip), query)


@ROUTER.get("/{run}/scores", summary="Scores, while the run goes on too")
def scores(
    run: Ident,
    service: TheService,
    caller: Reader,
    query: Annotated[ScoreQuery, Query()],
) -> Response:
    """Return a page of stored scores in their order."""
    job = service.jobs.get(run, project=caller.project)
    return _page(lambda skip: service.scores(job, skip=skip), query)


@ROUTER.get("/{run}/results", summary="Estimates, comparisons and verdict")
def results(run: Ident, service: TheService, caller: Reader) -> Response:
    """Return the results document; of a run that goes on, by what is stored so far."""
    job = service.jobs.get(run, project=caller.project)
    return _json(service.results(job))


@ROUTER.get("/{run}/verdict", summary="The verdict alone")
def verdict(run: Ident, service: TheService, caller: Reader) -> Response:
    """Return the verdict of a run."""
    job = service.jobs.get(run, project=caller.project)
    return _json(service.results(job).verdict)


@ROUTER.get("/{run}/report", summary="The report as one HTML page")
def report(run: Ident, service: TheService, caller: Reader) -> Response:
    """Return the report of an ended run."""
    job = service.jobs.get(run, project=caller.project)
    path = service.report(job)
    # The report holds what models said: it gets no script rights beyond its own and no origin of ours.
    headers = {"Content-Security-Policy": _REPORT_POLICY, "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type="text/html", headers=headers)


@ROUTER.get("/{run}/events", summary="What happened, as JSON or as a stream")
def events(
    run: Ident,
    request: Request,
    service: TheService,
    caller: Reader,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    accept: Annotated[str, Header()] = "application/json",
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> Response:
    """Return events since `after`; with `Accept: text/event-stream` as they come, until the end.

    A stream that is opened again goes on after `Last-Event-ID`.
    """
    job = service.jobs.get(run, project=caller.project)
    if last_event_id is not None and last_event_id.isdigit():
        after = int(last_event_id)
    if "text/event-stream" not in accept:
        found = service.jobs.events(run, project=caller.project, after=after)
        return _json({"object": "list", "data": found})
    stream = _followed(service, caller, job, after, request)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _followed(
    service: Service, caller: Principal, job: Job, after: int, request: Request
) -> AsyncGenerator[bytes]:
    """Yield events and progress as they come, a comment now and then, and an end.

    It ends with the job, with the key that opened it, with its client, and when the server is told to stop.
    """
    shown = (-1, -1, -1)
    for round_ in itertools.count():
        now, new, known = await to_thread.run_sync(_looked, service, caller, job, after)
        if not known:
            return
        for event in new:
            after = event.id
            kind, data = event.kind.encode(), msgspec.json.encode(event)
            yield b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, kind, data)
        if (now.done, now.total, now.failed) != shown:
            shown = (now.done, now.total, now.failed)
            data = msgspec.json.encode(dict(zip(("done", "total", "failed"), shown, strict=True)))
            yield b"event: progress\ndata: %s\n\n" % data
        if now.ended or service.waiting.stopping.is_set() or await request.is_disconnected():
            return
        if round_ % _ALIVE_EVERY == _ALIVE_EVERY - 1:
            yield b": alive\n\n"
        await asyncio.sleep(_EVENTS_EVERY_S)


def _looked(service: Service, caller: Principal, job: Job, after: int) -> tuple[Job, list[JobEvent], bool]:
    """Return the job, what is new of it, and whether the caller may still know."""
    # The job first: what it is now, its events tell as well.
    now = service.jobs.get(job.id, project=job.project)
    return now, service.jobs.events(job.id, project=job.project, after=after), service.keys.lives(caller)


def _page(read: Callable[[int], Iterable[msgspec.Struct]], query: SampleQuery | ScoreQuery) -> Response:
    """Return a page of rows; `read` gives them from a place on, so that no filter means no rest to read."""
    asked = query.model_dump(exclude={"offset", "limit"}, exclude_none=True)
    skipped = 0 if asked else query.offset
    kept = (
        each for each in read(skipped) if all(getattr(each, name) == value for name, value in asked.items())
    )
    begin = query.offset - skipped
    rows = list(itertools.islice(kept, begin, begin + query.limit + 1))
    more = query.offset + query.limit if len(rows) > query.limit else None
    return _json({"object": "list", "data": rows[: query.limit], "next_offset": more})


def _json(value: object) -> Response:
    encoded = msgspec.json.Encoder(decimal_format="string").encode(value)
    return Response(encoded, media_type="application/json")
