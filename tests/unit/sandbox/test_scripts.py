"""Functions of users, named or written down, in Python and JavaScript."""

import asyncio
import shutil

import pytest

from bakeoff.sandbox import Limits, call, script

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
LIMITS = Limits(seconds=20.0)


def result(wanted, output="abc", **context):
    return asyncio.run(call(wanted, output, context, LIMITS))


@pytest.mark.parametrize(
    ("value", "language", "path", "function"),
    [
        ("file://check.py", "python", "check.py", "get_assert"),
        ("file://sub/check.py:grade", "python", "sub/check.py", "grade"),
        ("file://check.js", "javascript", "check.js", ""),
        ("file://check.mjs:grade", "javascript", "check.mjs", "grade"),
        ("file://a:b/check.py", "python", "a:b/check.py", "get_assert"),
        ("file://notes.txt", "python", "notes.txt", "get_assert"),
    ],
)
def test_a_file_is_named_with_or_without_its_function(value, language, path, function):
    found = script(value, "/base", "python", "get_assert")
    assert (found.language, found.path, found.function) == (language, f"/base/{path}", function)


def test_anything_else_is_code():
    assert script("output == 'file://'\n", "", "python").code == "output == 'file://'"


def test_what_is_not_there_is_said(tmp_path, monkeypatch):
    missing = script("file://no.py", str(tmp_path), "python")
    assert missing.missing() == f"there is no file `{tmp_path}/no.py`"
    assert result(missing).error == missing.missing()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "node" in script("output", "", "javascript").missing()


def test_a_python_file_is_called(tmp_path):
    (tmp_path / "check.py").write_text(
        "def get_assert(output, context):\n    return [output, context['n']]\n"
    )
    assert result(script("file://check.py", str(tmp_path), "python", "get_assert"), n=3).value == ["abc", 3]


@needs_node
@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("output.length", 3),
        ("output === 'abc';", True),
        ("const n = output.length; n > 2", True),
        ("let s = 'a;b'; s + ';'", "a;b;"),
        ("const o = {a: 1}; ({b: o.a})", {"b": 1}),
        ("if (output) {\n  return context.n;\n}\nreturn 0;", 5),
        ("Promise.resolve(7)", 7),
        ("process.mainModule.require('path').basename('/a/b')", "b"),
    ],
)
def test_javascript_is_an_expression_or_a_body(code, value):
    assert result(script(code, "", "javascript"), n=5).value == value


@needs_node
@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("output.nothing.more", "TypeError"),
        ("const x = 1", "nothing was returned"),
        ("undefined", "nothing was returned"),
        ("() => 1", "a function was returned"),
        ("0 / 0", "not finite"),
        ("((", "SyntaxError"),
        ("(() => { throw 'x'; })()", "thrown: x"),
        ("fetch('http://127.0.0.1:9')", "the network is not available"),
        ("new (process.mainModule.require('net').Socket)().connect(9)", "the network is not available"),
        ("const a = null; a.b", "TypeError"),
    ],
)
def test_what_javascript_throws_is_its_answer(code, told):
    reply = result(script(code, "", "javascript"))
    assert reply.outcome == "error"
    assert told in reply.error


@needs_node
def test_javascript_that_prints_or_never_ends_harms_nobody():
    assert (
        result(script("console.log('{}');process.stdout.write('x');\nreturn 1", "", "javascript")).value == 1
    )
    wanted = script("while (true) {}\nreturn 1", "", "javascript")
    assert asyncio.run(call(wanted, "x", {}, Limits(seconds=1.0))).outcome == "timeout"


@needs_node
@pytest.mark.parametrize(
    ("name", "text", "function", "value"),
    [
        ("a.js", "module.exports = (output) => output + '!';", "", "abc!"),
        ("b.js", "module.exports = { grade: (output) => output.length };", ":grade", 3),
        ("c.mjs", "export default (output, context) => context.n;", "", 5),
        ("d.cjs", "exports.grade = async () => [1];", ":grade", [1]),
    ],
)
def test_javascript_files_export_functions(tmp_path, name, text, function, value):
    (tmp_path / name).write_text(text)
    assert result(script(f"file://{name}{function}", str(tmp_path), "javascript"), n=5).value == value


@needs_node
def test_a_javascript_file_without_the_function_says_so(tmp_path):
    (tmp_path / "a.js").write_text("module.exports = { other: 1 };")
    assert (
        "exports no function `grade`"
        in result(script("file://a.js:grade", str(tmp_path), "javascript")).error
    )
