from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from bakeoff.datasets.jsonl import JsonLines
from bakeoff.datasets.synthetic import Synthetic
from bakeoff.errors import DataError
from bakeoff.prompts import check_references, content_hash, conversations, load_cases
from bakeoff.records import BenchmarkSpec, Case, Grade, Message, Sample
from bakeoff.records.spec import Choice, FieldsSpec


@pytest.fixture
def load(tmp_path: Path):
    def load(rows: list[dict[str, Any]], seed: int = 0, **options: Any) -> list[Case]:
        (tmp_path / "data.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
        benchmark = benchmark_of("data.jsonl", **options)
        return load_cases(benchmark, JsonLines(path="data.jsonl"), tmp_path, seed)

    return load


def benchmark_of(path: str = "", name: str = "own", **options: Any) -> BenchmarkSpec:
    dataset = Choice(type="jsonl", options={"path": path} if path else {})
    return BenchmarkSpec(name=name, dataset=dataset, **options)


def ids(cases: list[Case]) -> list[str]:
    return [case.id for case in cases]


@pytest.mark.parametrize("name", ["reference", "answer", "target", "expected", "label", "ideal"])
def test_the_usual_names_of_the_right_answer_are_known(load, name):
    assert load([{"input": "x", name: 4}])[0].reference == 4


@pytest.mark.parametrize("name", ["accepted", "aliases", "references"])
def test_the_usual_names_of_other_forms_are_known(load, name):
    assert load([{"answer": "a", name: ["b", 3, None]}])[0].accepted == ("b", "3")


def test_named_fields_win_over_the_usual_ones(load):
    fields = FieldsSpec(
        id="key", reference="gold", accepted="also", cluster="doc", slices=("lang", "level"), messages="turns"
    )
    row = {"key": 7, "id": 1, "gold": "g", "answer": "no", "also": "G", "doc": 9, "lang": "de", "level": 2}
    case = load([{**row, "turns": [{"role": "user", "content": "hi"}]}], fields=fields)[0]
    assert (case.id, case.reference, case.accepted, case.cluster) == ("7", "g", ("G",), "9")
    assert case.slices == {"lang": "de", "level": "2"}
    assert case.messages == (Message(role="user", content="hi"),)


def test_category_and_difficulty_are_slices_where_present(load):
    cases = load([{"category": "maths", "difficulty": None}, {"difficulty": 3}])
    assert [case.slices for case in cases] == [{"category": "maths"}, {"difficulty": "3"}]


def test_a_row_without_an_answer_is_fine(load):
    assert load([{"input": "x"}])[0].reference is None


def test_a_list_of_right_answers_is_one_reference_and_its_other_forms(load):
    case = load([{"ideal": ["Paris", "paris, france"]}])[0]
    assert (case.reference, case.accepted) == ("Paris", ("paris, france",))


def test_json_lists_in_text_cells_are_read(load):
    row = {"messages": '[{"role":"user","content":"hi"}]', "accepted": '["a","b"]', "answer": "[not json"}
    case = load([row])[0]
    assert (len(case.messages), case.accepted, case.reference) == (1, ("a", "b"), "[not json")


@pytest.mark.parametrize("answer", [1, "B", "b", "Rome "])
def test_the_answer_to_choices_becomes_a_letter_and_its_text(load, answer):
    case = load([{"question": "?", "choices": ["Oslo", "Rome"], "answer": answer}])[0]
    assert (case.reference, case.accepted) == ("B", ("Rome",))
    assert case.fields["choices"] == ["Oslo", "Rome"]


def test_an_answer_outside_the_choices_names_its_line(load):
    good = {"choices": ["x", "y"], "answer": 0}
    with pytest.raises(DataError, match=r"data\.jsonl:2: the answer is 2, and there are 2 choices"):
        load([good, {"choices": ["x", "y"], "answer": 2}])


def test_an_answer_that_is_one_choice_s_letter_and_another_s_text_is_refused(load):
    with pytest.raises(DataError, match="letter of one choice and the text of another"):
        load([{"choices": ["B", "A"], "answer": "A"}])
    assert load([{"choices": ["A", "B"], "answer": "B"}])[0].reference == "B"


def test_ids_come_from_the_content_and_survive_other_rows_and_key_order(load):
    alone = load([{"input": "x", "n": 1}])
    among = load([{"input": "new"}, {"n": 1, "input": "x"}])
    assert ids(alone)[0] == ids(among)[1]


def test_equal_rows_get_numbered_ids(load):
    first, second, third = ids(load([{"a": 1}, {"a": 1}, {"a": 1}]))
    assert (second, third) == (f"{first}-2", f"{first}-3")


def test_an_id_given_twice_names_both_lines(load):
    with pytest.raises(DataError, match=r"data\.jsonl:3: the id `7` stands on line 1 already"):
        load([{"id": "7"}, {"id": "8"}, {"id": 7}])


def test_all_ids_given_twice_are_named_at_once(load):
    with pytest.raises(DataError, match=r"data\.jsonl:3: the id `7` .*; 6 other rows .*`8` \(line 4\), .*…"):
        load([{"id": "7"}, {"id": "8"}, {"id": 7}, *[{"id": 8}] * 6])


def test_rows_of_some_without_a_right_answer_are_to_be_mended():
    cases = [Case(id="a", reference="1"), Case(id="b")]
    with pytest.raises(DataError) as caught:
        check_references(cases, {"exact": NeedsReference()})
    assert "give these rows an answer" in str(caught.value.hint)


def test_an_id_that_is_no_name_is_refused(load):
    with pytest.raises(DataError, match="neither text nor a whole number"):
        load([{"id": [1]}])


@pytest.mark.parametrize(
    "options",
    [
        {"fields": FieldsSpec(reference="anwser")},
        {"where": {"anwser": "4"}},
        {"fields": FieldsSpec(slices=("anwser",))},
    ],
)
def test_a_field_that_no_row_has_is_refused_with_the_near_one(load, options):
    with pytest.raises(DataError, match="Did you mean `answer`") as caught:
        load([{"input": "x", "answer": "4"}], **options)
    assert "fields: input, answer" in str(caught.value)


def test_where_compares_as_text(load):
    rows = [{"n": 1, "ok": True}, {"n": 2, "ok": True}, {"n": 2, "ok": False}, {"ok": True}]
    assert [case.line for case in load(rows, where={"n": "2", "ok": "true"})] == [2]


def test_where_that_leaves_nothing_says_so(load):
    with pytest.raises(DataError, match="none of the 2 rows passes `where`"):
        load([{"n": 1}, {"n": 2}], where={"n": "3"})


def test_limit_takes_the_first_or_a_seeded_sample_with_the_same_ids(load):
    rows = [{"n": n % 40} for n in range(80)]
    every = ids(load(rows))
    assert ids(load(rows, limit=5)) == every[:5]
    drawn = ids(load(rows, limit=20, sample="random", seed=1))
    assert drawn == ids(load(rows, limit=20, sample="random", seed=1))
    assert drawn != ids(load(rows, limit=20, sample="random", seed=2))
    assert len(set(drawn)) == 20
    assert [name for name in every if name in set(drawn)] == drawn
    assert ids(load(rows, limit=100, sample="random")) == every


def test_limit_counts_after_where(load):
    rows = [{"n": n % 2} for n in range(10)]
    assert [case.line for case in load(rows, where={"n": "1"}, limit=2)] == [2, 4]


def test_an_endless_dataset_gives_as_many_as_asked():
    dataset = Synthetic(prompt_tokens=3)
    assert len(load_cases(benchmark_of(), dataset, Path(), 0, 7)) == 7
    assert len(load_cases(benchmark_of(limit=4, sample="random"), dataset, Path(), 0, 7)) == 4
    with pytest.raises(DataError, match="never ends"):
        load_cases(benchmark_of(), dataset, Path(), 0)


def test_seed_and_benchmark_make_the_synthetic_prompts():
    dataset = Synthetic(prompt_tokens=8)
    one = load_cases(benchmark_of(), dataset, Path(), 0, 3)
    assert one == load_cases(benchmark_of(), dataset, Path(), 0, 3)
    assert one != load_cases(benchmark_of(), dataset, Path(), 1, 3)
    assert one != load_cases(benchmark_of(name="other"), dataset, Path(), 0, 3)


def test_ids_that_an_endless_dataset_repeats_are_refused():
    class Stuck(msgspec.Struct, frozen=True):
        endless: bool = True

        def cases(self, base: Path, rng: Random):
            while True:
                yield Case(id="same", fields={"n": rng.random()})

    with pytest.raises(DataError, match="the id `same`"):
        load_cases(benchmark_of(), Stuck(), Path(), 0, 2)


def test_bad_messages_name_line_and_form(load):
    with pytest.raises(DataError, match=r"data\.jsonl:1: `messages` cannot be read: .*role") as caught:
        load([{"messages": [{"content": "x"}]}])
    assert '"role": "user"' in str(caught.value)


class NeedsReference(msgspec.Struct, frozen=True):
    metric: str = "accuracy"

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:
        if case.reference is None:
            return Grade(value=None, passed=None, reason="the case has no reference")
        return Grade(value=0.0, passed=False, parsed=answer)


def test_cases_that_a_scorer_cannot_grade_are_refused_by_name():
    cases = [Case(id=f"c{n}", line=n, reference="x" if n == 1 else None) for n in range(1, 9)]
    with pytest.raises(DataError) as caught:
        check_references(cases, {"exact": NeedsReference()}, "own", "data.jsonl")
    message = str(caught.value)
    assert "data.jsonl: the scorer `exact` cannot grade 7 of 8 cases" in message
    assert "`c2` (line 2)" in message
    assert "`c7`" not in message
    check_references(cases[:1], {"exact": NeedsReference()})


def test_the_content_hash_tells_order_and_answers_but_not_lines():
    a, b = Case(id="a", fields={"x": 1, "y": 2}, line=1), Case(id="b", fields={"x": 2}, line=2)
    moved = Case(id="a", fields={"y": 2, "x": 1}, line=9)
    assert content_hash([a, b]) == content_hash([moved, b])
    assert content_hash([a, b]) != content_hash([b, a])
    assert content_hash([a]) != content_hash([msgspec.structs.replace(a, reference="r")])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"choices": ["x"] * 27, "answer": 0}, "27 choices; at most 26 have a letter"),
        ({"answer": "a", "accepted": {"b": 1}}, "the accepted forms are an object"),
        ({"choices": ["x", "y"], "answer": -1}, "the answer is -1"),
    ],
)
def test_a_row_that_cannot_be_mapped_names_its_line(load, row, message):
    with pytest.raises(DataError, match=rf"data\.jsonl:2: {message}"):
        load([{"n": 1}, row])


