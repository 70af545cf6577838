import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bakeoff.errors import TemplateError
from bakeoff.prompts import PromptRenderer
from bakeoff.records import Case, Message, PromptSpec, Request, Sampling

SHOTS = [{"input": "1+1", "answer": 2}, {"input": "2+2", "answer": "4"}]


def chat(case: Case, **prompt: Any) -> list[tuple[str, Any]]:
    request = PromptRenderer(PromptSpec(**prompt), form="chat", sampling=Sampling()).render(case)
    assert request.prompt is None
    return [(message.role, message.content) for message in request.messages]


def completion(case: Case, stop: tuple[str, ...] = (), **prompt: Any) -> Request:
    renderer = PromptRenderer(PromptSpec(**prompt), form="completion", sampling=Sampling(stop=stop))
    return renderer.render(case)


def row(**fields: Any) -> Case:
    return Case(id="c1", fields=fields, line=3)


def test_a_chat_is_system_examples_conversation_question():
    case = Case(fields={"input": "3+3", "who": "Ada"}, messages=(Message(role="user", content="hello"),))
    turns = chat(case, template="Compute {{input}}", system="You are {{who}}.", few_shot=SHOTS[:1])
    assert turns == [
        ("system", "You are Ada."),
        ("user", "Compute 1+1"),
        ("assistant", "2"),
        ("user", "hello"),
        ("user", "Compute 3+3"),
    ]


@pytest.mark.parametrize("name", ["input", "prompt", "question"])
def test_without_a_template_the_usual_field_is_the_question(name):
    assert chat(row(other="x", **{name: "why?"})) == [("user", "why?")]


def test_without_a_template_choices_follow_the_question():
    assert chat(row(question="where?", choices=["Oslo", "Rome"])) == [("user", "where?\nA. Oslo\nB. Rome")]


def test_without_a_template_a_conversation_is_sent_as_it_stands():
    case = Case(fields={"input": "unused"}, messages=(Message(role="user", content=[{"type": "text"}]),))
    assert chat(case) == [("user", [{"type": "text"}])]


def test_rows_without_any_input_say_which_fields_there_are():
    with pytest.raises(TemplateError, match=r"(?s)none of the fields.*fields of the row: text, label"):
        chat(row(text="x", label=1))


def test_a_completion_is_examples_and_an_open_answer():
    request = completion(row(input="3+3", answer="LEAK"), system="Sums.", few_shot=SHOTS)
    assert request.prompt == "Sums.\n\nQ: 1+1\nA: 2\n\nQ: 2+2\nA: 4\n\nQ: 3+3\nA:"
    assert request.messages == ()


def test_the_own_form_of_an_example_is_open_where_its_answer_stands():
    example = "<q>{{input}}</q> <a>{{answer}}</a>\n"
    request = completion(row(input="3+3", answer="LEAK"), example=example, few_shot=SHOTS[:1])
    assert request.prompt == "<q>1+1</q> <a>2</a>\n\n<q>3+3</q> <a>"
    spaced = completion(row(input="3+3"), example="I: {{input}}\nO: {{answer | upper}}")
    assert spaced.prompt == "I: 3+3\nO:"


def test_an_example_form_without_an_answer_is_refused():
    with pytest.raises(TemplateError, match="never shows `answer`"):
        completion(row(input="x"), example="{{input}}")


@pytest.mark.parametrize("form", ["chat", "completion"])
def test_an_example_without_its_answer_is_refused_at_once(form):
    with pytest.raises(TemplateError, match="few_shot 2: the example has no `answer`"):
        PromptRenderer(PromptSpec(few_shot=[SHOTS[0], {"input": "x"}]), form=form, sampling=Sampling())


def test_a_conversation_completes_as_questions_and_answers():
    turns = (
        Message(role="system", content="Sums."),
        Message(role="user", content="1+1"),
        Message(role="assistant", content="2"),
        Message(role="user", content="2+2"),
    )
    assert completion(Case(messages=turns)).prompt == "Sums.\n\nQ: 1+1\nA: 2\n\nQ: 2+2\nA:"
    asked = completion(Case(fields={"input": "3+3"}, messages=turns[:3]), template="{{input}}")
    assert asked.prompt == "Sums.\n\nQ: 1+1\nA: 2\n\nQ: 3+3\nA:"


def test_content_parts_have_no_completion_form():
    with pytest.raises(TemplateError, match="content parts"):
        completion(Case(messages=(Message(role="user", content=[]),)))


def test_only_the_default_completion_form_stops_at_a_line_break():
    assert completion(row(input="x")).sampling.stop == ("\n",)
    assert completion(row(input="x"), stop=("END",)).sampling.stop == ("END",)
    assert completion(row(input="x"), example="{{input}} {{answer}}").sampling.stop == ()
    chatting = PromptRenderer(PromptSpec(), form="chat", sampling=Sampling())
    assert chatting.render(row(input="x")).sampling.stop == ()


def test_a_synthetic_case_keeps_its_length():
    case = Case(fields={"prompt": "a b c"}, prompt_tokens=3, output_tokens=9)
    request = completion(case)
    assert (request.prompt, request.output_tokens, request.sampling.stop) == ("a b c", 9, ())


def test_stream_and_sampling_are_passed_on():
    renderer = PromptRenderer(PromptSpec(), form="chat", sampling=Sampling(max_tokens=5), stream=False)
    request = renderer.render(row(input="x"))
    assert (request.stream, request.sampling.max_tokens) == (False, 5)


