import shutil

import msgspec
import pytest

from bakeoff import plugins
from bakeoff.records import Case, Likelihood, Sample
from bakeoff.testing.contracts.scorers import check_grade, check_scorer, check_ungradable

NEEDS_NO_REFERENCE = {
    "contains-html", "contains-json", "contains-sql", "contains-xml", "is-html", "is-json", "is-refusal",
    "is-sql", "is-xml", "javascript", "python", "word-count",
}  # fmt: skip
"""They judge an answer by itself; a script decides itself what it needs of a case."""

PARIS = [{"type": "contains", "value": "{{reference}}"}, {"type": "not-icontains", "value": "rome"}]
DOUBLE = {
    "prompt": "def double(x):\n",
    "test": "def check(f):\n    assert f(2) == 4\n",
    "entry_point": "double",
}
RIGHT = {
    "type": "string_check",
    "operation": "eq",
    "input": "{{sample.output_text}}",
    "reference": "{{item.a}}",
}
EXAMPLES = {
    "assert-set": ({"assert": PARIS}, "It is Paris.", "It is Rome.", Case(reference="Paris")),
    "assertions": ({"assert": PARIS}, "It is Paris.", "It is Rome.", Case(reference="Paris")),
    "code-execution": ({"allow_code": True}, "    return x * 2", "    return x * 3", Case(fields=DOUBLE)),
    "javascript": (
        {"value": "output.includes(context.reference)", "allow_code": True},
        "Paris",
        "Rome",
        Case(reference="Paris"),
    ),
    "python": (
        {"value": "context['reference'] in output", "allow_code": True},
        "Paris",
        "Rome",
        Case(reference="Paris"),
    ),
    "choice": ({}, "The answer is B.", "(A)", Case(reference="B")),
    "contains": ({}, "It is Paris.", "It is Rome.", Case(reference="Paris")),
    "exact": ({}, "Paris", "Rome", Case(reference="Paris")),
    "openai-criterion": ({"criterion": RIGHT}, "Paris", "Rome", Case(fields={"a": "Paris"})),
    "numeric": ({}, "It is 4.", "It is 5.", Case(reference=4)),
    "regex": ({"pattern": r"is (\w+)", "group": 1}, "It is Paris.", "It is Rome.", Case(reference="Paris")),
}


