"""Grade a run's stored answers again and compare, where that needs nothing but the run itself.

No code out of a run is executed and no file that it names is read: scorers that would are left out by name.
Rows of samples and scores are read side by side, so only those out of step are kept.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bakeoff.engine.grading import NamedScorer, grade
from bakeoff.errors import BakeoffError
from bakeoff.evidence import Finding
from bakeoff.extend import deterministic
from bakeoff.prompts.modes import with_modes
from bakeoff.records import BenchmarkSpec, Case, Event, Sample, Score, Spec
from bakeoff.run.benches import make_scorers, placed_scorers
from bakeoff.run.evidence_numbers import same
from bakeoff.run.evidence_rows import Key, name_key
from bakeoff.run.folder import read_cases, read_plan
from bakeoff.run.modes import modes_of
from bakeoff.sandbox import FILE
from bakeoff.stores.jsonl import read_records
from bakeoff.stores.redact import MARK

_OUTSIDE = {"lm_eval": "it needs lm-eval's task"}
_FIELDS = ("metric", "value", "passed", "outcome", "parsed", "parts")
Place = tuple[str, str]


class Regraded(msgspec.Struct, frozen=True, kw_only=True):
    """What grading again gave.

    Attributes:
        equal: stored scores that came out the same.
        total: all stored scores.
        left_out: why others were not computed again, with their number.
        ungraded: grades that are not stored.
        scorers: names of those that graded again.
    """

    equal: int
    total: int
    left_out: dict[str, int]
    ungraded: int
    scorers: list[str]
    findings: list[Finding]


def regrade(folder: Path, spec: Spec, events: Sequence[Event]) -> Regraded:
    """Grade all samples again by the scorers of the spec."""
    work = _Work(folder, with_modes(spec, modes_of(events)))
    scores = enumerate(read_records(folder, Score), 1)
    for line, sample in enumerate(read_records(folder, Sample), 1):
        for _ in range(work.expect(line, sample)):
            work.take(next(scores, None))
    for pair in scores:
        work.take(pair)
    return work.ended()


class _Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark whose answers can be graded here."""

    scorers: tuple[NamedScorer, ...]
    cases: dict[str, Case]