def test_a_missing_field_names_benchmark_line_variable_fields_and_row():
    prompt = PromptSpec(template="one\ntwo {{inptu}}")
    renderer = PromptRenderer(prompt, form="chat", sampling=Sampling(), benchmark="own")
    with pytest.raises(TemplateError) as caught:
        renderer.check([row(input="x", n=1)])
    message = str(caught.value)
    assert "benchmark `own`: template line 2, row `c1` (line 3)" in message
    assert "`inptu`, which the row does not have. Did you mean `input`?" in message
    assert "fields of the row: input, n" in message
    assert caught.value.exit_code == 2


def test_a_missing_part_of_a_field_is_an_error_too():
    with pytest.raises(TemplateError, match="asks for `b`"):
        chat(row(a={"c": 1}), template="{{a.b}}")


def test_a_syntax_error_names_its_line_before_any_row():
    with pytest.raises(TemplateError, match="system line 2"):
        PromptRenderer(PromptSpec(system="x\n{{ a"), form="chat", sampling=Sampling())


@pytest.mark.parametrize(
    "template",
    [
        "{{ input.__class__.__mro__ }}",
        "{{ ''.__class__.__subclasses__() }}",
        "{{ tags.append('x') }}",
        "{{ range(10**9) | list }}",
        "{{ 'x' * 10**9 }}",
        "{{ 10**9 * 'x' }}",
        "{{ 9**(9**9) }}",
        "{{ input + 1 }}",
        "{{ 1 / 0 }}",
        "{% include 'other' %}",
    ],
)
def test_what_a_template_must_not_do_is_an_error_of_the_template(template):
    with pytest.raises(TemplateError):
        chat(row(input="x", tags=[]), template=template)


def test_arithmetic_is_allowed():
    assert chat(row(n=3), template="{{ n * 2 }} {{ 2 ** 0.5 > 1 }} {{ '-' * n }}") == [("user", "6 True ---")]


@given(st.text())
def test_a_row_is_data_and_arrives_as_it_is(text):
    assert chat(row(input=text + "{{ x }}{% if %}<&>"), template="{{input}}") == [
        ("user", text + "{{ x }}{% if %}<&>")
    ]


def test_a_trailing_newline_of_the_template_is_kept():
    assert chat(row(input="x"), template="{{input}}\n") == [("user", "x\n")]


def test_json_and_letters_are_filters():
    fields = {"d": {"k": "<é>"}, "c": ["x", "y"]}
    assert chat(row(**fields), template="{{d|tojson}} {{c|lettered}}") == [
        ("user", '{"k": "<é>"} A. x\nB. y')
    ]


def test_rendering_a_simple_template_costs_little_more_than_the_template_itself():
    text = "Question: {{input}}\nAnswer:"
    renderer = PromptRenderer(PromptSpec(template=text), form="chat", sampling=Sampling())
    bare = ImmutableSandboxedEnvironment().from_string(text)
    case = row(input="why?")
    ours, theirs = [], []
    for _ in range(30):
        ours.append(_seconds(lambda: renderer.render(case)))
        theirs.append(_seconds(lambda: bare.render(input="why?")))
    assert min(ours) <= 4 * min(theirs)


def _seconds(call: Callable[[], object], times: int = 100) -> float:
    start = time.perf_counter()
    for _ in range(times):
        call()
    return time.perf_counter() - start


def test_rows_that_fit_pass_the_check_and_later_rows_are_not_read():
    renderer = PromptRenderer(PromptSpec(template="{{input}}"), form="chat", sampling=Sampling())
    renderer.check([row(input="x")])
    renderer.check([row(input="x")] * 1000 + [row(other="y")])


def goes_on(first: Case, second: Case, form: Any, **prompt: Any) -> Request:
    renderer = PromptRenderer(PromptSpec(**prompt), form=form, sampling=Sampling())
    return renderer.continued(second, renderer.render(first), " Four. ")


def test_a_later_turn_keeps_what_was_sent_and_adds_answer_and_question():
    second = Case(fields={"input": "and 3+3", "who": "Bob"}, output_tokens=5)
    request = goes_on(
        row(input="2+2", who="Ada"),
        second,
        "chat",
        template="Compute {{input}}",
        system="You are {{who}}.",
        few_shot=SHOTS[:1],
    )
    assert [(m.role, m.content) for m in request.messages] == [
        ("system", "You are Ada."),
        ("user", "Compute 1+1"),
        ("assistant", "2"),
        ("user", "Compute 2+2"),
        ("assistant", " Four. "),
        ("user", "Compute and 3+3"),
    ]
    assert (request.output_tokens, request.prompt) == (5, None)


def test_a_later_turn_in_the_completion_form_goes_on_in_the_same_text():
    request = goes_on(row(input="2+2"), row(input="3+3"), "completion", system="Sums.", few_shot=SHOTS[:1])
    assert request.prompt == "Sums.\n\nQ: 1+1\nA: 2\n\nQ: 2+2\nA: Four.\n\nQ: 3+3\nA:"
    assert request.messages == ()
    own = goes_on(row(input="a"), row(input="b"), "completion", example="> {{input}}\n< {{answer}}")
    assert own.prompt == "> a\n< Four.\n\n> b\n<"
    plain = Case(fields={"prompt": "one two"}, prompt_tokens=2)
    assert goes_on(plain, plain, "completion").prompt == "one two Four.\n\none two"
