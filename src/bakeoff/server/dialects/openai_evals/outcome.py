"""What came of a run: each row with its answer and its grades, and the counts over them."""

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from bakeoff import clock
from bakeoff.records import Sample, Score, Usage
from bakeoff.server.dialects.openai_evals.jobs import Asked, asked_of
from bakeoff.server.jobs.job import Job
from bakeoff.server.service import Service

Status = Literal["pass", "fail", "error"]
_COUNTS = "openai_counts_2.json"
"""Numbered anew with each change of its form, so that counts which were kept before are counted again."""

_TIMES = 5
_MOST_RECENT = 100


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one criterion says of one row; `passed` is None where it could not say."""

    name: str
    kind: str
    score: float | None
    passed: bool | None
    reason: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A row that is done: `error` says why there is no yes or no."""

    row: int
    sample: Sample | None
    verdicts: list[Verdict]
    error: str = ""

    @property
    def status(self) -> Status:
        """Return pass where all criteria pass, fail where one does not, error where one cannot say."""
        if self.error or any(each.passed is None for each in self.verdicts):
            return "error"
        return "pass" if all(each.passed for each in self.verdicts) else "fail"


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a model was asked, and the tokens that its server told; None where it told none of any answer.

    A question that was sent several times until it was answered is one call.
    """

    calls: int
    prompt: int | None = None
    completion: int | None = None
    cached: int | None = None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a run: rows by status, passes and failures by criterion.

    Attributes:
        models: what each was asked, the evaluated one first and then those that graded, by registered name.
    """

    passed: int = 0
    failed: int = 0
    errored: int = 0
    criteria: dict[str, tuple[int, int]] = {}
    models: dict[str, Tokens] = {}


def outcomes(job: Job, service: Service) -> Iterator[Outcome]:
    """Yield the rows that are done, in their order."""
    return _outcomes(asked_of(job), service.samples(job), service.scores(job))


def _outcomes(asked: Asked, answered: Iterable[Sample], graded: Iterable[Score]) -> Iterator[Outcome]:
    samples = {sample.case: sample for sample in answered}
    scores: dict[str, list[Score]] = defaultdict(list)
    for score in graded:
        scores[score.case].append(score)
    for row in range(asked.rows):
        name = str(row)
        if (reason := asked.unasked.get(name)) is not None:
            yield Outcome(row=row, sample=None, verdicts=[], error=f"not asked: {reason}")
        elif (sample := samples.get(name)) is not None:
            found = _outcome(row, sample, scores[name], asked)
            if found is not None:
                yield found


def counts(job: Job, service: Service) -> Counts:
    """Return the numbers of a run, as far as it is; those of an ended one are kept.

    While it runs they may be as old as some times what it takes to count, so that those who poll a large run
    do not hold up the others.
    """
    kept = service.jobs.folder(job.id) / _COUNTS
    if job.ended and kept.is_file():
        return msgspec.json.decode(kept.read_bytes(), type=Counts)
    if not job.ended and (recent := _RECENT.find(job.id)) is not None:
        return recent
    began = clock.now_ns()
    asked = asked_of(job)
    samples, scores = list(service.samples(job)), list(service.scores(job))
    found = _counted(_outcomes(asked, samples, scores), _models(samples, scores, asked), asked)
    if job.ended:
        _keep(kept, found)
    else:
        _RECENT.keep(job.id, found, began)
    return found


class _Recent:
    """Counts of runs that go on, each for a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[str, tuple[Counts, int]] = OrderedDict()

    def find(self, job: str) -> Counts | None:
        """Return what was counted for a job not long ago."""
        with self._lock:
            found = self._found.get(job)
        return found[0] if found is not None and clock.now_ns() < found[1] else None

    def keep(self, job: str, found: Counts, began: int) -> None:
        """Keep counts for some times as long as they took."""
        now = clock.now_ns()
        with self._lock:
            self._found[job] = (found, now + _TIMES * (now - began))
            self._found.move_to_end(job)
            while len(self._found) > _MOST_RECENT:
                self._found.popitem(last=False)


_RECENT = _Recent()


def _keep(path: Path, found: Counts) -> None:
    """Write the counts whole or not at all: another call may read them now."""
    part = path.with_suffix(f".{id(found)}.part")
    try:
        part.write_bytes(msgspec.json.encode(found))
        part.replace(path)
    except OSError:
        return  # the run was deleted meanwhile; counts are only kept to save time


def _outcome(row: int, sample: Sample, scores: list[Score], asked: Asked) -> Outcome | None:
    """Return the outcome of a row, None where it is not graded yet."""
    if not sample.ok:
        error = sample.error or f"the answer is {sample.outcome}: {sample.finish_reason}"
        return Outcome(row=row, sample=sample, verdicts=[], error=error)
    by_metric = {score.metric: score for score in scores}
    if any(metric not in by_metric for metric in asked.metrics):
        return None
    verdicts = [
        _verdict(by_metric[metric], criterion["name"], criterion["type"])
        for criterion, metric in zip(asked.criteria, asked.metrics, strict=True)
    ]
    return Outcome(row=row, sample=sample, verdicts=verdicts)


def _verdict(score: Score, name: str, kind: str) -> Verdict:
    raw = next((part.value for part in score.parts if part.scorer == "score"), score.value)
    known = score.value is not None
    return Verdict(
        name=name,
        kind=kind,
        score=raw if known else None,
        passed=score.passed if known else None,
        reason=score.reason,
    )


def _counted(rows: Iterable[Outcome], models: dict[str, Tokens], asked: Asked) -> Counts:
    status: dict[Status, int] = {"pass": 0, "fail": 0, "error": 0}
    criteria = {each["name"]: [0, 0] for each in asked.criteria}
    for row in rows:
        status[row.status] += 1
        for verdict in row.verdicts:
            if verdict.passed is not None:
                criteria[verdict.name][0 if verdict.passed else 1] += 1
    return Counts(
        passed=status["pass"],
        failed=status["fail"],
        errored=status["error"],
        criteria={name: (both[0], both[1]) for name, both in criteria.items()},
        models=models,
    )


def _models(samples: Iterable[Sample], scores: Iterable[Score], asked: Asked) -> dict[str, Tokens]:
    """Return what each model of a run was asked; a model that grades itself has both in one."""
    judges = {
        metric: criterion.get("model", "")
        for criterion, metric in zip(asked.criteria, asked.metrics, strict=True)
    }
    told: dict[str, list[Usage]] = defaultdict(list)
    if asked.model:
        told[asked.model] = [sample.usage for sample in samples]
    for score in scores:
        for said in score.judgements:
            if said.tries:  # a prompt that could not be sent asked nobody
                told[judges.get(score.metric) or said.model].append(said.usage)
    return {name: _tokens(usages) for name, usages in told.items()}


def _tokens(usages: list[Usage]) -> Tokens:
    totals: dict[str, int | None] = {"prompt": None, "completion": None, "cached": None}
    for usage in usages:
        for name, total in totals.items():
            told: int | None = getattr(usage, name)
            if told is not None:
                totals[name] = told + (total or 0)
    return Tokens(calls=len(usages), **totals)
