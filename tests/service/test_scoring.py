"""Given answers are graded as a run grades its own, and no scorer reaches what it may not have."""

import asyncio
from pathlib import Path

import pytest

from bakeoff.errors import BakeoffError, DataError
from bakeoff.records import Score
from bakeoff.sandbox import is_confined, unconfinable
from bakeoff.server.faults import RefusedError, TooLargeError, TooSlowError
from bakeoff.server.settings import Settings
from bakeoff.server.specs.permits import check_document
from bakeoff.server.specs.scoring import GivenRow, grade_rows, make_scorers
from bakeoff.testing.truth import TruthProcess, TruthSettings

pytestmark = pytest.mark.timeout(120)
VERDICTS = {"I say: Lyon": "No.\nINCORRECT", "Paris": "Yes.\nCORRECT", "babble, babble": "hm"}


@pytest.fixture(scope="module")
def judge():
    settings = TruthSettings(answer="table", answers=VERDICTS)
    with TruthProcess(settings) as process:
        yield process


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


def row(answer: str, reference: str | None = "Paris", **fields: object) -> GivenRow:
    return GivenRow(fields=fields, answer=answer, reference=reference)


def verdicts(scores: list[list[Score]]) -> list[list[bool | None]]:
    return [[score.passed for score in each] for each in scores]


def test_each_row_has_one_score_per_scorer_in_their_order(settings: Settings):
    scorers = [
        {"type": "exact"},
        {"type": "contains", "value": "{{city}}"},
        {"type": "not-equals", "value": "Lyon"},
    ]
    rows = [row("Paris", city="Paris"), row("It is Paris", city="Rome"), row("Lyon", city="Lyon")]
    found = grade_rows(rows, scorers, settings)
    assert verdicts(found) == [[True, True, True], [False, False, True], [False, True, False]]
    assert [score.scorer for score in found[0]] == ["exact", "contains", "not-equals"]
    assert [each[0].case for each in found] == ["1", "2", "3"]
    assert grade_rows([], scorers, settings) == []


def test_an_empty_answer_is_not_graded_as_in_a_run(settings: Settings):
    ((score,),) = grade_rows([row("  ")], [{"type": "exact"}], settings)
    assert (score.outcome, score.value, score.passed) == ("empty", None, None)


def test_sets_weights_and_parts_are_as_in_a_run(settings: Settings):
    inner = [{"type": "contains", "value": "a", "weight": 3}, {"type": "contains", "value": "z"}]
    ((score,),) = grade_rows(
        [row("a")], [{"type": "assert-set", "assert": inner, "threshold": 0.7}], settings
    )
    assert score.passed is True
    assert score.parts[0].value == 0.75


def test_judges_and_other_scorers_stand_side_by_side(settings: Settings, judge: TruthProcess):
    asks = {"type": "judge", "endpoint": judge.url, "model": "m", "mode": "label"}
    rows = [row(name) for name in ("Paris", "I say: Lyon", "babble, babble") * 8]
    found = grade_rows(rows, [asks, {"type": "exact"}, {**asks, "type": "not-judge"}], settings)
    assert verdicts(found[:3]) == [[True, True, False], [False, False, True], [None, False, None]]
    assert [each[0].outcome for each in found[:3]] == ["ok", "ok", "judge_failed"]
    assert verdicts(found) == verdicts(found[:3]) * 8
    assert found[0][0].judgements[0].verdict == "CORRECT"


def test_a_judge_in_a_set_fails_the_set_and_its_words_are_kept(settings: Settings, judge: TruthProcess):
    asks = {"type": "judge", "endpoint": judge.url, "model": "m", "mode": "label"}
    whole = {"type": "assert-set", "assert": [asks, {"type": "contains", "value": "b"}]}
    rows = [row("babble, babble"), row("I say: Lyon")]
    (first,), (second,) = grade_rows(rows, [whole], settings)
    assert (first.outcome, first.passed, first.value) == ("judge_failed", None, None)
    assert (second.outcome, second.passed) == ("ok", False)
    assert [len(each.judgements) for each in (first, second)] == [1, 1]


def test_a_judges_key_is_a_reference_that_the_server_offers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JUDGE_KEY", "planted")
    table = TruthSettings(answer="table", answers=VERDICTS, api_key="planted")
    with TruthProcess(table) as process:
        asks = {
            "type": "judge",
            "endpoint": process.url,
            "model": "m",
            "mode": "label",
            "api_key": "${JUDGE_KEY}",
        }
        ((score,),) = grade_rows([row("Paris")], [asks], Settings(data=tmp_path, secrets=("JUDGE_KEY",)))
        assert score.passed is True
        with pytest.raises(RefusedError, match="JUDGE_KEY"):
            grade_rows([row("Paris")], [asks], Settings(data=tmp_path))
    monkeypatch.delenv("JUDGE_KEY")
    with pytest.raises(RefusedError, match="not set"):
        grade_rows([row("Paris")], [asks], Settings(data=tmp_path, secrets=("JUDGE_KEY",)))


ELSEWHERE = {"type": "judge", "endpoint": "http://203.0.113.9/v1", "model": "m"}


