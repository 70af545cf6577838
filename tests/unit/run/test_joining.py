import pytest

from bakeoff.errors import UsageError
from bakeoff.importers._shape import make_target
from bakeoff.records import Case, Message, Sample
from bakeoff.records.imported import Imported, ImportedBenchmark
from bakeoff.run.joining import joined, union


def part(
    tool: str = "lm-eval",
    model: str = "m",
    benchmark: str = "arc",
    *,
    endpoint: str | None = None,
    cases: dict[str, str] | None = None,
    measured: bool = False,
    load: int | None = None,
) -> Imported:
    """A part of one benchmark; `cases` are ids with their questions."""
    target = make_target(model, endpoint)
    rows = [Case(id=name, fields={"q": text}) for name, text in (cases or {"1": "one"}).items()]
    return Imported(
        tool=tool,
        targets=(target,),
        benchmarks=(
            ImportedBenchmark(
                name=benchmark,
                measured=measured,
                load={"kind": "concurrent", "concurrency": load} if load else None,
            ),
        ),
        samples=[Sample(benchmark=benchmark, case=row.id, target=target.name, outcome="ok") for row in rows],
        cases={} if measured else {benchmark: rows},
    )


def speed(tool: str = "guidellm", **given: object) -> Imported:
    return part(tool, benchmark="load", measured=True, **given)


def targets(parts: list[Imported]) -> list[str]:
    return [target.name for each in parts for target in each.targets]


def benchmarks(parts: list[Imported]) -> list[str]:
    return [bench.name for each in parts for bench in each.benchmarks]


def test_graded_answers_and_speed_of_one_model_are_one_target() -> None:
    found = joined([part(endpoint="http://a:1/v1"), speed(endpoint="http://a:1")])
    assert targets(found) == ["m", "m"]
    assert [each.notes for each in found] == [[], []], "one server, so nothing is assumed"


def test_what_was_assumed_is_told() -> None:
    found = joined([part(), speed(endpoint="http://b:2")])
    assert targets(found) == ["m", "m"]
    asked = "lm-eval asked `m`, it does not say where and guidellm asked `m` at b:2"
    assert found[1].notes == [f"m: taken for one target, though {asked}"]


def test_the_word_of_the_first_file_on_a_target_stands() -> None:
    first, second = joined([part(endpoint="http://a:1"), speed(endpoint="http://b:2")])
    assert first.targets == second.targets
    assert first.targets[0].endpoint == "http://a:1"


def test_two_measurements_of_one_thing_stay_apart() -> None:
    found = joined([speed(), speed("aiperf"), speed("aiperf")])
    assert targets(found) == ["m", "m-aiperf", "m-aiperf-2"]
    assert benchmarks(found) == ["load"] * 3
    assert {sample.target for sample in found[1].samples} == {"m-aiperf"}


def test_two_servers_under_different_loads_stay_apart() -> None:
    found = joined([speed(endpoint="http://a:1", load=1), speed("aiperf", endpoint="http://b:2", load=8)])
    assert targets(found) == ["m", "m-aiperf"]
    assert benchmarks(found) == ["load", "load-aiperf"]
    one_server = [speed(endpoint="http://a:1", load=1), speed("aiperf", endpoint="http://a:1/v1", load=8)]
    assert targets(joined(one_server)) == ["m", "m"]


def test_models_of_one_short_name_stay_apart_unless_they_are_named() -> None:
    parts = [part(model="org m"), speed(model="org-m")]
    assert targets(joined(parts)) == ["org-m", "org-m-guidellm"]
    assert targets(joined(parts, {"org-m": "mine"})) == ["mine", "mine"]


def test_a_renamed_model_joins_the_other_and_says_so() -> None:
    found = joined([part(), speed(model="served")], {"served": "m"})
    assert targets(found) == ["m", "m"]
    assert "guidellm asked `served`" in found[1].notes[0]
    assert {sample.target for each in found for sample in each.samples} == {"m"}


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        UsageError, match=r"no file has a model called `sevred`\. Did you mean `served`"
    ) as caught:
        joined([part(), speed(model="served")], {"sevred": "m"})
    assert caught.value.hint == "the files have: m, served"


def test_different_questions_under_one_name_are_two_benchmarks() -> None:
    found = joined([part(), part(model="n", cases={"1": "another one"})])
    assert benchmarks(found) == ["arc", "arc-lm-eval"]
    assert list(found[1].cases) == ["arc-lm-eval"]


def test_more_documents_or_another_pace_keep_the_benchmark() -> None:
    found = joined([part(load=1), part(model="n", cases={"1": "one", "2": "two"}, load=8)])
    assert benchmarks(found) == ["arc", "arc"]
    assert [case.id for case in union([each.cases["arc"] for each in found])] == ["1", "2"]


def test_a_document_worded_by_two_chat_templates_is_one_case() -> None:
    rows = [
        [Case(id="1", fields={"q": "one"}, messages=(Message(role="user", content=text),))]
        for text in ("a", "b")
    ]
    parts = [part(), part(model="n")]
    parts = [
        Imported(
            tool=p.tool, targets=p.targets, benchmarks=p.benchmarks, samples=p.samples, cases={"arc": row}
        )
        for p, row in zip(parts, rows, strict=True)
    ]
    assert benchmarks(joined(parts)) == ["arc", "arc"]
    assert union(rows) == rows[0]


def test_tasks_of_one_model_in_two_files_are_one_target() -> None:
    assert targets(joined([part(), part(benchmark="gsm8k")])) == ["m", "m"]
