"""Make this process a bounded one, then run Python jobs in it or become another program.

Run as a script: `launch.py ORDER`, where ORDER is the JSON that `worker.py` writes. It imports nothing of
bakeoff. The first line on stdout tells how the process is kept off the network.
"""

import ctypes
import importlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any

_NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 0x08000000, 0x10000000, 0x20000000, 0x40000000
_APART = _NEWIPC | _NEWPID | _NEWNET
_PDEATHSIG = 1
_NAMESPACES = "namespaces"
_GUARD = "a guard in the interpreter"
_AF_UNIX = 1
_STARTS = (
    "ctypes.dlopen", "os.exec", "os.fork", "os.forkpty", "os.kill", "os.killpg", "os.posix_spawn", "os.spawn",
    "os.system", "pty.spawn", "subprocess.Popen",
)  # fmt: skip
_WRITES = (
    "os.chflags", "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir",
    "os.symlink", "os.truncate", "os.utime", "shutil.rmtree",
)  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def main() -> None:  # pragma: no cover  runs in a process of its own
    """Read the order, leave the network, set the limits, run."""
    order: dict[str, Any] = json.loads(sys.argv[1])
    isolation = _isolate()
    if isolation == _NAMESPACES:
        _into_namespace()
    _limit(order)
    program: list[str] | None = order["program"]
    if program is not None:
        # Another program has no guard of ours; what it loads keeps itself off the network.
        os.write(1, (json.dumps({"isolation": isolation}) + "\n").encode())
        os.execv(program[0], program)  # noqa: S606  the program that was asked for
    sys.addaudithook(guard(order["folder"] if order["strict"] else None))
    sys.path.append(order["scripts"])
    serve = importlib.import_module("serve")
    # What stands beside it is no module of the jobs'.
    sys.path.remove(order["scripts"])
    serve.main(isolation)


def _isolate() -> str:  # pragma: no cover  as `main`
    """Leave the network for a namespace without one, where the system lets us."""
    if os.uname().sysname == "Linux":
        libc = ctypes.CDLL(None, use_errno=True)
        found = any(libc.unshare(flags) == 0 for flags in (_NEWUSER | _APART, _APART))
        libc.prctl(_PDEATHSIG, signal.SIGKILL)
        return _NAMESPACES if found else _GUARD
    return _GUARD


def _into_namespace() -> None:  # pragma: no cover  as `main`
    """Go on as the first process of the namespace, at whose end all others in it are killed."""
    child = os.fork()
    if child:
        # Only the child holds the pipes, so that its end is seen at once.
        os.closerange(0, 3)
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)


def _limit(order: dict[str, Any]) -> None:  # pragma: no cover  as `main`
    wanted = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, order["file_bytes"])]
    if order["memory_bytes"] is not None:
        wanted.append((resource.RLIMIT_AS, order["memory_bytes"]))
    if order["cpu_s"] is not None:
        wanted.append((resource.RLIMIT_CPU, order["cpu_s"]))
    for kind, most in wanted:
        hard = resource.getrlimit(kind)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (bound, bound))


def guard(folder: str | None) -> Callable[[str, tuple[Any, ...]], None]:
    """Return an audit hook that refuses the network, for good.

    Args:
        folder: for code that nobody vouches for: the only place where it may write; it starts no process.
    """
    realpath, fsdecode, separator = os.path.realpath, os.fsdecode, os.sep

    def outside(path: object) -> bool:
        if not isinstance(path, str | bytes):
            return False
        real = realpath(fsdecode(path))
        return real != os.devnull and not real.startswith(f"{folder}{separator}")

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event.startswith("socket.") and not (event == "socket.__new__" and args[1] == _AF_UNIX):
            raise PermissionError("the network is not available here")
        if folder is None:
            return
        if event in _STARTS:
            raise PermissionError("other programs are not available here")
        writes = event in _WRITES or (event == "open" and isinstance(args[2], int) and args[2] & _WRITING)
        if writes and outside(args[0]):
            raise PermissionError("writing is limited to the folder of the program")

    return hook


if __name__ == "__main__":  # pragma: no cover  as `main`
    main()
