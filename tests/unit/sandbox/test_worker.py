"""Processes for code of others: answers, limits, and what becomes of those that break them."""

import ast
import shutil
import sys
import threading
from pathlib import Path

import pytest

from bakeoff.sandbox import Limits, Worker, Workers, node, once
from bakeoff.sandbox import worker as worker_module

SHORT = Limits(seconds=1.0)
LONG = Limits(seconds=20.0)


def call(code, output="x", **context):
    return {
        "kind": "call", "code": code, "path": "", "function": "", "folder": "", "version": 0,
        "output": output, "context": context,
    }  # fmt: skip


def program(code):
    return {"kind": "program", "code": code, "token": "through"}


@pytest.fixture
def worker():
    made = Worker(LONG)
    yield made
    made.close(wait_s=10.0)


def test_a_worker_answers_job_after_job(worker):
    assert [worker.ask(call("len(output)", "x" * n)).value for n in (1, 2, 3)] == [1, 2, 3]


def test_it_says_how_it_is_kept_off_the_network(worker):
    assert worker.ask(call("1")).isolation in {"namespaces", "a guard in the interpreter"}


def test_what_a_job_raises_is_its_answer_and_the_worker_goes_on(worker):
    reply = worker.ask(call("x = 1\nreturn x / 0"))
    assert (reply.outcome, reply.error) == ("error", "ZeroDivisionError: division by zero (line 2)")
    assert worker.ask(call("2")).value == 2


@pytest.mark.parametrize("code", ["float('nan')", "object()", "{1: object()}"])
def test_a_result_that_is_no_json_is_an_error(worker, code):
    assert worker.ask(call(code)).outcome == "error"


def test_a_data_class_is_read_as_its_fields(worker):
    code = "import dataclasses\n@dataclasses.dataclass\nclass R:\n  score: int\nreturn R(3)"
    assert worker.ask(call(code)).value == {"score": 3}


def test_half_a_character_and_zero_bytes_reach_the_code_as_they_are(worker):
    assert worker.ask(call("[ord(c) for c in output]", "\ud800\0é")).value == [0xD800, 0, 0xE9]


def test_a_large_answer_goes_in_whole(worker):
    assert worker.ask(call("len(output)", "x" * 3_000_000)).value == 3_000_000


def test_what_a_job_prints_is_nobodys_answer(worker):
    code = "import os, sys\nprint('{}')\nos.write(1, b'x' * 100)\nreturn sys.stdin.read()"
    assert worker.ask(call(code)).value == ""


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("while True: pass\n", "timeout"),
        ("__import__('time').sleep(100)", "timeout"),
        ("__import__('os')._exit(0)", "ended"),
        ("'x' * 2_000_000", "flood"),
    ],
)
def test_a_job_that_breaks_its_limits_ends_the_process(code, outcome):
    worker = Worker(SHORT)
    reply = worker.ask(call(code))
    assert reply.outcome == outcome
    assert reply.error
    assert not worker.usable


def test_memory_is_limited(worker):
    assert worker.ask(call("len(bytearray(2_000_000_000))")).error.startswith("MemoryError")


def test_the_network_is_not_available(worker):
    code = "import socket\nsocket.create_connection(('127.0.0.1', 9), 1)"
    assert "the network is not available" in worker.ask(call(code)).error


def test_keys_of_the_environment_do_not_reach_the_code(worker, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "secret")
    made = Worker(LONG)
    assert made.ask(call("__import__('os').environ.get('SOME_API_KEY', 'nothing')")).value == "nothing"
    made.close()


def test_what_a_job_left_running_ends_with_the_process(tmp_path):
    mark = tmp_path / "alive"
    code = (
        "import os, time\nif os.fork() == 0:\n  os.setsid()\n"
        f"  while True:\n    open({str(mark)!r}, 'a').write('x')\n    time.sleep(0.01)\n"
        f"while not os.path.exists({str(mark)!r}): time.sleep(0.01)\nreturn 1"
    )
    worker = Worker(LONG)
    reply = worker.ask(call(code))
    worker.close()
    if reply.isolation != "namespaces":
        pytest.skip("this system gives no namespaces")
    assert reply.value == 1
    threading.Event().wait(0.2)
    size = mark.stat().st_size
    threading.Event().wait(0.2)
    assert mark.stat().st_size == size


