"""The cases of several runs by id: an id that means two things is two cases, told apart by their content."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from bakeoff.decide.gather.collect import Answers
from bakeoff.decide.gather.parts import part_scores
from bakeoff.prompts import content_hash
from bakeoff.records import Case
from bakeoff.run.folder import read_cases


class CommonCases(msgspec.Struct, kw_only=True):
    """One benchmark's cases.

    Attributes:
        cases: by id, `id@content` where an id has several contents.
        changed: the ids that have.
        renamed: by run, what these ids are called in it.
        known: all ids of which some run says what they asked.
    """

    cases: dict[str, Case] = {}
    changed: set[str] = set()
    renamed: dict[str, dict[str, str]] = {}
    known: set[str] = set()


def common_cases(folders: Sequence[Path]) -> dict[str, CommonCases]:
    """Return the cases of the runs by benchmark; the runs are read one after another."""
    found: dict[str, CommonCases] = {}
    for folder in folders:
        for benchmark, rows in read_cases(folder).items():
            own = found.setdefault(benchmark, CommonCases())
            own.known |= rows.keys()
            for name, case in rows.items():
                first = own.cases.setdefault(name, case)
                if first is not case and _differ(first, case):
                    own.changed.add(name)
    if any(own.changed for own in found.values()):
        for folder in folders:
            _tell_apart(found, folder)
    return found


def _differ(one: Case, other: Case) -> bool:
    # Hashes tell apart what is written differently, and cost more than rows that are equal need.
    return msgspec.structs.replace(one, line=0) != msgspec.structs.replace(other, line=0) and content_hash(
        [one]
    ) != content_hash([other])


def _tell_apart(found: Mapping[str, CommonCases], folder: Path) -> None:
    """Name a run's changed cases by their content."""
    for benchmark, rows in read_cases(folder).items():
        own = found[benchmark]
        for name in own.changed & rows.keys():
            unique = f"{name}@{content_hash([rows[name]])[:8]}"
            own.cases.pop(name, None)
            own.cases[unique] = rows[name]
            own.renamed.setdefault(folder.name, {})[name] = unique


def with_ids(answers: Answers, names: Mapping[str, str]) -> Answers:
    """Return the scores and the requests of answers under other case ids; samples are not kept.

    Args:
        answers: under the ids of their own run.
        names: the new id of each case that has one.
    """
    scores = {
        scorer: {(names.get(case, case), repeat): score for (case, repeat), score in own.items()}
        for scorer, own in answers.scores.items()
    }
    requests = None
    if answers.requests is not None:
        requests = {
            (stage, names.get(case, case), repeat): one
            for (stage, case, repeat), one in answers.requests.items()
        }
    return Answers(
        samples=[], scores=scores, parts=part_scores(scores), warmups=answers.warmups, requests=requests
    )