@pytest.mark.parametrize(
    ("scorer", "said"),
    [
        ({"type": "nothing"}, "nothing"),
        ({"value": "x"}, "type"),
        ({"type": "exact", "colour": 1}, "colour"),
        ({"type": "regex", "pattern": "("}, "regular expression"),
        ({"type": "judge", "endpoint": "http://127.0.0.1/v1", "model": "m", "template": "{{"}, "template"),
        (ELSEWHERE, "may not ask"),
        ({"type": "similar", "endpoint": "http://203.0.113.9/v1", "model": "m"}, "may not ask"),
        ({"type": "assert-set", "assert": [ELSEWHERE]}, "may not ask"),
        ({"type": "assert-set", "assert": [{"type": "assert-set", "assert": [ELSEWHERE]}]}, "may not ask"),
        ({"type": "assertions", "assert": [{**ELSEWHERE, "type": "not-judge"}]}, "may not ask"),
        ({"type": "python", "value": "True", "allow_code": True}, "runs no code"),
        ({"type": "assert-set", "assert": [{"type": "javascript", "value": "true"}]}, "runs no code"),
        ({"type": "exact", "value": "file:///etc/passwd"}, "no file of this job"),
    ],
)
def test_what_is_wrong_or_not_allowed_is_refused_by_name(
    settings: Settings, scorer: dict[str, object], said: str
):
    with pytest.raises(RefusedError, match=said):
        grade_rows([row("Paris")], [scorer], settings)
    with pytest.raises(RefusedError, match=said):
        make_scorers([scorer], settings)


@pytest.mark.parametrize("column", ["assert", "checks"])
def test_rows_reach_no_further_than_the_scorers(settings: Settings, column: str):
    given = {"type": "assertions", "field": column}
    for own in ([ELSEWHERE], f'[{{"type": "judge", "endpoint": "{ELSEWHERE["endpoint"]}", "model": "m"}}]'):
        with pytest.raises(RefusedError, match="may not ask"):
            grade_rows([row("x"), GivenRow(answer="x", fields={column: own})], [given], settings)
    ((score,),) = grade_rows(
        [GivenRow(answer="x", fields={column: [{"type": "equals", "value": "x"}]})], [given], settings
    )
    assert score.passed is True


def test_rows_with_broken_assertions_are_told_of(settings: Settings):
    with pytest.raises(BakeoffError, match="assert"):
        grade_rows([GivenRow(answer="x", fields={"assert": "[{"})], [{"type": "assertions"}], settings)


def test_a_row_without_what_a_scorer_needs_is_named(settings: Settings):
    with pytest.raises(DataError, match="no reference"):
        grade_rows([row("Paris"), row("Paris", reference=None)], [{"type": "exact"}], settings)


def test_too_many_rows_are_refused(tmp_path: Path):
    with pytest.raises(TooLargeError):
        grade_rows([row("x")] * 4, [{"type": "exact"}], Settings(data=tmp_path, most_rows=3))


def test_what_takes_too_long_is_given_up(tmp_path: Path):
    with TruthProcess(TruthSettings(ttft=60)) as process:
        asks = {"type": "judge", "endpoint": process.url, "model": "m"}
        with pytest.raises(TooSlowError):
            grade_rows([row("x")] * 9, [asks], Settings(data=tmp_path, wait=0.5))


def test_quick_scorers_keep_to_the_time_too(tmp_path: Path):
    with pytest.raises(TooSlowError):
        grade_rows([row("x")] * 2000, [{"type": "exact"}], Settings(data=tmp_path, wait=1e-9))


def test_it_can_be_called_from_a_thread_of_a_server(settings: Settings):
    async def route() -> list[list[Score]]:
        return await asyncio.to_thread(grade_rows, [row("Paris")], [{"type": "exact"}], settings)

    assert verdicts(asyncio.run(route())) == [[True]]


def test_a_spec_with_a_judge_elsewhere_is_refused_wherever_it_stands(settings: Settings):
    for scorer in (ELSEWHERE, {"type": "assert-set", "assert": [ELSEWHERE]}):
        with pytest.raises(RefusedError, match="may not ask"):
            check_document({"benchmarks": [{"scorers": [scorer]}]}, settings)


@pytest.mark.skipif(bool(unconfinable()), reason="this system cannot confine code")
def test_code_of_a_call_is_shut_in_and_meets_nothing_of_another(tmp_path: Path):
    (tmp_path / "secret").write_text("planted")
    allowed = Settings(data=tmp_path, allow_code=True)
    reads = {"type": "python", "allow_code": True, "value": f"open({str(tmp_path / 'secret')!r}).read()"}
    counts = {
        "type": "python",
        "allow_code": True,
        "value": "import json\njson.n = getattr(json, 'n', 0) + 1\nreturn json.n",
    }
    for _ in range(2):
        ((read, counted),) = grade_rows([row("Paris")], [reads, counts], allowed)
        assert (read.outcome, read.value, counted.value) == ("judge_failed", None, 1.0)
        assert "planted" not in read.reason
    assert not is_confined()
