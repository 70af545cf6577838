"""The quickstart's questions are sound: distinct, balanced, answerable, and free of its examples."""

import json
import operator
import re
from collections import Counter
from importlib.resources import as_file, files
from typing import Any

import pytest
import yaml

from bakeoff.datasets.jsonl import JsonLines
from bakeoff.prompts import check_references, load_cases
from bakeoff.records import Sample
from bakeoff.scorers.contains import Contains
from bakeoff.spec import load_spec

DEMO = files("bakeoff.demo")
CATEGORIES = {"fact", "arithmetic", "sentiment", "extraction"}
KEYS = {"id", "category", "difficulty", "input", "reference", "accepted"}
EXPRESSION = re.compile(r"What is (\d+) ([-+*/]) (\d+)\?")
OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def folded(text: str) -> str:
    return " ".join(re.findall(r"[\w+*/-]+", text.casefold()))


def quoted(text: str) -> str:
    """Return what stands between the first and the last quotation mark."""
    return text[text.index('"') + 1 : text.rindex('"')]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    text = DEMO.joinpath("quickstart.jsonl").read_bytes().decode("ascii")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(DEMO.joinpath("quickstart.yaml").read_text("utf-8"))
    return loaded


@pytest.fixture(scope="module")
def examples(spec: dict[str, Any]) -> list[dict[str, Any]]:
    shots: list[dict[str, Any]] = spec["benchmarks"][0]["prompt"]["few_shot"]
    return shots


def of(rows: list[dict[str, Any]], category: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["category"] == category]


def test_rows_have_the_documented_keys(rows: list[dict[str, Any]]) -> None:
    assert all(row.keys() == KEYS for row in rows)
    assert {row["difficulty"] for row in rows} == {"easy", "medium"}


def test_there_are_enough_cases_in_each_category(rows: list[dict[str, Any]]) -> None:
    counts = Counter(row["category"] for row in rows)

    assert counts.keys() == CATEGORIES
    assert min(counts.values()) >= 30
    assert counts.total() >= 120


def test_ids_are_unique_and_name_the_category(rows: list[dict[str, Any]]) -> None:
    assert len({row["id"] for row in rows}) == len(rows)
    assert all(re.fullmatch(rf"{row['category']}-\d{{3}}", row["id"]) for row in rows)


def test_no_question_stands_twice(rows: list[dict[str, Any]]) -> None:
    repeated = [text for text, n in Counter(folded(row["input"]) for row in rows).items() if n > 1]

    assert repeated == []


def test_references_are_trimmed_text(rows: list[dict[str, Any]]) -> None:
    forms = [form for row in rows for form in (row["reference"], *row["accepted"])]

    assert all(isinstance(form, str) and form and form == form.strip() for form in forms)


