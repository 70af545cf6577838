"""The cases of a benchmark: read, filtered, named, drawn. It renders nothing."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from random import Random

import msgspec

from bakeoff.errors import DataError
from bakeoff.extend import Dataset, Scorer
from bakeoff.plugins import suggest
from bakeoff.prompts.content import row_hash
from bakeoff.prompts.mapping import as_text, map_row
from bakeoff.records import BenchmarkSpec, Case, Sample
from bakeoff.records.spec import FieldsSpec

_SHOWN = 5


class _Reader:
    """Maps rows in order and remembers which fields and ids it has seen."""

    def __init__(self, benchmark: BenchmarkSpec) -> None:
        self.rows = 0
        self._benchmark = benchmark
        self._path = str(benchmark.dataset.options.get("path", ""))
        self._seen: dict[str, None] = {}
        self._lines: dict[str, int] = {}
        self._again: list[Case] = []
        self._hashes: Counter[str] = Counter()

    def read(self, rows: Iterable[Case]) -> Iterator[Case]:
        """Yield the cases of the rows that pass `where`, each with its id."""
        where = self._benchmark.where
        kept = False
        for row in rows:
            self.rows += 1
            self._seen.update(dict.fromkeys(row.fields))
            # A conversation is kept or left out whole, by its first turn.
            if row.follows is None:
                kept = all(k in row.fields and as_text(row.fields[k]) == text for k, text in where.items())
            if kept:
                yield self._named(map_row(row, self._benchmark.fields, self.place(row.line)))

    def place(self, line: int = 0) -> str:
        """Return where a row stands: file and line as far as they are known, else the benchmark."""
        place = self._path or f"benchmark `{self._benchmark.name}`"
        return f"{place}:{line}" if line else place

    def check_names(self) -> None:
        """Refuse a field that the spec names and no row has."""
        for key, name in self._asked():
            if name not in self._seen:
                raise DataError(
                    f"no row has the field `{name}` that {key} names.{suggest(name, self._seen)}",
                    where=self.place(),
                    hint=f"fields: {', '.join(self._seen)}",
                )

    def _asked(self) -> Iterator[tuple[str, str]]:
        spec = self._benchmark.fields
        for key in ("id", "reference", "accepted", "messages", "cluster"):
            name: str | None = getattr(spec, key)
            if name is not None:
                yield f"`fields.{key}`", name
        if spec.slices != FieldsSpec().slices:
            yield from (("`fields.slices`", name) for name in spec.slices)
        yield from (("`where`", name) for name in self._benchmark.where)

    def _named(self, case: Case) -> Case:
        if not case.id:
            return msgspec.structs.replace(case, id=self._content_id(case))
        if case.id in self._lines:
            self._again.append(case)
        else:
            self._lines[case.id] = case.line
        return case

    def check_ids(self) -> None:
        """Refuse rows of one id, all of them at once."""
        if not self._again:
            return
        first, *others = self._again
        text = f"the id `{first.id}` stands on line {self._lines[first.id]} already"
        if others:
            shown = ", ".join(_named(case) for case in others[:_SHOWN])
            more = ", …" if len(others) > _SHOWN else ""
            text += f"; {len(others)} other rows have an id of before too: {shown}{more}"
        raise DataError(
            text,
            where=self.place(first.line),
            hint="make ids unique, or leave the column out: then the content names each row",
        )

    def _content_id(self, case: Case) -> str:
        name = row_hash(case.fields)
        self._hashes[name] += 1
        count = self._hashes[name]
        return name if count == 1 else f"{name}-{count}"


def conversations(cases: Iterable[Case]) -> Iterator[list[Case]]:
    """Yield each conversation's turns in order; a case that nothing follows is one by itself."""
    turns: list[Case] = []
    for case in cases:
        if turns and case.follows is None:
            yield turns
            turns = []
        turns.append(case)
    if turns:
        yield turns


