"""Code of others sees no file of this machine, reaches nobody and changes nothing, whatever it tries."""

import os
import shutil
import socket
from collections.abc import Generator
from pathlib import Path

import pytest
from tests.confinement import needs_confinement

from bakeoff.sandbox import (
    Limits,
    Worker,
    jail,
    node,
    once,
)
from bakeoff.sandbox import worker as worker_module

LONG = Limits(seconds=30.0)
SECRET = "the-planted-secret-4711"
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")


def job(code: str, output: object = "x", **context: object) -> dict[str, object]:
    return {
        "kind": "call", "code": code, "path": "", "function": "", "folder": "", "version": 0,
        "output": output, "context": context,
    }  # fmt: skip


def without_guard(folder: Path) -> Path:
    """Return the scripts of the processes with nothing but the kernel between code and machine."""
    scripts = folder / "scripts"
    shutil.copytree(
        Path(worker_module.__file__).parent, scripts, ignore=shutil.ignore_patterns("__pycache__")
    )
    text = (scripts / "launch.py").read_text()
    for line in (
        '    sys.addaudithook(guard(order["folder"] if order["strict"] else None, shown))\n',
        '    if order["confined"]:\n        _forget()\n',
    ):
        assert text.count(line) == 1
        text = text.replace(line, "")
    (scripts / "launch.py").write_text(text)
    return scripts


@pytest.fixture(scope="module")
def worker() -> Generator[Worker]:
    made = Worker(LONG, confined=True)
    yield made
    made.close(wait_s=10.0)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Generator[Worker]:
    """A confined process without the guard in the interpreter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker_module, "_SCRIPTS", without_guard(tmp_path_factory.mktemp("bare")))
        made = Worker(LONG, confined=True)
    yield made
    made.close(wait_s=10.0)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What must not be read: in a service's folder, in one of secrets, at home."""
    folder = tmp_path_factory.mktemp("machine")
    found = {
        "database": folder / "data" / "bakeoff.db",
        "other_job": folder / "data" / "jobs" / "run-1" / "samples.jsonl",
        "secret": folder / "secrets" / "API_KEY",
    }
    for path in found.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SECRET)
    found["secret"].chmod(0o600)
    environment = Path(f"/proc/{os.getpid()}/environ")
    more = {"shadow": Path("/etc/shadow"), "passwd": Path("/etc/passwd"), "first": Path("/proc/1/environ")}
    return {name: str(path) for name, path in (found | more | {"environment": environment}).items()}


PLANTED = ("database", "other_job", "secret", "shadow", "passwd", "first", "environment")
READS = {
    "open": "open(context['p']).read()",
    "descriptor": "os.read(os.open(context['p'], os.O_RDONLY), 100)",
    "file_io": "io.FileIO(context['p']).readall()",
    "open_code": "io.open_code(context['p']).read()",
    "database": "sqlite3.connect(f'file:{context[\"p\"]}?mode=ro', uri=True).execute('select 1 from jobs')",
    "lines": "linecache.getlines(context['p'])[0]",
    "loader": "importlib.machinery.SourceFileLoader('x', context['p']).get_data(context['p'])",
    "up": "open('../' * 30 + context['p'].lstrip('/')).read()",
    "stat": "os.stat(context['p']).st_size",
    "list": "(set(os.listdir(os.path.dirname(context['p']) + '/.')) - {'ld.so.cache', 'localtime'}).pop()",
    "symlink": "[os.symlink(context['p'], f'/tmp/s{time.time()}'), open(max(glob.glob('/tmp/s*'))).read()]",
    "hard_link": "[os.link(context['p'], '/tmp/h'), open('/tmp/h').read()]",
    "rename": "os.rename(context['p'], '/tmp/r')",
    "exec": "exec(compile(open(context['p']).read(), context['p'], 'exec'))",
}
IMPORTS = "import glob, importlib.machinery, io, linecache, os, sqlite3, time\n"


@needs_confinement
@pytest.mark.parametrize("which", PLANTED)
@pytest.mark.parametrize("how", READS)
@pytest.mark.parametrize("fences", ["worker", "bare"])
def test_no_file_of_the_machine_can_be_read(
    request: pytest.FixtureRequest, planted: dict[str, str], which: str, how: str, fences: str
):
    shut_in: Worker = request.getfixturevalue(fences)
    reply = shut_in.ask(job(f"{IMPORTS}return {READS[how]}", p=planted[which]))
    assert reply.outcome == "error", reply
    assert SECRET not in str(reply)
    assert "root:" not in str(reply)