def test_a_program_runs_once_in_a_folder_of_its_own():
    reply = once(program("open('a.txt', 'w').write('x')\nassert open('a.txt').read() == 'x'"), LONG)
    assert (reply.outcome, reply.value) == ("ok", "through")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import socket; socket.socket()", "the network is not available"),
        ("import os; os.system('true')", "other programs are not available"),
        ("import subprocess; subprocess.run(['true'])", "other programs are not available"),
        ("import os; os.fork()", "other programs are not available"),
        ("import os; os.remove('/nowhere/x')", "writing is limited"),
        ("raise SystemExit", "SystemExit"),
        ("import sys; sys.exit('bye')", "SystemExit: bye"),
    ],
)
def test_a_program_that_nobody_vouches_for_may_little(code, told):
    reply = once(program(code), LONG)
    assert reply.outcome == "error"
    assert told in reply.error


def test_a_program_writes_nowhere_else(tmp_path):
    reply = once(program(f"open({str(tmp_path / 'x')!r}, 'w')"), LONG)
    assert "writing is limited" in reply.error
    assert not list(tmp_path.iterdir())


def test_a_program_that_leaves_early_has_not_come_through():
    assert once(program("import os; os._exit(0)"), LONG).outcome == "ended"


def test_workers_are_used_again_and_replaced_when_they_are_gone():
    workers = Workers(lambda: Worker(SHORT), size=1)
    first = workers.ask_now(call("__import__('os').getpid()"))
    pid = "__import__('os').stat('/proc/self').st_ino"
    same = [workers.ask_now(call(pid)).value for _ in range(2)]
    assert first.outcome == "ok"
    assert same[0] == same[1]
    assert workers.ask_now(call("while True: pass\n")).outcome == "timeout"
    assert workers.ask_now(call("1")).value == 1
    workers.close()


def test_a_job_is_not_lost_to_a_worker_that_was_gone_already():
    workers = Workers(lambda: Worker(LONG), size=1)
    assert workers.ask_now(call("1")).value == 1
    workers._idle[0]._process.kill()
    workers._idle[0]._process.wait()
    assert workers.ask_now(call("2")).value == 2
    workers.close()


def test_where_no_process_can_be_started_the_reply_says_so(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    told = "no process could be started: No such file or directory"
    assert Workers(lambda: Worker(SHORT)).ask_now(call("1")).error == told
    assert once(program("1"), SHORT).error == told


def test_a_program_that_is_no_server_did_not_start():
    worker = Worker(SHORT, program=[shutil.which("echo") or "/bin/echo", "no json"])
    reply = worker.ask(call("1"))
    assert reply.outcome == "ended"
    gone = Worker(SHORT, program=["/nowhere/program"]).ask(call("1"))
    assert gone.outcome == "ended"


def test_without_node_there_is_no_command_for_it(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert node(SHORT) is None


def test_closing_twice_is_harmless(worker):
    worker.close()
    worker.close()


def test_scripts_of_the_processes_import_nothing_of_bakeoff():
    folder = Path(worker_module.__file__).parent
    for name in ("launch.py", "serve.py"):
        for node_ in ast.walk(ast.parse((folder / name).read_text())):
            names = [alias.name for alias in node_.names] if isinstance(node_, ast.Import) else []
            names += [str(node_.module)] if isinstance(node_, ast.ImportFrom) else []
            assert not any(name.startswith("bakeoff") for name in names)


def test_where_the_system_gives_no_namespaces_the_guard_is_there(tmp_path, monkeypatch):
    folder = Path(worker_module.__file__).parent
    for name in ("launch.py", "serve.py"):
        text = (folder / name).read_text()
        (tmp_path / name).write_text(text.replace("libc.unshare(flags) == 0", "False"))
    monkeypatch.setattr(worker_module, "_SCRIPTS", tmp_path)
    for code, outcome in (("x = 1", "ok"), ("import socket; socket.socket()", "error")):
        reply = once(program(code), LONG)
        assert (reply.outcome, reply.isolation) == (outcome, "a guard in the interpreter")
    worker = Worker(LONG)
    assert worker.ask(call("len(output)")).value == 1
    worker.close()


def test_a_process_that_ends_before_it_is_ready_says_so(tmp_path, monkeypatch):
    (tmp_path / "launch.py").write_text("raise MemoryError")
    monkeypatch.setattr(worker_module, "_SCRIPTS", tmp_path)
    reply = Worker(LONG).ask(call("1"))
    assert (reply.outcome, reply.isolation) == ("ended", "")
    assert "the process did not start" in reply.error


def test_a_program_that_stops_listening_is_ended():
    shell = shutil.which("sh") or "/bin/sh"
    reply = Worker(LONG, program=[shell, "-c", "exec 0<&-; sleep 60"]).ask(call("1", "x" * 1_000_000))
    assert reply.outcome == "ended"
