"""Whose code is confined, what comes along with it, and what is done where it cannot be."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from tests.confinement import needs_confinement

from bakeoff.sandbox import (
    Limits,
    Reply,
    Script,
    Worker,
    call,
    confined,
    confinement,
    find,
    is_confined,
    jail,
    launch,
    script,
    unconfinable,
)
from bakeoff.sandbox import worker as worker_module

LONG = Limits(seconds=30.0)
SECRET = "the-planted-secret-4711"
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")


def asked(wanted: Script, output: object = "abc") -> Reply:
    return asyncio.run(call(wanted, output, {}, LONG))


@needs_confinement
@pytest.mark.parametrize("name", ["check.py", pytest.param("check.mjs", marks=needs_node)])
def test_a_file_comes_along_with_the_code_beside_it(tmp_path: Path, name: str):
    (tmp_path / "beside.py").write_text("N = 3\n")
    (tmp_path / "beside.mjs").write_text("export const N = 3;\n")
    (tmp_path / "rows.txt").write_text(SECRET)
    (tmp_path / "check.py").write_text("from beside import N\ndef grade(o, c):\n    return len(o) + N\n")
    (tmp_path / "check.mjs").write_text(
        "import { N } from './beside.mjs';\nexport const grade = (o) => o.length + N;\n"
    )
    wanted = script(f"file://{name}:grade", str(tmp_path), "python")
    with confined():
        assert asked(wanted).value == 6
        for beside in ("beside.py", "beside.mjs"):
            text = (tmp_path / beside).read_text()
            (tmp_path / beside).write_text(text.replace("3", "5"))
    assert asked(wanted).value == 8
    (tmp_path / "check.py").write_text("def grade(o, c):\n    return open('rows.txt').read()\n")
    (tmp_path / "check.mjs").write_text(
        "import fs from 'fs';\nconst rows = new URL('rows.txt', import.meta.url);\n"
        "export const grade = () => fs.readFileSync(rows, 'utf8');\n"
    )
    with confined():
        assert asked(wanted).outcome == "error"
    assert asked(wanted).value == SECRET


@needs_confinement
def test_a_file_that_cannot_come_along_is_told(tmp_path: Path):
    (tmp_path / "check.py").write_bytes(b"\xff")
    wanted = script("file://check.py:grade", str(tmp_path), "python")
    with confined():
        assert "`check.py` cannot be read" in asked(wanted).error
        (tmp_path / "check.py").write_text("#" * 2_000_000)
        assert "more than 1,000,000 characters" in asked(wanted).error


@needs_confinement
def test_what_one_leaves_behind_nobody_else_meets():
    leave = "import json\njson.left = 1\nopen('/tmp/left', 'w').write('x')\nreturn 1"
    look = "import json, os\nreturn [hasattr(json, 'left'), os.path.exists('/tmp/left')]"
    with confined():
        assert asked(script(leave, "", "python")).value == 1
        assert asked(script(look, "", "python")).value == [True, True]
    with confined():
        assert asked(script(look, "", "python")).value == [False, False]


def test_code_of_a_person_reads_that_persons_files(tmp_path: Path):
    (tmp_path / "rows.txt").write_text("mine")
    wanted = script("open('rows.txt').read()", str(tmp_path), "python")
    assert asked(wanted).value == "mine"
    assert not is_confined()


def test_a_process_can_say_it_for_good(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(confinement._Process, "realm", confinement.Realm(confined=False))
    confinement.confine()
    first = confinement.realm()
    confinement.confine()
    assert confinement.realm() is first
    assert is_confined()


def scripts_where_it_fails(folder: Path, name: str, old: str, new: str) -> Path:
    scripts = folder / "scripts"
    shutil.copytree(
        Path(worker_module.__file__).parent, scripts, ignore=shutil.ignore_patterns("__pycache__")
    )
    text = (scripts / name).read_text()
    assert old in text
    (scripts / name).write_text(text.replace(old, new))
    return scripts


@pytest.mark.skipif(sys.platform != "linux", reason="the steps are those of Linux")
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('_call("unshare", _NEWUSER | _APART)', 'raise OSError("unshare: no")', "unshare: no"),
        ('if sys.platform != "linux"', "if True", "needs Linux"),
        pytest.param(
            '_mount(None, "/", None',
            '_mount("/nowhere", "/nowhere", None',
            "mount: ",
            marks=needs_confinement,
        ),
        pytest.param(
            '_call("prctl", _SET_NO_NEW_PRIVS, 1',
            '_call("prctl", _SET_NO_NEW_PRIVS, 7',
            "prctl: ",
            marks=needs_confinement,
        ),
        pytest.param(
            '_call("prctl", _SET_SECCOMP, ctypes.c_ulong(2)',
            '_call("prctl", _SET_SECCOMP, ctypes.c_ulong(9)',
            "prctl: ",
            marks=needs_confinement,
        ),
    ],
)
def test_where_a_step_fails_nothing_is_run_and_the_reason_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, told: str
):
    text_of_root = "if os.geteuid() == 0 and readable and _libc.unshare(_APART) == 0:"
    scripts = scripts_where_it_fails(tmp_path, "jail.py", old, new)
    if "unshare" in told:
        path = scripts / "jail.py"
        path.write_text(path.read_text().replace(text_of_root, "if False:"))
    monkeypatch.setattr(worker_module, "_SCRIPTS", scripts)
    confinement.unconfinable.cache_clear()
    try:
        reason = unconfinable()
        with confined():
            reply = asked(script("open('/tmp/ran', 'w')", "", "python"))
    finally:
        confinement.unconfinable.cache_clear()
    assert told in reason
    assert reason.startswith("code of others cannot be confined on this machine")
    assert (reply.outcome, reply.isolation) == ("refused", "")
    # What is no code of others still works there, in a thread too.
    assert find(re.compile("a+b+"), "aab") is not None


def test_where_no_process_can_be_started_none_is_confined(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    confinement.unconfinable.cache_clear()
    try:
        assert "no process could be started" in unconfinable()
    finally:
        confinement.unconfinable.cache_clear()


def test_a_worker_whose_call_was_given_up_ends_with_its_job():
    job = {"kind": "call", "code": "1", "path": "", "function": "", "folder": "", "output": "", "context": {}}
    made = Worker(LONG)
    workers = confinement.Workers(lambda: made, size=1)
    workers.close()
    assert workers.ask_now(job).value == 1
    assert not made.usable


def test_only_the_outermost_folders_are_shown():
    paths = ["/usr/lib", "/usr/lib/python3", "/usr/libx", "/a/b/../c", "/a/c/d"]
    assert jail.outermost(paths) == ["/a/c", "/usr/lib", "/usr/libx"]


def test_a_program_is_shown_with_the_libraries_beside_it(tmp_path: Path):
    program = tmp_path / "bin" / "node"
    (tmp_path / "include" / "node").mkdir(parents=True)
    (tmp_path / "lib").mkdir()
    program.parent.mkdir()
    program.touch()
    order = {"scripts": str(Path(jail.__file__).parent), "program": [str(program)]}
    shown = list(jail._roots(order))
    assert {str(program), str(tmp_path / "lib"), "/dev/null"} <= set(shown)
    assert not {"/", "/etc", "/home", "/root", "/proc", "/tmp", str(tmp_path)} & set(shown)
    shutil.rmtree(tmp_path / "include")
    assert str(tmp_path / "lib") not in jail._roots(order)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_lets_a_program_start_once_and_jumps_to_its_own_lines(machine: str):
    for follows in (False, True):
        lines = jail.rules(machine, program_follows=follows)
        assert (jail._NUMBERS[machine]["execve"] in {line[3] for line in lines}) is not follows
        assert lines[-1] == (0x06, 0, 0, 0x7FFF0000)
        for at, (_, true, false, _) in enumerate(lines):
            assert at + 1 + max(true, false) <= len(lines)


def test_the_strict_guard_refuses_what_is_not_shown(tmp_path: Path):
    hook = launch.guard(str(tmp_path), [str(tmp_path), "/usr/lib"])
    hook("open", (str(tmp_path / "x"), "r", os.O_RDONLY))
    hook("open", ("/usr/lib/x", "r", os.O_RDONLY))
    hook("os.listdir", (None,))
    hook("import", ("json", None))
    for event, args in (
        ("open", ("/etc/hostname", "r", os.O_RDONLY)),
        ("open", ("/usr/libx", "r", os.O_RDONLY)),
        ("os.listdir", ("/",)),
        ("os.link", (str(tmp_path / "x"), "/elsewhere/x", -1, -1)),
        ("ctypes.dlsym", ("x",)),
    ):
        with pytest.raises(PermissionError):
            hook(event, args)
    with pytest.raises(ImportError, match="_ctypes is not available"):
        hook("import", ("_ctypes", None))
    with pytest.raises(PermissionError, match="other programs"):
        launch._no_program()