@needs_confinement
@pytest.mark.parametrize("fences", ["worker", "bare"])
def test_nothing_can_be_written_but_the_folder_that_is_its_own(
    request: pytest.FixtureRequest, planted: dict[str, str], fences: str
):
    shut_in: Worker = request.getfixturevalue(fences)
    data = Path(planted["database"]).parent
    beside = Path(os.__file__).parent / "planted.py"
    for path in (
        data / "key",
        beside,
        Path("/new"),
        Path("/usr/lib/new"),
        Path(jail.__file__),
        Path("/dev/new"),
    ):
        for code in ("open(context['p'], 'w')", "__import__('os').mkdir(context['p'] + '-d')"):
            assert shut_in.ask(job(code, p=str(path))).outcome == "error", path
    for code in ("os.remove(os.__file__)", "os.chmod(os.__file__, 0o777)", "os.utime(os.__file__)"):
        assert shut_in.ask(job(f"import os\nreturn {code}")).outcome == "error"
    assert not (data / "key").exists()
    name = f"own-{os.getpid()}"
    own = f"open('/tmp/{name}', 'w').write('abc')\nreturn open('/tmp/{name}').read()"
    assert shut_in.ask(job(own)).value == "abc"
    assert not Path("/tmp", name).exists()


PROCESSES = {
    "system": "1 / (os.system('true') == 0)",
    "run": "subprocess.run(['/bin/true']).returncode",
    "shell": "subprocess.check_output('id', shell=True).decode()",
    "popen": "os.popen('id').read()",
    "fork": "os.fork()",
    "forkpty": "os.forkpty()",
    "spawn": "os.posix_spawn('/bin/true', ['true'], {})",
    "exec": "os.execv('/bin/true', ['true'])",
    "pool": "multiprocessing.get_context('fork').Process(target=print).start()",
    "posixsubprocess": (
        "_posixsubprocess.fork_exec([b'/bin/true'], [b'/bin/true'], True, (), None, None, "
        "-1, -1, -1, -1, -1, -1, *os.pipe(), False, False, -1, None, None, None, -1, None, False)"
    ),
    "loaded": (
        "importlib.machinery.ExtensionFileLoader('_posixsubprocess', importlib.machinery.PathFinder"
        ".find_spec('_posixsubprocess').origin).create_module(importlib.machinery.PathFinder"
        ".find_spec('_posixsubprocess')).fork_exec()"
    ),
}


@needs_confinement
@pytest.mark.parametrize("how", PROCESSES)
@pytest.mark.parametrize("fences", ["worker", "bare"])
def test_no_process_can_be_started(request: pytest.FixtureRequest, how: str, fences: str):
    shut_in: Worker = request.getfixturevalue(fences)
    imports = "import importlib.machinery, multiprocessing, os, subprocess, _posixsubprocess\n"
    reply = shut_in.ask(job(f"{imports}return {PROCESSES[how]}"))
    assert reply.outcome == "error", reply
    assert shut_in.ask(job("1")).value == 1


@needs_confinement
@pytest.mark.parametrize("name", ["ctypes", "_ctypes", "_posixsubprocess"])
def test_the_guard_keeps_modules_away_that_go_past_it(worker: Worker, name: str):
    code = f"import sys\nsys.modules.pop('{name}', None)\nimport {name}\nreturn 1"
    assert "is not available here" in worker.ask(job(code)).error


@needs_confinement
def test_a_library_that_can_do_without_such_a_module_does(worker: Worker):
    assert worker.ask(job("import asyncio, multiprocessing, subprocess, uuid\nreturn 1")).value == 1


KERNEL = {
    "unshare": "libc.unshare(0x10000000)",
    "unshare_mounts": "libc.unshare(0x20000)",
    "mount": "libc.mount(b'x', b'/tmp', b'tmpfs', 0, None)",
    "remount": "libc.mount(None, b'/usr/lib', None, 4096 | 32, None)",
    "umount": "libc.umount2(b'/usr/lib', 2)",
    "chroot": "libc.chroot(b'/tmp')",
    "ptrace": "libc.ptrace(16, 1, 0, 0)",
    "setuid": "libc.setresuid(0, 0, 0)",
    "clone": "libc.syscall(56 if platform.machine() == 'x86_64' else 220, 17, 0, 0, 0, 0)",
    "clone_users": "libc.syscall(56 if platform.machine() == 'x86_64' else 220, 0x10000000 | 17, 0, 0, 0, 0)",
    "clone3": "libc.syscall(435, bytes(88), 88)",
    "node": "libc.mknod(b'/tmp/disk', 0o60666, os.makedev(254, 0))",
}


@needs_confinement
@pytest.mark.parametrize("how", KERNEL)
def test_the_kernel_refuses_the_way_back(bare: Worker, how: str):
    code = f"import ctypes, os, platform\nlibc = ctypes.CDLL(None)\nreturn {KERNEL[how]}"
    reply = bare.ask(job(code))
    assert (reply.outcome, reply.value) == ("ok", -1)


@needs_confinement
def test_it_has_no_rights_left(bare: Worker):
    code = (
        "import ctypes, os, struct\nlibc = ctypes.CDLL(None)\nsets = ctypes.create_string_buffer(24)\n"
        "libc.capget(struct.pack('=Ii', 0x20080522, 0), sets)\n"
        "return [list(sets.raw), libc.prctl(23, 21, 0, 0, 0), libc.prctl(39, 0, 0, 0, 0), os.getuid()]"
    )
    sets, bounding, no_new, user = bare.ask(job(code)).value
    assert (set(sets), bounding, no_new) == ({0}, 0, 1)
    assert user != 0


