"""Counts of calls, and all figures in the text form that Prometheus reads."""

import threading
from collections import Counter

import sqlalchemy as sa

from bakeoff.server.jobs.job import JOB_STATES
from bakeoff.server.service import Service
from bakeoff.server.store.tables import DELIVERIES, JOBS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SILENT_S = 60.0


class Counters:
    """What this process has answered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[tuple[str, int]] = Counter()
        self._buckets = [0] * (len(_BOUNDS) + 1)
        self._sum = 0.0
        self._lost_audit = 0

    def count(self, method: str, status: int, seconds: float) -> None:
        """Count one call."""
        with self._lock:
            self._calls[method if method.isalpha() and len(method) < 10 else "OTHER", status] += 1
            self._sum += seconds
            place = next((at for at, bound in enumerate(_BOUNDS) if seconds <= bound), len(_BOUNDS))
            self._buckets[place] += 1

    def lost_audit(self) -> None:
        """Count an entry that could not be written to the audit log."""
        with self._lock:
            self._lost_audit += 1

    def text(self, service: Service, project: str) -> str:
        """Return all figures; those of jobs and webhooks are of one project."""
        with self._lock:
            lines = self._call_lines()
        with service.database.read() as connection:
            counted = sa.select(JOBS.c.state, sa.func.count()).where(JOBS.c.project == project)
            grouped = connection.execute(counted.group_by(JOBS.c.state))
            states: dict[str, int] = {row[0]: row[1] for row in grouped}
            waiting = connection.execute(
                sa.select(sa.func.count()).where(
                    DELIVERIES.c.project == project, DELIVERIES.c.state == "waiting"
                )
            ).scalar_one()
        lines += ["# HELP bakeoff_jobs Jobs by state.", "# TYPE bakeoff_jobs gauge"]
        lines += [f'bakeoff_jobs{{state="{state}"}} {states.get(state, 0)}' for state in JOB_STATES]
        lines += _single(
            "bakeoff_workers", "gauge", "Workers seen in the last minute.", service.queue.living(_SILENT_S)
        )
        lines += _single("bakeoff_webhooks_waiting", "gauge", "Webhooks not delivered yet.", waiting)
        return "\n".join(lines) + "\n"

    def _call_lines(self) -> list[str]:
        lines = [
            "# HELP bakeoff_http_requests_total Calls answered.",
            "# TYPE bakeoff_http_requests_total counter",
        ]
        lines += [
            f'bakeoff_http_requests_total{{method="{method}",status="{status}"}} {count}'
            for (method, status), count in sorted(self._calls.items())
        ]
        name = "bakeoff_http_request_duration_seconds"
        lines += [f"# HELP {name} Time to answer.", f"# TYPE {name} histogram"]
        running = 0
        for bound, count in zip((*map(str, _BOUNDS), "+Inf"), self._buckets, strict=True):
            running += count
            lines.append(f'{name}_bucket{{le="{bound}"}} {running}')
        lines += [f"{name}_sum {self._sum:.6f}", f"{name}_count {running}"]
        return lines + _single(
            "bakeoff_audit_lost_total", "counter", "Audit entries that could not be stored.", self._lost_audit
        )


def _single(name: str, kind: str, text: str, value: int) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {value}"]
