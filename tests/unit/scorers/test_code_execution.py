"""Programs of models pass or fail their tests, and nothing that they do goes further."""

import ast
import asyncio
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.records import Case, Sample
from bakeoff.scorers import _fences
from bakeoff.scorers.code_execution import CodeExecution, program

PROMPT = 'import math\n\n\ndef double(x):\n    """Return twice x."""\n'
TEST = "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(0) == 0, 'zero'\n"
FIELDS = {"prompt": PROMPT, "test": TEST, "entry_point": "double"}
GOOD = "def double(x):\n    return math.floor(x * 2)\n"


def run(answer, fields=FIELDS, **options):
    scorer = CodeExecution(allow_code=True, **({"timeout": 20.0} | options))
    case = Case(id="c", fields=fields)
    sample = Sample(benchmark="b", case="c", target="t", outcome="ok", text=answer)
    return asyncio.run(scorer.grade(answer, case, sample))


@pytest.mark.parametrize(
    "answer",
    [
        "    return x * 2\n",
        "\n    return x * 2",
        "return x * 2",
        GOOD,
        f"Sure!\n\n```python\n{GOOD}```\nIt doubles.",
        f"```py\n{GOOD}```\n\nUse it:\n```python\nprint(double(3))\n```",
        "```\n    return x * 2\n```",
        "```python\nreturn x * 2\n```",
        f"First:\n```python\ndef double(x):\n    return 1\n```\nNo, better:\n~~~python\n{GOOD}~~~",
        f"```python\n{GOOD}",
        "```javascript\nnot this\n```\n```python\ndouble = lambda x: x * 2\n```",
    ],
)
def test_a_right_program_passes_however_it_is_written(answer):
    grade = run(answer)
    assert grade.passed is True, grade.reason
    assert grade.value == 1.0


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("    return x * 3\n", "failed: AssertionError"),
        ("    return 4\n", "failed: AssertionError: zero"),
        ("I cannot do that.", "failed: SyntaxError"),
        ("```python\ndef triple(x):\n    return x\n```", "failed:"),
        ("    import os; os._exit(0)\n", "ended before its tests were through"),
        ("    raise SystemExit(0)\n", "failed: SystemExit"),
        ("    return open('/tmp/mine', 'w')\n", "writing is limited"),
        ("    import socket; socket.socket()\n", "the network is not available"),
        ("    import subprocess; subprocess.run(['true'])\n", "other programs are not available"),
        ("    return bytearray(10 ** 10)\n", "MemoryError"),
        ("    return '\0'\n", "failed:"),
    ],
)
def test_a_wrong_or_hostile_program_fails_and_says_why(answer, told):
    grade = run(answer)
    assert (grade.passed, grade.value) == (False, 0.0)
    assert told in grade.reason
    assert "kept apart by" in grade.reason


def test_an_endless_program_comes_to_an_end():
    grade = run("    while True: pass\n", timeout=0.5)
    assert (grade.passed, grade.value) == (False, 0.0)
    assert "timeout" in grade.reason


@pytest.mark.parametrize("answer", ["", " \n", "```python\n\n```"])
def test_an_answer_without_code_is_unparsable(answer):
    grade = run(answer)
    assert (grade.passed, grade.value, grade.parsed) == (False, None, None)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "no `test`"),
        ({"test": " "}, "no `test`"),
        (FIELDS | {"entry_point": "x(); y"}, "is no name"),
        (FIELDS | {"entry_point": 3}, "is no name"),
    ],
)
def test_a_case_without_tests_cannot_be_graded(fields, told):
    grade = run(GOOD, fields)
    assert (grade.passed, grade.value) == (None, None)
    assert told in grade.reason


def test_tests_may_be_plain_lines_and_fields_of_other_names():
    fields = {"tests": "assert f(1) == 2", "name": "f"}
    assert run("def f(x):\n    return x + 1", fields, test="tests", entry_point="name").passed is True
    assert run("x = 1", {"test": "assert x == 1"}).passed is True
    assert run("x = 1", {"test": "assert x == 2"}).passed is False


def test_a_process_that_cannot_start_is_no_fault_of_the_answer(monkeypatch):
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    grade = run(GOOD)
    assert (grade.passed, grade.value) == (None, None)
    assert "no process could be started" in grade.reason


def test_programs_of_models_need_leave():
    with pytest.raises(ValueError, match="allow_code"):
        CodeExecution()


def test_the_head_of_the_prompt_comes_along_where_it_is_a_program():
    assert program(GOOD, PROMPT, "double").startswith("import math")
    assert program(GOOD, "Write a function:\ndef double(x):", "double").startswith("\ndef double")
    assert program("x = 1", PROMPT, "") == "x = 1"
    assert program("x = 1", "", "double") == "x = 1"


@given(st.text(alphabet="`~\n a", max_size=60))
def test_blocks_of_any_text_hold_no_fence_of_their_own(text):
    for block in _fences.blocks(text):
        assert isinstance(block.code, str)


@given(st.lists(st.sampled_from(["x = 1", "def f():", "    return 2", ""]), min_size=1, max_size=5))
def test_what_stands_between_fences_is_found_again(lines):
    code = "\n".join(lines)
    found = _fences.blocks(f"text\n```Python extra\n{code}\n```\nmore")
    assert found == [_fences.Block("python", code)]


def test_a_longer_fence_holds_a_shorter_one():
    found = _fences.blocks("````md\n```python\nx\n```\n````")
    assert [block.code for block in found] == ["```python\nx\n```"]


def test_a_body_is_a_program_with_its_prompt():
    for body in ("return x", "    return x", "\n    return x"):
        ast.parse(program(body, PROMPT, "double"))
    assert textwrap.indent("return x", "    ") in program("return x", PROMPT, "double")