@needs_confinement
@pytest.mark.parametrize("fences", ["worker", "bare"])
def test_nobody_can_be_reached(request: pytest.FixtureRequest, tmp_path: Path, fences: str):
    shut_in: Worker = request.getfixturevalue(fences)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as near:
        near.bind(str(tmp_path / "s"))
        near.listen()
        port = server.getsockname()[1]
        for code in (
            f"socket.create_connection(('127.0.0.1', {port}), 2)",
            "socket.create_connection(('192.0.2.1', 80), 2)",
            f"socket.socket(socket.AF_UNIX).connect({str(tmp_path / 's')!r})",
        ):
            assert shut_in.ask(job(f"import socket\nreturn {code}")).outcome == "error"


@needs_confinement
def test_other_processes_cannot_be_seen_or_killed(bare: Worker):
    me = os.getpid()
    told = bare.ask(job(f"import os\nreturn [os.getpid(), os.getppid(), os.path.exists('/proc/{me}')]"))
    assert told.value == [1, 0, False]
    assert bare.ask(job(f"__import__('os').kill({me}, 0)")).outcome == "error"


@needs_confinement
def test_its_folder_holds_so_much_and_no_more():
    shut_in = Worker(LONG, confined=True)
    fill = "for n in range(99):\n  with open(f'/tmp/{n}', 'wb') as file: file.write(bytes(1 << 20))\nreturn n"
    assert "No space left" in shut_in.ask(job(fill)).error
    shut_in.close(wait_s=10.0)


@needs_confinement
def test_its_environment_is_its_own(worker: Worker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOME_API_KEY", SECRET)
    made = Worker(LONG, confined=True)
    told: dict[str, str] = made.ask(job("dict(__import__('os').environ)")).value
    made.close(wait_s=10.0)
    assert SECRET not in str(told)
    assert told["HOME"] == told["TMPDIR"] == "/tmp"


@needs_confinement
@pytest.mark.parametrize(
    ("code", "value"),
    [
        (
            "import json, math, re, random, statistics, collections, datetime, decimal\nreturn math.sqrt(16)",
            4.0,
        ),
        ("import re\nreturn re.findall(r'\\d', output)", []),
        ("import zoneinfo, tempfile, hashlib, unicodedata, difflib, threading\nreturn 1", 1),
        ("import tempfile\nwith tempfile.TemporaryFile() as file: return file.write(b'abc')", 3),
        ("import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()\nreturn 1", 1),
        ("open('notes.txt', 'w').write('n')", 1),
        ("__import__('os').getcwd()", "/tmp"),
    ],
)
def test_ordinary_code_works(worker: Worker, code: str, value: object):
    assert worker.ask(job(code)).value == value


@needs_confinement
def test_numpy_works_where_it_is_installed(worker: Worker):
    pytest.importorskip("numpy")
    assert worker.ask(job("import numpy as np\nreturn np.linalg.norm([3, 4])")).value == 5.0


@needs_confinement
def test_it_says_how_it_is_kept_apart(worker: Worker):
    assert worker.ask(job("1")).isolation == "namespaces and a root of its own"


@needs_confinement
def test_a_program_runs_once_in_a_root_of_its_own(planted: dict[str, str]):
    for code, outcome in ((f"open({planted['database']!r})", "error"), ("open('x', 'w').write('y')", "ok")):
        reply = once({"kind": "program", "code": code, "token": "through"}, LONG, confined=True)
        assert (reply.outcome, reply.isolation) == (outcome, jail.NAMESPACES)


NODE = {
    "read": "fs.readFileSync(context.p, 'utf8')",
    "list": "fs.readdirSync(path.dirname(context.p))",
    "link": "fs.symlinkSync(context.p, '/tmp/l') || fs.readFileSync('/tmp/l', 'utf8')",
    "write": "fs.writeFileSync(context.p, 'x') || 1",
    "exec": "require('child_process').execSync('id').toString()",
    "fork": "require('child_process').spawnSync(process.execPath, ['-v']).stdout.toString()",
    "import": "require(context.p)",
}


@needs_confinement
@needs_node
@pytest.mark.parametrize("how", NODE)
def test_node_is_shut_in_as_python_is(planted: dict[str, str], how: str):
    shut_in = Worker(LONG, program=node(LONG), confined=True)
    head = "const require = process.mainModule.require, fs = require('fs'), path = require('path');\n"
    reply = shut_in.ask(job(f"{head}return {NODE[how]}", p=planted["database"]))
    assert reply.outcome == "error", reply
    assert SECRET not in str(reply)
    own = (
        f"{head}fs.writeFileSync('/tmp/a', 'abc');\nreturn fs.readFileSync('/tmp/a', 'utf8') + output.length"
    )
    assert shut_in.ask(job(own)).value == "abc1"
    shut_in.close(wait_s=10.0)
    assert Path(planted["database"]).read_text() == SECRET