@pytest.mark.parametrize("answer", [True, 0.5, "neither"])
def test_an_answer_that_is_none_of_the_choices_stays_as_it_is(load, answer):
    assert load([{"choices": ["x", "y"], "answer": answer}])[0].reference == answer


def test_blank_cells_are_no_accepted_forms_and_a_broken_list_is_text(load):
    cases = load([{"accepted": " ", "answer": "a"}, {"accepted": "[sic", "answer": ["a", 1]}])
    assert [(case.reference, case.accepted) for case in cases] == [("a", ()), (["a", 1], ("[sic",))]


class Talks(msgspec.Struct, frozen=True, kw_only=True):
    """Conversations of one to three turns, `endless` or five."""

    endless: bool = False

    def cases(self, base: Path, rng: Random) -> Iterator[Case]:
        del base, rng
        for number in range(1_000_000 if self.endless else 5):
            before: str | None = None
            for turn in range(1 + number % 3):
                name = f"{number}.{turn}"
                kind = "odd" if number % 2 else "even"
                fields = {"input": name} | ({} if turn else {"kind": kind})
                yield Case(id=name, fields=fields, follows=before)
                before = name


def test_conversations_are_the_cases_that_follow_one_another():
    found = conversations(Talks().cases(Path(), Random()))
    assert [ids(turns) for turns in found] == [
        ["0.0"],
        ["1.0", "1.1"],
        ["2.0", "2.1", "2.2"],
        ["3.0"],
        ["4.0", "4.1"],
    ]
    assert list(conversations([])) == []


@pytest.mark.parametrize("endless", [False, True])
def test_a_limit_counts_conversations(endless):
    found = load_cases(benchmark_of(limit=3), Talks(endless=endless), Path(), 0)
    assert ids(found) == ["0.0", "1.0", "1.1", "2.0", "2.1", "2.2"]


def test_a_random_sample_draws_conversations():
    found = load_cases(benchmark_of(limit=3, sample="random"), Talks(), Path(), 1)
    whole = [ids(turns) for turns in conversations(Talks().cases(Path(), Random()))]
    drawn = [ids(turns) for turns in conversations(found)]
    assert len(drawn) == 3
    assert all(turns in whole for turns in drawn)


def test_a_conversation_is_kept_or_left_out_by_its_first_turn():
    found = load_cases(benchmark_of(where={"kind": "odd"}), Talks(), Path(), 0)
    assert ids(found) == ["1.0", "1.1", "3.0"]
