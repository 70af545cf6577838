"""A run of a service in a client's hand."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bakeoff import clock
from bakeoff.client.connection import JSON, Call, Connection
from bakeoff.client.errors import CallError, RunEndedError
from bakeoff.client.shown import RunEvent, RunInfo, RunState
from bakeoff.records import Results, Sample, Score, Verdict

T = TypeVar("T")
Progress = Callable[[RunInfo], None]
RUNS = "/api/v1/runs"
_PAGE = 1000
_LOOK_S, _LOOK_MOST_S = 0.1, 1.0
_AWAY = frozenset({502, 503, 504})


class RunHandle:
    """A run of a service: its state, its rows, its results. Nothing is kept but what `info` says.

    Attributes:
        info: the run as it was when it was last asked for.
    """

    def __init__(self, connection: Connection, info: RunInfo) -> None:
        self._connection = connection
        self.info = info

    def __repr__(self) -> str:
        return f"RunHandle({self.id!r}, {self.info.state!r})"

    @property
    def id(self) -> str:
        """Return its id at the service."""
        return self.info.id

    @property
    def state(self) -> RunState:
        """Return the state that was last seen; `refresh` asks for it."""
        return self.info.state

    @property
    def url(self) -> str:
        """Return the address of the run; `…/report` below it is a page for people."""
        return f"{self._connection.url}{self._path()}"

    def refresh(self) -> RunInfo:
        """Ask for the state and progress of now."""
        self.info = self._connection.send(Call(path=self._path())).read(RunInfo)
        return self.info

    def wait(
        self,
        timeout: float | None = None,
        *,
        progress: Progress | None = None,
        check: bool = True,
        patience: float = 30.0,
    ) -> RunInfo:
        """Wait for the end and return the run.

        Args:
            timeout: seconds to wait at most; None waits for ever.
            progress: called with the run whenever it has changed.
            check: refuse a run that ended without results.
            patience: seconds for which the service may be silent, as where it is started again.

        Raises:
            TimeoutError: it has not ended in time; it goes on.
            CallError: the service was silent for longer; the run goes on when it is back.
            RunEndedError: it has failed or was cancelled.
        """
        until = None if timeout is None else clock.now_ns() + round(timeout * 1e9)
        pause, told = _LOOK_S, None
        while True:
            info = self._looked(patience)
            if progress is not None and info != told:
                progress(info)
                told = info
            if info.ended:
                break
            if until is not None and clock.now_ns() >= until:
                raise TimeoutError(f"the run `{self.id}` is {info.state} after {timeout:g} s; it goes on")
            time.sleep(pause)
            pause = min(pause * 1.5, _LOOK_MOST_S)
        if check and info.state != "completed":
            raise _ended(info)
        return info

    def _looked(self, patience: float) -> RunInfo:
        until = clock.now_ns() + round(patience * 1e9)
        while True:
            try:
                return self.refresh()
            except CallError as error:
                gone = error.status is None or error.status in _AWAY
                if not gone or clock.now_ns() >= until:
                    raise
            time.sleep(min(_LOOK_MOST_S, patience))

    def cancel(self) -> RunInfo:
        """End the run within two seconds; what was answered is kept."""
        self.info = self._connection.send(Call(method="POST", path=self._path("/cancel"))).read(RunInfo)
        return self.info

    def delete(self) -> None:
        """Forget the run, which must have ended, with all its rows."""
        self._connection.send(Call(method="DELETE", path=self._path()))

    def events(self, *, follow: bool = False) -> Iterator[RunEvent]:
        """Yield what happened, oldest first.

        Args:
            follow: go on as things happen, until the run has ended.
        """
        if not follow:
            answer = self._connection.send(Call(path=self._path("/events")))
            yield from answer.read(_Events).data
            return
        headers = {"Accept": "text/event-stream"}
        kind = ""
        for line in self._connection.lines(Call(path=self._path("/events"), headers=headers)):
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data" and kind != "progress":
                yield msgspec.json.decode(value, type=RunEvent)

    def samples(
        self, *, target: str | None = None, benchmark: str | None = None, outcome: str | None = None
    ) -> Iterator[Sample]:
        """Yield the stored samples in order, while the run goes on too; warm-ups are among them."""
        wanted = {"target": target, "benchmark": benchmark, "outcome": outcome}
        yield from self._rows("/samples", wanted, Sample)

    def scores(
        self,
        *,
        target: str | None = None,
        benchmark: str | None = None,
        metric: str | None = None,
        passed: bool | None = None,
    ) -> Iterator[Score]:
        """Yield the stored scores in order, while the run goes on too."""
        word = None if passed is None else str(passed).lower()
        wanted = {"target": target, "benchmark": benchmark, "metric": metric, "passed": word}
        yield from self._rows("/scores", wanted, Score)

    def results(self) -> Results:
        """Return estimates, comparisons and the verdict; of a run that goes on, by what is stored so far."""
        found: Results = self._connection.send(Call(path=self._path("/results"))).read(Results)
        return found

    def verdict(self) -> Verdict:
        """Return the verdict."""
        found: Verdict = self._connection.send(Call(path=self._path("/verdict"))).read(Verdict)
        return found

    def spec(self) -> dict[str, Any]:
        """Return the spec of the run, without its secrets."""
        found: dict[str, Any] = self._connection.send(Call(path=self._path("/spec"))).read(dict[str, Any])
        return found

    def report(self) -> str:
        """Return the report as one HTML page."""
        return self._connection.send(Call(path=self._path("/report"))).body.decode()

    def export(self, format: str, to: str | Path) -> Path:  # noqa: A002  the command's word for it
        """Write the run as another tool's file, or as unsigned evidence, and return the file.

        Args:
            format: as of `bakeoff export --format`.
            to: the file, or a folder for it; several files come as one zip.
        """
        answer = self._connection.send(Call(path=self._path("/export"), query={"format": format}))
        path = Path(to)
        if path.is_dir():
            told = answer.headers.get("content-disposition", "").partition('filename="')[2].rstrip('"')
            path /= Path(told).name or f"{self.id}-{format}"
        path.write_bytes(answer.body)
        return path

    def decide(
        self,
        policy: Mapping[str, Any] | None = None,
        *,
        prices: Mapping[str, Mapping[str, str | float]] | None = None,
        traffic: str | float | None = None,
        slo: Mapping[str, str | float] | None = None,
    ) -> Results:
        """Return the results under another rule, or as if; the run stays as it is.

        Args:
            policy: what stands under `decide:` in a spec; the run's own rule by default.
            prices: USD by target and price class.
            traffic: requests per second, or a text such as `5/s`.
            slo: latency targets by name, such as `300ms`.
        """
        body = {"policy": policy, "prices": prices or {}, "traffic": traffic, "slo": slo or {}}
        call = Call(
            method="POST",
            path=self._path("/decide"),
            body=msgspec.json.encode(body),
            headers={"Content-Type": JSON},
        )
        found: Results = self._connection.send(call).read(Results)
        return found

    def _path(self, rest: str = "") -> str:
        return f"{RUNS}/{self.info.id}{rest}"

    def _rows(self, part: str, wanted: Mapping[str, str | None], kind: type[T]) -> Iterator[T]:
        offset: int | None = 0
        while offset is not None:
            query = {**wanted, "offset": offset, "limit": _PAGE}
            page = self._connection.send(Call(path=self._path(part), query=query)).read(_Rows)
            yield from _converted(page.data, kind)
            offset = page.next_offset


class _Events(msgspec.Struct, frozen=True):
    data: list[RunEvent]


class _Rows(msgspec.Struct, frozen=True):
    data: msgspec.Raw
    next_offset: int | None


def _converted(data: msgspec.Raw, kind: type[T]) -> list[T]:
    try:
        return msgspec.json.decode(data, type=list[kind])  # type: ignore[valid-type]  # a type that is known when it runs
    except msgspec.DecodeError as error:
        raise CallError(f"a row is not what it should be: {error}", hint="is the service newer?") from None


def _ended(info: RunInfo) -> RunEndedError:
    error = info.error
    if error is None:
        return RunEndedError(f"the run `{info.id}` is {info.state}; what was answered is kept")
    return RunEndedError(f"the run `{info.id}` failed: {error.message}", where=error.where, hint=error.hint)
