"""One id in several runs: the same case where it says the same."""

from pathlib import Path

import msgspec
from tests.unit.decide.parts import score

from bakeoff.decide.gather.collect import Answers, Timed
from bakeoff.records import Case
from bakeoff.run.common_cases import common_cases, with_ids
from bakeoff.run.folder import CaseLine


def write(folder: Path, *cases: Case) -> Path:
    folder.mkdir()
    lines = [msgspec.json.encode(CaseLine(benchmark="b", case=case)) for case in cases]
    (folder / "cases.jsonl").write_bytes(b"\n".join(lines))
    return folder


def case(name: str, text: str, line: int = 0) -> Case:
    return Case(id=name, fields={"q": text}, line=line)


def test_a_case_is_the_same_wherever_it_was_read_from(tmp_path):
    runs = [write(tmp_path / "one", case("c0", "x", 1)), write(tmp_path / "two", case("c0", "x", 7))]
    found = common_cases(runs)["b"]
    assert (set(found.cases), found.changed, found.renamed) == ({"c0"}, set(), {})


def test_an_id_with_two_contents_is_two_cases(tmp_path):
    runs = [
        write(tmp_path / "one", case("c0", "x"), case("c1", "x")),
        write(tmp_path / "two", case("c0", "y"), case("c1", "x")),
        write(tmp_path / "three", case("c0", "y")),
    ]
    found = common_cases(runs)["b"]
    names = [found.renamed[run]["c0"] for run in ("one", "two", "three")]
    assert names[0] != names[1] == names[2]
    assert set(found.cases) == {"c1", *names}
    assert found.cases[names[1]].fields == {"q": "y"}
    assert found.changed == {"c0"}


def test_a_run_without_stored_cases_changes_nothing(tmp_path):
    (tmp_path / "one").mkdir()
    assert common_cases([tmp_path / "one", write(tmp_path / "two", case("c0", "x"))])["b"].changed == set()


def test_answers_take_the_new_ids():
    answers = Answers(
        samples=[],
        scores={"exact": {("c0", 0): score("c0"), ("c1", 0): score("c1")}},
        requests={("main", "c0", 0): Timed(due=1)},
        warmups=3,
    )
    found = with_ids(answers, {"c0": "c0@1"})
    assert list(found.scores["exact"]) == [("c0@1", 0), ("c1", 0)]
    assert list(found.requests) == [("main", "c0@1", 0)]
    assert found.warmups == 3
    assert with_ids(Answers(samples=[], scores={}), {"c0": "c1"}).requests is None