class _Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a scorer gives for the sample in a line; no score where it cannot be told."""

    line: int
    score: Score | None


class _Work:
    """Grades that wait for their stored scores, and scores that wait for their sample."""

    def __init__(self, folder: Path, spec: Spec) -> None:
        self._warmups = {stage.name for stage in read_plan(folder).stages if stage.warmup}
        self._ready: dict[str, _Ready] = {}
        self._why: dict[Place, str] = {}
        cases = read_cases(folder)
        for benchmark in spec.benchmarks:
            if benchmark.scorers:
                self._prepare(benchmark, cases.get(benchmark.name, {}), folder)
        self._expected: dict[tuple[Key, str], list[_Expected]] = defaultdict(list)
        self._stored: dict[tuple[Key, str], list[tuple[int, Score]]] = defaultdict(list)
        self._equal = self._total = 0
        self._left_out: Counter[str] = Counter()

    def _prepare(self, benchmark: BenchmarkSpec, cases: dict[str, Case], folder: Path) -> None:
        try:
            named = _named(benchmark, cases, folder)
        except BakeoffError as error:
            self._why[benchmark.name, ""] = error.message
            return
        why = {each.name: _why_not(each) for each in named}
        self._why |= {(benchmark.name, name): text for name, text in why.items() if text}
        quick = tuple(each for each in named if not why[each.name])
        self._ready[benchmark.name] = _Ready(scorers=quick, cases=cases)

    def expect(self, line: int, sample: Sample) -> int:
        """Grade a sample; return how many scores of it are to be found."""
        ready = self._ready.get(sample.benchmark)
        if ready is None or sample.stage in self._warmups:
            return 0
        case = ready.cases.get(sample.case)
        if case is None or _redacted(sample):
            scores: list[tuple[str, Score | None]] = [(named.name, None) for named in ready.scorers]
        else:
            scores = [(score.scorer, score) for score in grade(sample, case, ready.scorers)]
        for name, score in scores:
            self._expected[sample.key, name].append(_Expected(line=line, score=score))
            self._settle((sample.key, name))
        return len(scores)

    def take(self, pair: tuple[int, Score] | None) -> None:
        """Take the next stored score, if there is one."""
        if pair is None:
            return
        line, score = pair
        self._total += 1
        ready = self._ready.get(score.benchmark)
        if ready is None or all(score.scorer != named.name for named in ready.scorers):
            why = self._why.get((score.benchmark, score.scorer)) or self._why.get((score.benchmark, ""))
            self._left_out[f"`{score.scorer}`: {why or 'the spec has no such scorer'}"] += 1
            return
        key = (score.benchmark, score.case, score.target, score.repeat, score.stage)
        self._stored[key, score.scorer].append((line, score))
        self._settle((key, score.scorer))

    def _settle(self, place: tuple[Key, str]) -> None:
        """Drop a stored score and a grade that are the same; a request that was sent again has several."""
        expected, stored = self._expected[place], self._stored[place]
        pair = next(((e, s) for e in expected for s in stored if _fits(s[1], e)), None)
        if pair is not None:
            expected.remove(pair[0])
            stored.remove(pair[1])
            if pair[0].score is None:
                self._left_out["secrets were taken out of the answer, or its case is not stored"] += 1
            else:
                self._equal += 1
        for waiting in (self._expected, self._stored):
            if not waiting[place]:
                del waiting[place]

    def ended(self) -> Regraded:
        """Return what was found, once all rows were read."""
        findings: list[Finding] = []
        for place, stored in self._stored.items():
            expected = self._expected.pop(place, [])
            for number, (line, score) in enumerate(stored):
                if expected:
                    wanted = expected[min(number, len(expected) - 1)]
                    findings.append(_finding(place, line, score, wanted))
                else:
                    text = "there is no sample that this grade could be of"
                    findings.append(_at(place, line, text))
        names = [f"{name}.{named.name}" for name, ready in self._ready.items() for named in ready.scorers]
        return Regraded(
            equal=self._equal,
            total=self._total,
            left_out=dict(self._left_out),
            ungraded=sum(map(len, self._expected.values())),
            scorers=names,
            findings=sorted(findings, key=lambda each: each.line or 0),
        )


def _named(benchmark: BenchmarkSpec, cases: dict[str, Case], folder: Path) -> tuple[NamedScorer, ...]:
    """Return all scorers of a benchmark.

    Raises:
        BakeoffError: one of them cannot be made here, or would read a file.
    """
    own = any("assert" in each.type for each in benchmark.scorers)
    told = [msgspec.json.encode(benchmark.scorers)]
    told += [msgspec.json.encode(case.fields) for case in cases.values() if own]
    if any(FILE.encode() in text for text in told):
        raise _NotHereError("a scorer reads a file, which the run does not hold")
    if own and any(b"lm_eval" in text for text in told):
        raise _NotHereError(_OUTSIDE["lm_eval"])
    return make_scorers(placed_scorers(benchmark, folder), list(cases.values()))


def _why_not(named: NamedScorer) -> str:
    """Say why a scorer does not grade from the run alone; empty where it does."""
    if named.slow:
        return "it runs code, or asks a model or another program"
    if not deterministic(named.scorer):
        return "it says of itself that it may give the same answer another grade"
    kinds = (part.removeprefix("not-").rstrip("-0123456789") for part in named.name.split("+"))
    return next((_OUTSIDE[kind] for kind in kinds if kind in _OUTSIDE), "")


class _NotHereError(BakeoffError):
    """A scorer needs what is not in the run."""


def _fits(stored: Score, expected: _Expected) -> bool:
    return expected.score is None or not _differing(stored, expected.score)


def _redacted(sample: Sample) -> bool:
    return MARK.decode() in sample.text or MARK.decode() in sample.thinking


def _differing(stored: Score, computed: Score) -> str:
    """Return the first field in which two scores differ; reasons are words, and may be said otherwise."""
    for name in _FIELDS:
        old, new = getattr(stored, name), getattr(computed, name)
        if name == "parts":
            if [_bare(part) for part in _parts(stored)] != [_bare(part) for part in _parts(computed)]:
                return name
        elif not same(old, new):
            return name
    return ""


def _parts(score: Score) -> Iterator[dict[str, object]]:
    for part in score.parts:
        yield msgspec.structs.asdict(part)


def _bare(part: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in part.items() if name != "reason"}


def _finding(place: tuple[Key, str], line: int, score: Score, wanted: _Expected) -> Finding:
    assert wanted.score is not None  # a grade that cannot be told fits every stored one
    field = _differing(score, wanted.score)
    text = f"the scorer gives another value for the answer in samples.jsonl:{wanted.line}"
    return msgspec.structs.replace(
        _at(place, line, text),
        field=field,
        stored=msgspec.json.encode(getattr(score, field)).decode(),
        computed=msgspec.json.encode(getattr(wanted.score, field)).decode(),
    )


def _at(place: tuple[Key, str], line: int, text: str) -> Finding:
    key, scorer = place
    return Finding(
        check="grades", text=text, file="scores.jsonl", line=line, key=f"{name_key(key)} scorer `{scorer}`"
    )