CAT = Case(reference="the cat sat on the mat")
TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {"required": ["a"]}}}]
ADD = '[{"function": {"name": "add", "arguments": "{\\"a\\": 1}"}}]'
SUB = '[{"function": {"name": "sub", "arguments": "{\\"a\\": 1}"}}]'
NO_COMMA = Case(fields={"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]})
VALID = [name for name in plugins.names("scorers") if name.startswith("is-valid-")]
EXAMPLES |= {
    **{
        name: ({}, "the cat sat on the mat", "a dog", CAT)
        for name in ("bleu", "chrf", "gleu", "rouge-l", "rouge-n")
    },
    **{name: ({}, "the cat sat on the mat", "a dog", CAT) for name in ("em", "equals", "f1", "levenshtein")},
    **{name: ({}, "b a", "c", Case(reference="a, b")) for name in ("contains-all", "contains-any")},
    **{name: ({}, "a B", "c", Case(reference="A, b")) for name in ("icontains-all", "icontains-any")},
    "contains-html": ({}, "see <p>this</p>", "see this", Case()),
    "contains-json": ({"value": {"required": ["a"]}}, 'so: {"a": 1}', 'so: {"b": 1}', Case()),
    "contains-sql": ({}, "```sql\nselect 1\n```", "select nothing at all", Case()),
    "contains-xml": ({"value": "a.b"}, "so: <a><b/></a>", "so: <a/>", Case()),
    "extracted": ({"patterns": [r"is (\w+)"]}, "It is Paris.", "It is Rome.", Case(reference="Paris")),
    "icontains": ({}, "It is PARIS.", "It is Rome.", Case(reference="Paris")),
    "ifeval": ({}, "no commas", "one, two", NO_COMMA),
    "is-html": ({}, "<p>this</p>", "this", Case()),
    "is-json": ({"value": {"required": ["a"]}}, '{"a": 1}', '{"b": 1}', Case()),
    "is-refusal": ({}, "I'm sorry, I cannot help.", "It is 4.", Case()),
    "is-sql": ({}, "select a from t", "it is a table", Case()),
    **{
        name: ({}, ADD, SUB, Case(fields={"tools": TOOLS}))
        for name in plugins.names("scorers")
        if name.startswith("is-valid-")
    },
    "is-xml": ({"value": "a.b"}, "<a><b/></a>", "<a/>", Case()),
    "json-fields": ({}, '{"a": 1}', '{"a": 2}', Case(reference={"a": 1})),
    "maths": ({}, "so \\boxed{1/2}", "so \\boxed{1/3}", Case(reference="0.5")),
    "string-check": ({"operation": "equals"}, "Paris", "Rome", Case(reference="Paris")),
    "starts-with": ({}, "Paris it is.", "It is Paris.", Case(reference="Paris")),
    "tool-call-f1": ({}, ADD, SUB, Case(reference=["add"])),
    "tool-call-match": ({}, ADD, SUB, Case(reference=[{"add": {"a": [1, 2]}}])),
    "word-count": ({"value": 3}, "one two three", "one", Case()),
}


def sample(**fields):
    return Sample(benchmark="b", case="c", target="t", outcome="ok", **fields)


SURE, UNSURE = ({"logprobs": [{"content": [{"logprob": one}]}]} for one in (-0.1, -2.0))
FOUND = {"choices": ["Paris", "Rome"]}
BY_SAMPLE = {
    "acc": (
        {},
        sample(likelihoods=[Likelihood(logprob=-1, tokens=1), Likelihood(logprob=-2, tokens=1)]),
        sample(top_logprobs=[{" B": -0.5, "A": -1.5}]),
    ),
    "acc_norm": (
        {},
        sample(likelihoods=[Likelihood(logprob=-5, tokens=1), Likelihood(logprob=-4.5, tokens=1)]),
        sample(likelihoods=[Likelihood(logprob=-5, tokens=1), Likelihood(logprob=-3.5, tokens=1)]),
    ),
    "cost": (
        {"threshold": 0.5, "price": {"request": "0.5"}, "prices": {"dear": {"request": "2"}}},
        sample(),
        msgspec.structs.replace(sample(), target="dear"),
    ),
    "finish-reason": ({"value": "stop"}, sample(finish_reason="stop"), sample(finish_reason="tool_calls")),
    "latency": ({"threshold": 1}, sample(done_at=1_000_000), sample(done_at=1_000_001)),
    "perplexity": ({"threshold": 2}, sample(extra=SURE), sample(extra=UNSURE)),
    "perplexity-score": ({"threshold": 0.3}, sample(extra=SURE), sample(extra=UNSURE)),
}
ASKS_AN_ENDPOINT = {"judge", "lm_eval", "similar", "similar:cosine", "similar:dot", "similar:euclidean"}
"""Tested against a server on loopback, with what is special about them."""


def test_every_scorer_has_an_example():
    assert sorted({*EXAMPLES, *BY_SAMPLE, *ASKS_AN_ENDPOINT}) == plugins.names("scorers")


@pytest.mark.parametrize("name", BY_SAMPLE)
def test_what_judges_the_sample_keeps_the_contract_too(name):
    options, right, wrong = BY_SAMPLE[name]
    scorer = plugins.create("scorers", name, options)
    case = Case(fields=FOUND, reference="A")
    good, bad = (scorer.grade("any", case, one) for one in (right, wrong))
    assert (good.passed, bad.passed) == (True, False)
    assert good.value > bad.value
    for one in (good, bad):
        check_grade(one)


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_keeps_the_contract_of_scorers(name):
    if name == "javascript" and shutil.which("node") is None:
        pytest.skip("needs Node")
    options, right, wrong, case = EXAMPLES[name]
    scorer = plugins.create("scorers", name, options)
    check_scorer(scorer, right=right, wrong=wrong, case=case)
    if name not in NEEDS_NO_REFERENCE:
        check_ungradable(scorer, Case())


@pytest.mark.parametrize("name", EXAMPLES)
def test_its_metric_can_be_renamed(name):
    options = {**EXAMPLES[name][0], "metric": "strict"}
    assert plugins.create("scorers", name, options).metric == "strict"
