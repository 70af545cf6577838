"""Choices in an order of the seed, and what each mode asks of them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.errors import DataError, TemplateError
from bakeoff.prompts import ChoiceRenderer, PromptRenderer
from bakeoff.prompts.choices import check_choices, choice_prompt, shuffled
from bakeoff.prompts.mapping import LETTERS, map_row
from bakeoff.prompts.modes import allowed_modes, default_scorers, obstacle, with_modes
from bakeoff.records import (
    BenchmarkSpec,
    Case,
    Choice,
    Continuation,
    ModelSpec,
    PromptSpec,
    Sampling,
    Spec,
)  # fmt: skip
from bakeoff.records.spec import FieldsSpec

BENCH = BenchmarkSpec(name="b", dataset=Choice(type="jsonl"), multiple_choice="auto")
ROW = {"id": "1", "question": "How hot is tea?", "choices": ["cold", "warm", "hot"], "answer": 2}


def case_of(**fields) -> Case:
    return map_row(Case(fields=ROW | fields), FieldsSpec(), "x:1")


def renderer(mode, form="completion", sampling=None, **prompt):
    spec = choice_prompt(PromptSpec(**prompt), mode, form)
    inner = PromptRenderer(spec, form=form, sampling=sampling or Sampling(extra={"top_k": 5}))
    return ChoiceRenderer(inner, mode=mode, form=form)


CHOICES = st.lists(st.text(min_size=1, max_size=8).filter(str.strip), min_size=2, max_size=10, unique=True)


@given(CHOICES, st.data(), st.integers(0, 9))
def test_shuffled_choices_keep_the_answer(choices, data, seed):
    right = data.draw(st.sampled_from(choices))
    answer = data.draw(st.sampled_from([choices.index(right), LETTERS[choices.index(right)]]))
    row = Case(id="x", fields={"question": "q", "choices": choices, "answer": answer})
    try:
        case = map_row(row, FieldsSpec(), "x:1")
    except DataError:  # a choice that is itself a letter or a number can be ambiguous, which is refused
        return
    wanted = choices[LETTERS.index(case.reference)]
    (found,) = shuffled([case], seed, BENCH)
    order = found.fields["choices"]
    assert sorted(order) == sorted(choices)
    assert order[LETTERS.index(found.reference)] == wanted
    assert found.fields["answer"] in {found.reference, wanted}
    assert shuffled([case], seed, BENCH) == [found]


def test_each_row_seed_and_benchmark_has_an_order_of_its_own():
    cases = [case_of(id=str(n)) for n in range(40)]
    first = shuffled(cases, 1, BENCH)
    assert {case.reference for case in first} == {"A", "B", "C"}
    assert first[5:] == shuffled(cases[5:], 1, BENCH)
    assert first != shuffled(cases, 2, BENCH)
    assert first != shuffled(cases, 1, msgspec.structs.replace(BENCH, name="c"))


def test_the_field_of_the_answer_says_the_letter_and_no_other_field_changes():
    bench = msgspec.structs.replace(BENCH, fields=FieldsSpec(reference="gold"))
    row = Case(id="1", fields={"choices": ["x", "y"], "gold": "B", "label": "kept"})
    (found,) = shuffled([map_row(row, bench.fields, "")], 3, bench)
    assert (found.fields["gold"], found.fields["label"]) == (found.reference, "kept")
    (texts,) = shuffled([case_of(answer="hot")], 3, BENCH)
    assert texts.fields["answer"] == "hot"


def test_ready_continuations_and_rows_without_choices_stay():
    ready = Case(
        id="1", continuations=(Continuation(context="c", text=" t"),), fields={"choices": ["x", "y"]}
    )
    assert shuffled([ready, Case(id="2")], 0, BENCH) == [ready, Case(id="2")]
    check_choices([ready], "b")


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        (Case(id="1", fields={"question": "q"}, reference="A"), "no list of at least two"),
        (Case(id="1", fields={"choices": ["x"]}, reference="A"), "no list of at least two"),
        (Case(id="1", fields={"choices": ["x", " "]}, reference="A"), "no list of at least two"),
        (Case(id="1", fields={"choices": ["x", "y"]}, reference="C"), "none of its choices"),
        (Case(id="1", fields={"choices": ["x", "y"]}, reference="AB"), "none of its choices"),
        (Case(id="1", fields={"choices": ["x", "y"]}), "none of its choices"),
        (Case(id="1", fields={"choices": ["x", "y"]}, reference="A", follows="0"), "conversation"),
    ],
)
def test_rows_that_are_no_multiple_choice_are_refused_by_name(case, problem):
    good = case_of()
    with pytest.raises(DataError, match=problem) as caught:
        check_choices([good, *[msgspec.structs.replace(case, line=7)] * 6], "b", "rows.jsonl")
    assert "6 of 7 rows" in str(caught.value)
    assert "`1` (line 7)" in str(caught.value)
    assert ", …" in str(caught.value)
    assert caught.value.where == "rows.jsonl"
    with pytest.raises(DataError, match="benchmark `b`"):
        check_choices([case], "b")


@pytest.mark.parametrize("mode", ["prompt_logprobs", "grammar"])
def test_likelihoods_are_of_each_choice_after_the_question(mode):
    request = renderer(mode).render(case_of())
    context = "Question: How hot is tea?\nAnswer:"
    assert request.continuations == tuple(
        Continuation(context=context, text=text) for text in (" cold", " warm", " hot")
    )
    assert (request.stream, request.sampling.extra, request.messages) == (False, {"top_k": 5}, ())


@pytest.mark.parametrize(
    ("prompt", "context", "text"),
    [
        ({"template": "{{question}}  "}, "How hot is tea?", " cold"),
        ({"example": "{{question}}\u7b54\uff1a{{answer}}"}, "How hot is tea?\u7b54\uff1a", "cold"),
        ({"example": "{{question}}\n{{answer}}"}, "How hot is tea?", "\ncold"),
        ({"system": "Be right.", "template": "{{question}}"}, "Be right.\n\nHow hot is tea?", " cold"),
    ],
)
def test_the_users_template_wins_and_says_what_joins_the_choice(prompt, context, text):
    request = renderer("grammar", **prompt).render(case_of())
    assert request.continuations[0] == Continuation(context=context, text=text)


def test_examples_show_the_choice_or_its_letter():
    shot = {"question": "Is ice hot?", "choices": ["yes", "no"], "answer": 1}
    whole = renderer("prompt_logprobs", few_shot=[shot]).render(case_of())
    assert whole.continuations[0].context.startswith("Question: Is ice hot?\nAnswer: no\n\nQuestion: How")
    lettered = renderer("first_token", few_shot=[shot]).render(case_of())
    assert str(lettered.prompt).startswith("Question: Is ice hot?\nA. yes\nB. no\nAnswer: B\n\nQuestion:")
    plain = renderer("grammar", few_shot=[{"question": "q", "answer": "a"}]).render(case_of())
    assert plain.continuations[0].context.startswith("Question: q\nAnswer: a\n\n")


def test_a_first_token_is_asked_for_with_its_likeliest_rivals():
    request = renderer("first_token").render(case_of())
    assert str(request.prompt).endswith("A. cold\nB. warm\nC. hot\nAnswer:")
    assert (request.output_tokens, request.sampling.extra) == (1, {"logprobs": 20, "top_k": 5})
    chat = renderer("first_token", "chat", Sampling(extra={"top_logprobs": 5})).render(case_of())
    assert chat.messages[-1].content == (
        "How hot is tea?\nA. cold\nB. warm\nC. hot\nAnswer with the letter of the right choice only."
    )
    assert chat.sampling.extra == {"logprobs": True, "top_logprobs": 5}


def test_a_lettered_prompt_of_the_users_own_stays():
    own = PromptSpec(template="{{choices | lettered}}")
    assert choice_prompt(own, "letter", "chat") == own
    turns = PromptSpec(messages=[{"role": "user", "content": "{{question}}"}])
    assert choice_prompt(turns, "letter", "chat") == turns


def test_other_names_of_the_question_are_known():
    case = map_row(Case(fields={"input": "Tea?", "choices": ["x", "y"], "answer": 0}), FieldsSpec(), "")
    assert renderer("grammar").render(case).continuations[0].context == "Question: Tea?\nAnswer:"


def test_ready_continuations_are_asked_as_they_are():
    pair = Continuation(context="c", text=" t")
    request = renderer("grammar").render(Case(id="1", continuations=(pair,)))
    assert (request.continuations, request.sampling.extra) == ((pair,), {"top_k": 5})


def test_checks_name_the_row():
    with pytest.raises(TemplateError, match="row `1`"):
        renderer("grammar").check([Case(id="1", fields={"choices": ["x", "y"]})])
    chat = renderer("first_token", "chat")
    before = chat.render(case_of())
    assert len(chat.continued(case_of(), before, "B").messages) == 3


@pytest.mark.parametrize(
    ("changes", "modes"),
    [
        ({}, ("prompt_logprobs", "grammar", "first_token", "letter")),
        ({"multiple_choice": "grammar"}, ("grammar",)),
        ({"prompt": PromptSpec(form="chat")}, ("first_token", "letter")),
        ({"measured": True}, ("first_token", "letter")),
        ({"scorers": [Choice(type="acc")]}, ("prompt_logprobs", "grammar", "first_token")),
        ({"scorers": [Choice(type="acc"), Choice(type="acc_norm")]}, ("prompt_logprobs", "grammar")),
        ({"scorers": [Choice(type="choice")]}, ("letter",)),
        ({"scorers": [Choice(type="choice"), Choice(type="acc")]}, ()),
        ({"multiple_choice": "grammar", "measured": True}, ()),
        ({"scorers": [Choice(type="not-acc")]}, ("prompt_logprobs", "grammar", "first_token")),
        ({"scorers": [Choice(type="there-is-none")]}, ("letter",)),
    ],
)
def test_what_a_benchmark_says_leaves_out_modes(changes, modes):
    bench = msgspec.structs.replace(BENCH, **changes)
    assert allowed_modes(bench) == modes
    assert all(obstacle(bench, mode) == "" for mode in modes)


def test_a_chosen_mode_brings_its_scorers():
    spec = Spec(models=[ModelSpec(name="m")], benchmarks=[BENCH, msgspec.structs.replace(BENCH, name="own")])
    found = with_modes(spec, {"b": "letter"}).benchmarks
    assert (found[0].multiple_choice, found[0].scorers) == ("letter", default_scorers("letter"))
    assert (found[1].multiple_choice, [each.type for each in found[1].scorers]) == (
        "auto",
        ["acc", "acc_norm"],
    )
    only = msgspec.structs.replace(BENCH, scorers=[Choice(type="choice")])
    plain = msgspec.structs.replace(BENCH, multiple_choice=None)
    found = with_modes(msgspec.structs.replace(spec, benchmarks=[only, plain]), {}).benchmarks
    assert (found[0].multiple_choice, found[0].scorers) == ("letter", only.scorers)
    assert found[1] == plain
    assert default_scorers("first_token") == [Choice(type="acc")]
