"""What happened to a job as lines of text, as a log of a container would have it."""

from bakeoff.server.dialects.evalhub.asked import Part
from bakeoff.server.dialects.evalhub.results import Found
from bakeoff.server.dialects.evalhub.shapes import LogQuery
from bakeoff.server.dialects.evalhub.states import found_in, wanted_of
from bakeoff.server.jobs.job import Job
from bakeoff.server.service import Service
from bakeoff.server.times import iso, now_us

_MOST_SHOWN = 40

Line = tuple[int, str]


def log_of(job: Job, service: Service, query: LogQuery, index: int | None = None) -> str:
    """Return the log of a job, or of one of its benchmarks."""
    parts = wanted_of(job).parts
    events = [
        (event.at, _plain(f"job {event.kind}", event.facts))
        for event in service.jobs.events(job.id, project=job.project)
    ]
    found = found_in(job, service)
    text = ""
    for at, part in enumerate(parts):
        if index is not None and at != index:
            continue
        text += f"=== pod={job.id}-{at} container=local benchmark_id={part.id} ===\n"
        lines = events + _outcome(job, part, found[at] if found else None)
        text += _cut(lines, query)
    return text


def _outcome(job: Job, part: Part, found: Found | None) -> list[Line]:
    at = job.finished_at or job.updated_at
    lines: list[Line] = []
    if found is not None:
        counts = ", ".join(f"{count} {name}" for name, count in found.outcomes.items()) or "no samples"
        lines.append((at, f"{part.id}: {counts}"))
        shown = list(found.metrics.items())[:_MOST_SHOWN]
        lines += [(at, f"{part.id}: {name} = {value:.6g}") for name, value in shown]
    if job.error is not None:
        lines.append((at, f"error: {job.error.message}"))
    return lines


def _cut(lines: list[Line], query: LogQuery) -> str:
    if query.since_seconds is not None:
        since = now_us() - query.since_seconds * 1_000_000
        lines = [line for line in lines if line[0] >= since]
    kept = lines[-query.tail_lines :]
    return "".join(f"{iso(at)} {text}\n" if query.timestamps else f"{text}\n" for at, text in kept)


def _plain(text: str, facts: dict[str, object]) -> str:
    told = " ".join(f"{name}={value}" for name, value in facts.items())
    return f"{text} {told}".rstrip().replace("\n", " ")
