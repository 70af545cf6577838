"""Grade given answers with the scorers of a spec, as a run grades what its models answered.

Dialects whose calls bring the answers along use this, and get one score for each row and scorer.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from bakeoff import clock
from bakeoff.assertions import make, placed, settled
from bakeoff.engine.grading import NamedScorer, grade, grade_slowly
from bakeoff.errors import PluginError, TemplateError
from bakeoff.records import Case, Choice, Sample, Score
from bakeoff.run.benches import check_gradable
from bakeoff.sandbox import confined
from bakeoff.server.faults import GoneError, RefusedError, TooLargeError, TooSlowError
from bakeoff.server.secret_values import secret_values
from bakeoff.server.settings import Settings
from bakeoff.server.specs.permits import check_document, check_rows
from bakeoff.server.waiting import GIVEN_UP

_AT_A_TIME = 8
_LOOK_EVERY = 100
_LOOK_S = 0.1
GIVEN = "given"
"""The benchmark and the target of scores of given answers."""


class GivenRow(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that somebody else has, and what it is graded by.

    Attributes:
        fields: of the row; templates and scorers see these names.
        answer: what is graded.
        reference: the right answer, None where there is none.
        accepted: other right forms of the answer.
    """

    fields: dict[str, Any] = {}
    answer: str
    reference: str | None = None
    accepted: tuple[str, ...] = ()


def grade_rows(
    rows: Sequence[GivenRow], scorers: Sequence[Mapping[str, Any]], settings: Settings
) -> list[list[Score]]:
    """Return the scores of each row, one for each scorer in their order. Blocking.

    Args:
        rows: at most `settings.most_rows`.
        scorers: entries as in the `scorers` of a spec.
        settings: say what they may reach, and how long the call may take.

    Raises:
        RefusedError: a scorer is wrong, is not there, or reaches for what it may not have.
        TooLargeError: there are too many rows.
        TooSlowError: it takes longer than a call may.
        GoneError: nobody waits for it any more.
        DataError: a row lacks what a scorer needs.
    """
    if len(rows) > settings.most_rows:
        raise TooLargeError(
            f"{len(rows):,} rows are more than the {settings.most_rows:,} that this server takes",
            hint="send them in several calls",
        )
    cases = [_case(row, at) for at, row in enumerate(rows)]
    with tempfile.TemporaryDirectory(prefix="bakeoff-score-") as folder:
        named = make_scorers(scorers, settings, cases=cases, base=Path(folder))
        check_gradable(GIVEN, named, cases, "rows")
        samples = [_sample(row, case) for row, case in zip(rows, cases, strict=True)]
        with confined():
            return asyncio.run(_graded(samples, cases, named, settings.wait))


def make_scorers(
    scorers: Sequence[Mapping[str, Any]],
    settings: Settings,
    *,
    cases: Sequence[Case] = (),
    base: Path | None = None,
) -> list[NamedScorer]:
    """Return scorers in their order, under the names of their types; dialects check by it what they register.

    Args:
        scorers: entries as in the `scorers` of a spec.
        settings: say what they may reach.
        cases: where they are known; they may bring assertions along, which are checked as well.
        base: where the paths of files start.

    Raises:
        RefusedError: one of them is wrong, is not there, or reaches for what it may not have.
    """
    document: dict[str, Any] = {"benchmarks": [{"scorers": list(scorers)}]}
    check_document(document, settings)
    check_rows(document, cases, settings)
    secrets = secret_values(settings)
    return [
        _made(entry, f"scorers[{at}]", secrets, cases, base or Path()) for at, entry in enumerate(scorers)
    ]