def load_cases(
    benchmark: BenchmarkSpec, dataset: Dataset, base: Path, seed: int, count: int | None = None
) -> list[Case]:
    """Return the cases of a benchmark, mapped and named, in the order of the dataset.

    A row without an id is named by its content, so its id outlives changes elsewhere in the file;
    the second of two equal rows gets the suffix `-2`. Ids do not depend on `limit` and `sample`.
    Limits count conversations, and cut none.

    Args:
        benchmark: says which fields hold what, which rows count (`where`) and how many (`limit`).
        dataset: where the rows come from.
        base: folder of the spec, where relative paths start.
        seed: of the run; draws the sample and feeds the dataset.
        count: how many to take from an endless dataset whose benchmark has no `limit`.

    Raises:
        DataError: a row cannot be read, two rows share an id, a named field is nowhere, no row is left.
    """
    reader = _Reader(benchmark)
    limit = benchmark.limit
    if dataset.endless:
        limit = limit or count
        if limit is None:
            raise DataError(
                f"the dataset `{benchmark.dataset.type}` never ends",
                where=f"benchmark `{benchmark.name}`",
                hint="say how many cases to take with `limit` or `load.requests`",
            )
    cases = reader.read(dataset.cases(base, _rng(seed, benchmark, "dataset")))
    if limit is None:
        chosen = list(cases)
    elif benchmark.sample == "first" or dataset.endless:
        chosen = list(chain.from_iterable(islice(conversations(cases), limit)))
    else:
        drawn = _drawn(list(conversations(cases)), limit, _rng(seed, benchmark, "sample"))
        chosen = list(chain.from_iterable(drawn))
    reader.check_ids()
    reader.check_names()
    if not chosen:
        raise DataError(
            f"none of the {reader.rows} rows passes `where`",
            where=reader.place(),
            hint="values are compared as text, such as `category: arithmetic`",
        )
    return chosen


def check_references(
    cases: Sequence[Case], scorers: dict[str, Scorer], benchmark: str = "", path: str = ""
) -> None:
    """Refuse cases that a scorer cannot grade, before anything is sent.

    Each scorer is tried on an empty answer: one that gives neither a value nor a yes or no, and judged no
    text, lacks something in the case itself, a reference above all.

    Args:
        cases: of the benchmark.
        scorers: by the name to show.
        benchmark: name to show.
        path: of the data file, to show.
    """
    for name, scorer in scorers.items():
        lacking: list[tuple[Case, str]] = []
        for case in cases:
            grade = scorer.grade("", case, Sample(benchmark=benchmark, case=case.id, target="", outcome="ok"))
            if grade.value is None and grade.passed is None and grade.parsed is None:
                lacking.append((case, grade.reason))
        if lacking:
            shown = ", ".join(_named(case) for case, _ in lacking[:_SHOWN])
            more = ", …" if len(lacking) > _SHOWN else ""
            raise DataError(
                f"the scorer `{name}` cannot grade {len(lacking)} of {len(cases)} cases: {lacking[0][1]}"
                f"; cases {shown}{more}",
                where=path or (f"benchmark `{benchmark}`" if benchmark else ""),
                hint=_hint(len(lacking), len(cases)),
            )


def _hint(lacking: int, rows: int) -> str:
    if 2 * lacking <= rows:
        return "give these rows an answer, or take them out of the data"
    return "name the field that holds the answer with `fields.reference`, or remove the scorer"


def _named(case: Case) -> str:
    return f"`{case.id}`" + (f" (line {case.line})" if case.line else "")


def _drawn(rows: list[list[Case]], limit: int, rng: Random) -> list[list[Case]]:
    if limit >= len(rows):
        return rows
    return [rows[i] for i in sorted(rng.sample(range(len(rows)), limit))]


def _rng(seed: int, benchmark: BenchmarkSpec, purpose: str) -> Random:
    # Seeded by text, so that a second benchmark or purpose does not shift the draws of the first.
    return Random(f"{seed}/{benchmark.name}/{purpose}")
