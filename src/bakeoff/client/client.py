"""The client of a bakeoff service: runs, specs, data sets, targets, benchmarks."""

import base64
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import msgspec

from bakeoff.client.connection import JSON, Answer, Call, Connection
from bakeoff.client.errors import CallError
from bakeoff.client.handle import RUNS, RunHandle
from bakeoff.client.packing import Packed, pack_file
from bakeoff.client.shown import (
    BenchmarkInfo,
    CheckedSpec,
    DatasetInfo,
    DatasetRow,
    ProbedTarget,
    RunInfo,
    RunState,
    TargetInfo,
)
from bakeoff.errors import UsageError

if TYPE_CHECKING:
    from bakeoff.run.compare import Compared
    from bakeoff.run.planning import Forecast

SERVER, KEY = "BAKEOFF_SERVER", "BAKEOFF_KEY"
_MEDIA = {"jsonl": "application/jsonl", "csv": "text/csv", "text": "text/plain"}
_PAGE = 1000

SpecLike = Mapping[str, Any] | str | Path | Packed
Rows = str | Path | bytes | Sequence[Mapping[str, Any]]


class Client:
    """Speaks to a service. Safe to use from several threads; holds no connection open.

    Calls that may be sent twice are tried again when nobody answers or the service is busy; a run is
    submitted under a key of its own, so that it starts once.
    """

    def __init__(
        self, url: str | None = None, key: str | None = None, *, timeout: float = 60.0, retries: int = 3
    ) -> None:
        """Know a service.

        Args:
            url: its address; that in `BAKEOFF_SERVER` by default.
            key: the API key; that in `BAKEOFF_KEY` by default. It goes to no other host.
            timeout: seconds to wait for each answer.
            retries: further tries of calls that may be sent twice.

        Raises:
            UsageError: there is no address, or it is none.
        """
        url = url or os.environ.get(SERVER)
        if not url:
            raise UsageError(
                "no service is named", hint=f"give its address, or `export {SERVER}=http://HOST:8600`"
            )
        key = key or os.environ.get(KEY) or None
        self._connection = Connection(url, key, timeout=timeout, retries=retries)

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    @property
    def url(self) -> str:
        """Return the address of the service."""
        return self._connection.url

    def run(
        self,
        spec: SpecLike,
        *,
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        limits: Mapping[str, float] | None = None,
        files: Mapping[str, bytes] | None = None,
        wait: bool | float = False,
        idempotency_key: str | None = None,
    ) -> RunHandle:
        """Start a run and return it.

        Args:
            spec: a spec as a mapping, or a file, whose data are sent along.
            name: of the run; the spec's by default.
            labels: kept with the run.
            limits: `requests`, `tokens`, `usd`, `seconds` that it may use.
            files: data that the spec names, by their path `datasets/NAME`.
            wait: for the end, True without limit, or at most so many seconds.
            idempotency_key: the same key with the same spec is the same run; a new one by default.

        Raises:
            CallError: the spec has mistakes, or asks for what is not allowed.
            RunEndedError: with `wait`, it has failed.
            TimeoutError: with `wait` in seconds, it has not ended; it goes on.
        """
        packed = _packed(spec, files)
        body: dict[str, Any] = {"spec": packed.document, "files": _encoded(packed.files)}
        body |= {"labels": dict(labels or {}), "limits": dict(limits or {})}
        if name is not None:
            body["name"] = name
        key = idempotency_key or secrets.token_hex(16)
        answer = self._sent(RUNS, body, packed, {"Idempotency-Key": key})
        handle = RunHandle(self._connection, answer.read(RunInfo))
        if wait is not False:
            handle.wait(None if wait is True else wait)
        return handle

    def get(self, run: str) -> RunHandle:
        """Return a run by its id."""
        answer = self._connection.send(Call(path=f"{RUNS}/{quote(run, safe='')}"))
        return RunHandle(self._connection, answer.read(RunInfo))

    def runs(
        self,
        *,
        state: RunState | Sequence[RunState] | None = None,
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        page: int = 100,
    ) -> Iterator[RunHandle]:
        """Yield the runs of the project, newest first.

        Args:
            state: only those in one of these states.
            name: only those of this name.
            labels: only those that have all these labels.
            page: how many are asked for at once.
        """
        after: str | None = None
        while True:
            states = [state] if isinstance(state, str) else state
            asked = [f"{key}:{text}" for key, text in (labels or {}).items()]
            query = {"state": states, "name": name, "label": asked, "limit": page, "after": after}
            found = self._connection.send(Call(path=RUNS, query=query)).read(_Runs)
            yield from (RunHandle(self._connection, info) for info in found.data)
            after = found.next
            if after is None:
                return

    def validate(self, spec: SpecLike, *, files: Mapping[str, bytes] | None = None) -> CheckedSpec:
        """Return all mistakes of a spec, or the spec with all defaults; nothing is sent to a model."""
        packed = _packed(spec, files)
        body = {"spec": packed.document, "files": _encoded(packed.files)}
        found: CheckedSpec = self._post("/api/v1/specs/validate", body).read(CheckedSpec)
        problems = [
            msgspec.structs.replace(
                each, message=packed.at_home(each.message), where=packed.at_home(each.where)
            )
            for each in found.problems
        ]
        return msgspec.structs.replace(found, problems=problems)

    def plan(
        self, spec: SpecLike, *, files: Mapping[str, bytes] | None = None, earlier: str | None = None
    ) -> "Forecast":
        """Return what a run can show and what it takes; nothing is sent to a model.

        Args:
            spec: as for `run`.
            files: as for `run`.
            earlier: id of a run that tells disagreements, lengths and times.
        """
        from bakeoff.run.planning import Forecast  # noqa: PLC0415  heavy, and for this call alone

        packed = _packed(spec, files)
        body = {"spec": packed.document, "files": _encoded(packed.files), "earlier": earlier}
        found: Forecast = self._sent("/api/v1/specs/plan", body, packed).read(Forecast)
        return found

    def compare(self, *runs: RunHandle | str, against: str | None = None) -> "Compared":
        """Compare the targets of one or several runs, case by case.

        Args:
            runs: runs, or their ids.
            against: compare every other target with this one only.
        """
        from bakeoff.run.compare import Compared  # noqa: PLC0415  heavy, and for this call alone

        names = [run if isinstance(run, str) else run.id for run in runs]
        found: Compared = self._post("/api/v1/compare", {"runs": names, "against": against}).read(Compared)
        return found

    def upload_dataset(
        self,
        name: str,
        rows: Rows,
        *,
        format: Literal["jsonl", "csv", "text"] | None = None,  # noqa: A002  the API's word
    ) -> DatasetInfo:
        """Keep a data set at the service, or a new version of it; equal content is the version of before.

        Args:
            name: under which specs may use it: `dataset: {type: stored, name: NAME}`.
            rows: a file, its content, or rows as mappings.
            format: told by the file's name, else JSON Lines, by default.
        """
        content, told = _content(rows)
        kind = format or told
        call = Call(
            method="PUT",
            path=f"/api/v1/datasets/{quote(name, safe='')}",
            query={"format": kind},
            body=content,
            headers={"Content-Type": _MEDIA.get(kind, "application/octet-stream")},
        )
        found: DatasetInfo = self._connection.send(call).read(DatasetInfo)
        return found

    def datasets(self) -> Iterator[DatasetInfo]:
        """Yield the data sets of the project in their latest versions, oldest first."""
        yield from self._listed("/api/v1/datasets", DatasetInfo)

    def dataset(self, name: str, *, version: int | None = None) -> DatasetInfo:
        """Return a data set with its card."""
        call = Call(path=f"/api/v1/datasets/{quote(name, safe='')}", query={"version": version})
        found: DatasetInfo = self._connection.send(call).read(DatasetInfo)
        return found

    def dataset_rows(self, name: str, *, version: int | None = None) -> Iterator[DatasetRow]:
        """Yield the rows of a data set, each with its line."""
        path = f"/api/v1/datasets/{quote(name, safe='')}/rows"
        yield from self._listed(path, DatasetRow, {"version": version})

    def delete_dataset(self, name: str) -> None:
        """Forget a data set with all its versions; runs keep their copies."""
        self._connection.send(Call(method="DELETE", path=f"/api/v1/datasets/{quote(name, safe='')}"))

    def register_target(self, name: str, model: Mapping[str, Any]) -> TargetInfo:
        """Register a target, which specs may then name in `models`.

        Args:
            name: of the target.
            model: a model of a spec without its name; `api_key` as `${NAME}` of a secret of the service.
        """
        found: TargetInfo = self._put(f"/api/v1/targets/{quote(name, safe='')}", dict(model)).read(TargetInfo)
        return found

    def targets(self) -> Iterator[TargetInfo]:
        """Yield the registered targets, oldest first."""
        yield from self._listed("/api/v1/targets", TargetInfo)

    def probe_target(self, name: str) -> ProbedTarget:
        """Have the service ask a target what it can do."""
        path = f"/api/v1/targets/{quote(name, safe='')}/probe"
        found: ProbedTarget = self._post(path, {}).read(ProbedTarget)
        return found

    def delete_target(self, name: str) -> None:
        """Forget a target; runs keep their copies."""
        self._connection.send(Call(method="DELETE", path=f"/api/v1/targets/{quote(name, safe='')}"))

    def benchmarks(self) -> list[BenchmarkInfo]:
        """Return the benchmarks that specs may name, the built-in ones first."""
        found: list[BenchmarkInfo] = (
            self._connection.send(Call(path="/api/v1/benchmarks")).read(_Benchmarks).data
        )
        return found

    def register_benchmark(self, name: str, section: Mapping[str, Any]) -> BenchmarkInfo:
        """Register a benchmark, or a version of it.

        Args:
            name: under which specs may use it: `benchmarks: [NAME]` or `[NAME@VERSION]`.
            section: what stands under `benchmarks:` in a spec, without its name.
        """
        path = f"/api/v1/benchmarks/{quote(name, safe='')}"
        found: BenchmarkInfo = self._put(path, {"section": dict(section)}).read(BenchmarkInfo)
        return found

    def delete_benchmark(self, name: str) -> None:
        """Forget a registered benchmark with all its versions."""
        self._connection.send(Call(method="DELETE", path=f"/api/v1/benchmarks/{quote(name, safe='')}"))

    def _sent(
        self, path: str, body: object, packed: Packed, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a spec; what is wrong with its data is told by their files on this machine."""
        try:
            return self._post(path, body, headers)
        except CallError as error:
            error.message, error.where = packed.at_home(error.message), packed.at_home(error.where)
            raise

    def _post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a POST that may be sent twice: it changes nothing, or carries an idempotency key."""
        return self._connection.send(
            Call(
                method="POST",
                path=path,
                body=msgspec.json.encode(body),
                headers={"Content-Type": JSON, **(headers or {})},
            )
        )

    def _put(self, path: str, body: object) -> Answer:
        headers = {"Content-Type": JSON}
        return self._connection.send(
            Call(method="PUT", path=path, body=msgspec.json.encode(body), headers=headers)
        )

    def _listed(self, path: str, kind: Any, query: Mapping[str, object] | None = None) -> Iterator[Any]:  # noqa: ANN401  the caller names the type
        offset: int | None = 0
        while offset is not None:
            asked = {**(query or {}), "offset": offset, "limit": _PAGE}
            page = self._connection.send(Call(path=path, query=asked)).read(_Page)
            yield from msgspec.convert(page.data, list[kind])
            offset = page.next_offset


class _Runs(msgspec.Struct, frozen=True):
    data: list[RunInfo]
    next: str | None


class _Page(msgspec.Struct, frozen=True):
    data: list[Any]
    next_offset: int | None


class _Benchmarks(msgspec.Struct, frozen=True):
    data: list[BenchmarkInfo]


def _packed(spec: SpecLike, files: Mapping[str, bytes] | None) -> Packed:
    if isinstance(spec, Packed):
        return spec
    if isinstance(spec, Mapping):
        return Packed(document=dict(spec), files=dict(files or {}))
    found = pack_file(Path(spec), os.environ)
    return msgspec.structs.replace(found, files=found.files | dict(files or {}))


def _encoded(files: Mapping[str, bytes]) -> dict[str, str]:
    return {path: base64.b64encode(content).decode() for path, content in files.items()}


def _content(rows: Rows) -> tuple[bytes, str]:
    """Return content and format of rows."""
    if isinstance(rows, bytes):
        return rows, "jsonl"
    if isinstance(rows, str | Path):
        path = Path(rows)
        kind = {".csv": "csv", ".txt": "text"}.get(path.suffix.lower(), "jsonl")
        try:
            return path.read_bytes(), kind
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows), "jsonl"