def test_accepted_forms_differ_from_the_reference_and_each_other(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        forms = [form.casefold() for form in (row["reference"], *row["accepted"])]
        assert len(set(forms)) == len(forms), row["id"]


def test_no_question_gives_its_answer_away(rows: list[dict[str, Any]]) -> None:
    for row in of(rows, "fact") + of(rows, "arithmetic"):
        words = folded(row["input"]).split()
        assert not {form.casefold() for form in (row["reference"], *row["accepted"])} & set(words), row["id"]


def test_plain_sums_are_right_and_whole(rows: list[dict[str, Any]]) -> None:
    plain = [(row, m) for row in of(rows, "arithmetic") if (m := EXPRESSION.fullmatch(row["input"]))]

    assert len(plain) >= 25
    for row, match in plain:
        left, sign, right = match.groups()
        assert OPERATIONS[sign](int(left), int(right)) == int(row["reference"]), row["id"]


def test_arithmetic_uses_all_operations_and_many_answers(rows: list[dict[str, Any]]) -> None:
    arithmetic = of(rows, "arithmetic")
    signs = Counter(m[2] for row in arithmetic if (m := EXPRESSION.fullmatch(row["input"])))

    assert signs.keys() == OPERATIONS.keys()
    assert min(signs.values()) >= 3
    assert len({row["reference"] for row in arithmetic}) >= 20


def test_no_answer_repeats_often_outside_sentiment(rows: list[dict[str, Any]]) -> None:
    for category in CATEGORIES - {"sentiment"}:
        [(answer, count)] = Counter(row["reference"] for row in of(rows, category)).most_common(1)
        assert count <= 3, (category, answer)


def test_sentiment_is_half_and_half_in_each_difficulty(rows: list[dict[str, Any]]) -> None:
    counts = Counter((row["difficulty"], row["reference"]) for row in of(rows, "sentiment"))

    assert counts["easy", "positive"] == counts["easy", "negative"] > 0
    assert counts["medium", "positive"] == counts["medium", "negative"] > 0
    assert counts.total() == len(of(rows, "sentiment"))


def test_extraction_answers_stand_once_in_the_text(rows: list[dict[str, Any]]) -> None:
    for row in of(rows, "extraction"):
        answer = rf"(?<!\w){re.escape(row['reference'])}(?!\w)"
        assert len(re.findall(answer, quoted(row["input"]))) == 1, row["id"]


def test_reviews_do_not_name_their_label(rows: list[dict[str, Any]]) -> None:
    assert not [
        row["id"] for row in of(rows, "sentiment") if re.search("positive|negative", quoted(row["input"]))
    ]


def test_examples_cover_every_category(examples: list[dict[str, Any]]) -> None:
    assert {example["category"] for example in examples} == CATEGORIES
    assert all(isinstance(example["answer"], str) for example in examples)


def test_examples_are_not_among_the_cases(rows: list[dict[str, Any]], examples: list[dict[str, Any]]) -> None:
    asked = {folded(row["input"]) for row in rows}
    texts = {folded(quoted(row["input"])) for row in of(rows, "sentiment") + of(rows, "extraction")}

    for example in examples:
        assert folded(example["input"]) not in asked
        if '"' in example["input"]:
            assert folded(quoted(example["input"])) not in texts


def test_example_answers_answer_no_case(rows: list[dict[str, Any]], examples: list[dict[str, Any]]) -> None:
    shown = {(example["category"], example["answer"].casefold()) for example in examples}
    asked = {(row["category"], row["reference"].casefold()) for row in rows if row["category"] != "sentiment"}

    assert not shown & asked


def test_examples_have_the_fields_of_the_template(
    spec: dict[str, Any], examples: list[dict[str, Any]]
) -> None:
    fields = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", spec["benchmarks"][0]["prompt"]["template"]))

    assert fields <= KEYS
    assert all(fields <= example.keys() for example in examples)


def test_the_load_test_can_meet_its_own_rule(spec: dict[str, Any]) -> None:
    """With every request in time, the exact 95 % interval of n of n starts at 0.025 ** (1 / n)."""
    requests = spec["benchmarks"][1]["load"]["requests"]

    assert 0.025 ** (1 / requests) >= spec["decide"]["slo"]["attainment"]


def test_the_spec_is_accepted_and_its_scorer_can_grade_every_case(rows: list[dict[str, Any]]) -> None:
    with as_file(DEMO.joinpath("quickstart.yaml")) as path:
        benchmark = load_spec(path, {}).spec.benchmarks[0]
        cases = load_cases(benchmark, JsonLines(**benchmark.dataset.options), path.parent, seed=0)
    scorer = Contains(**benchmark.scorers[0].options)

    check_references(cases, {"contains": scorer})

    assert len(cases) == len(rows)
    for case in cases:
        sample = Sample(benchmark=benchmark.name, case=case.id, target="", outcome="ok")
        assert all(scorer.grade(form, case, sample).passed for form in (case.reference, *case.accepted)), (
            case.id
        )
