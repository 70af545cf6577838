"""The two scripts that run inside the processes, tried from outside: jobs, the guard, the limits."""

import os
from pathlib import Path

import pytest

from bakeoff.sandbox import launch, serve


def call(**fields):
    job = {
        "kind": "call", "code": "", "path": "", "function": "", "folder": "", "version": 0,
        "output": "x", "context": {},
    }  # fmt: skip
    return serve.answer(job | fields)


def test_an_expression_and_a_body_are_both_functions():
    assert call(code="output * 2") == {"value": "xx"}
    assert call(code="if output:\n  return context\nreturn 1", context={"a": 1}) == {"value": {"a": 1}}
    assert call(code="\n\nreturn json.dumps(1)") == {"value": "1"}


def test_a_file_has_functions_and_its_folder_is_where_modules_are(tmp_path):
    (tmp_path / "beside.py").write_text("LIMIT = 3\n")
    (tmp_path / "check.py").write_text("import beside\ndef get_assert(o, c):\n    return beside.LIMIT\n")
    path = str(tmp_path / "check.py")
    assert call(path=path, function="get_assert") == {"value": 3}
    assert call(path=path, function="other") == {"error": "AttributeError: check.py has no function `other`"}
    assert "is no Python file" in call(path=str(tmp_path / "check.txt"), function="f")["error"]


def test_a_changed_file_is_another_one(tmp_path):
    path = tmp_path / "check.py"
    path.write_text("def f(o, c):\n    return 1\n")
    assert call(path=str(path), function="f", version=1) == {"value": 1}
    path.write_text("def f(o, c):\n    return 22\n")
    assert call(path=str(path), function="f", version=2) == {"value": 22}


def test_code_works_in_the_folder_of_its_paths(tmp_path):
    (tmp_path / "rows.txt").write_text("seven")
    assert call(code="__import__('pathlib').Path('rows.txt').read_text()", folder=str(tmp_path)) == {
        "value": "seven"
    }
    assert Path.cwd() != tmp_path


def test_results_of_other_libraries_become_plain():
    code = "class N:\n  def item(self): return 4\nreturn {'n': N()}"
    assert call(code=code) == {"value": {"n": 4}}
    assert "which is no JSON" in call(code="{'a': {1, 2}}")["error"]
    made = "__import__('dataclasses').make_dataclass('R', ['score'])(3)"
    assert call(code=made) == {"value": {"score": 3}}


def test_errors_are_cut_and_name_their_line():
    error = call(code="x = 1\nraise ValueError('y' * 1000)")["error"]
    assert error.startswith("ValueError: yyy")
    assert error.endswith("… (line 2)")
    assert call(code="raise_()")["error"].endswith("(line 1)")


def test_leaving_by_force_is_an_error_too():
    assert call(code="raise_ = 1\nraise SystemExit(3)")["error"] == "SystemExit: 3 (line 2)"


def test_a_program_that_runs_to_its_end_gives_its_token():
    assert serve.answer({"kind": "program", "code": "x = 1", "token": "t"}) == {"value": "t"}
    told = serve.answer({"kind": "program", "code": "assert False, 'no'", "token": "t"})
    assert told == {"error": "AssertionError: no (line 1)"}


@pytest.mark.parametrize(
    ("how", "group", "text", "found"),
    [
        ("first", 0, "a1 b2", ["1", ["1"], {"d": "1"}]),
        ("last", "d", "a1 b2", ["2", ["2"], {"d": "2"}]),
        ("full", 0, "7", ["7", ["7"], {"d": "7"}]),
        ("full", 0, "a7", None),
        ("last", 1, "none", None),
    ],
)
def test_searches_give_text_and_groups(how, group, text, found):
    job = {"kind": "search", "pattern": r"(?P<d>\d)", "flags": 0, "text": text, "how": how, "group": group}
    assert serve.answer(job) == {"value": found}


def test_the_guard_refuses_the_network_and_lets_the_rest_pass():
    hook = launch.guard(None)
    with pytest.raises(PermissionError, match="network"):
        hook("socket.connect", ())
    with pytest.raises(PermissionError, match="network"):
        hook("socket.__new__", (None, 2, 1, 0))
    hook("socket.__new__", (None, 1, 1, 0))
    hook("open", ("/etc/x", "w", os.O_WRONLY))
    hook("os.fork", ())


def test_the_strict_guard_keeps_writing_in_its_folder(tmp_path):
    hook = launch.guard(str(tmp_path))
    hook("open", (str(tmp_path / "x"), "w", os.O_WRONLY | os.O_CREAT))
    hook("open", ("/etc/hostname", "r", os.O_RDONLY))
    hook("open", (7, "w", os.O_WRONLY))
    hook("open", (os.devnull, "w", os.O_WRONLY))
    hook("import", ("x",))
    for event, args in (
        ("open", (str(tmp_path / ".." / "x"), "w", os.O_WRONLY)),
        ("os.remove", (b"/tmp/x", -1)),
        ("os.fork", ()),
        ("subprocess.Popen", ("true",)),
    ):
        with pytest.raises(PermissionError):
            hook(event, args)


def test_files_that_came_along_are_written_once_and_anew_where_they_changed(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    texts = {"beside.py": "LIMIT = 3\n", "came.py": "def f(o, c):\n    return len(o)\n"}
    for _ in range(2):
        assert call(path="/elsewhere/came.py", function="f", texts=texts) == {"value": 1}
    assert len(list(tmp_path.iterdir())) == 1
    texts["came.py"] = "def f(o, c):\n    return 22\n"
    assert call(path="/elsewhere/came.py", function="f", version=1, texts=texts) == {"value": 22}
    assert len(list(tmp_path.iterdir())) == 2