def _made(
    entry: Mapping[str, Any], where: str, secrets: Mapping[str, str], cases: Sequence[Case], base: Path
) -> NamedScorer:
    kind = entry.get("type")
    if not isinstance(kind, str):
        raise RefusedError(f"{where}: a scorer needs a `type`")
    options = cast("dict[str, Any]", _filled({k: v for k, v in entry.items() if k != "type"}, secrets, where))
    try:
        scorer = make(placed(Choice(type=kind, options=options), base))
        return NamedScorer(name=kind, scorer=settled(scorer, cases) if cases else scorer)
    except (PluginError, TemplateError) as error:
        place = f"{where}: {error.where}" if error.where else where
        raise RefusedError(f"{place}: {error.message}", hint=error.hint) from error


def _filled(value: object, secrets: Mapping[str, str], where: str, key: str = "") -> object:
    """Return options with the secrets that they name as `api_key: ${NAME}`; no other text is touched."""
    if isinstance(value, Mapping):
        members = cast("Mapping[str, object]", value)
        return {name: _filled(each, secrets, where, name) for name, each in members.items()}
    if isinstance(value, (list, tuple)):
        return [_filled(each, secrets, where) for each in cast("Sequence[object]", value)]
    if key == "api_key" and isinstance(value, str) and value.startswith("${") and value.endswith("}"):
        name = value[2:-1].removesuffix(":-")
        if name not in secrets and not value.endswith(":-}"):
            raise RefusedError(f"{where}: the variable `{name}` is not set on this server")
        return secrets.get(name, "")
    return value


def _case(row: GivenRow, at: int) -> Case:
    return Case(
        id=str(at + 1), fields=row.fields, reference=row.reference, accepted=row.accepted, line=at + 1
    )


def _sample(row: GivenRow, case: Case) -> Sample:
    outcome = "ok" if row.answer.strip() else "empty"
    return Sample(benchmark=GIVEN, case=case.id, target=GIVEN, outcome=outcome, text=row.answer)


async def _graded(
    samples: Sequence[Sample], cases: Sequence[Case], named: Sequence[NamedScorer], seconds: float
) -> list[list[Score]]:
    """Return the scores by row; slow scorers work on a few answers at a time."""
    until = clock.now_ns() + round(seconds * 1e9)
    found: list[list[Score | None]] = [[None] * len(named) for _ in samples]
    quick = [at for at, each in enumerate(named) if not each.slow]
    for row, (sample, case) in enumerate(zip(samples, cases, strict=True)):
        for at in quick:
            (found[row][at],) = grade(sample, case, [named[at]])
        if row % _LOOK_EVERY == 0:
            _go_on()
            if clock.now_ns() > until:
                raise _too_slow(seconds)
    places = [(row, at) for row in range(len(samples)) for at, each in enumerate(named) if each.slow]
    waiting = iter(places)

    async def work() -> None:
        # Workers share one list: as many tasks as rows would be in memory at once otherwise.
        for row, at in waiting:
            found[row][at] = await grade_slowly(samples[row], cases[row], named[at])

    try:
        async with asyncio.timeout(max(0.0, (until - clock.now_ns()) / 1e9)) as limit:
            async with _until_given_up(limit), asyncio.TaskGroup() as group:
                for _ in range(min(_AT_A_TIME, len(places))):
                    group.create_task(work())
    except TimeoutError:
        _go_on()
        raise _too_slow(seconds) from None
    return cast("list[list[Score]]", found)


@contextlib.asynccontextmanager
async def _until_given_up(limit: asyncio.Timeout) -> AsyncGenerator[None]:
    """Let the limit be over as soon as nobody waits any more."""
    given_up = GIVEN_UP.get()

    async def watch() -> None:
        while not given_up():  # noqa: ASYNC110  what it asks is another thread's, which sets no event here
            await asyncio.sleep(_LOOK_S)
        limit.reschedule(0)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


def _go_on() -> None:
    if GIVEN_UP.get()():
        raise GoneError("nobody waits for these grades any more")


def _too_slow(seconds: float) -> TooSlowError:
    return TooSlowError(
        f"grading takes longer than the {seconds:g} s that a call may take", hint="send fewer rows"
    )
