"""Make this process a bounded one, then run Python jobs in it or become another program.

Run as a script: `launch.py ORDER`, where ORDER is the JSON that `worker.py` writes. It imports nothing of
bakeoff. The first line on stdout tells how the process is kept apart, or why it could not be shut in.
"""

import ctypes
import importlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, NoReturn

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
_PATHS = {"os.link": 2, "os.rename": 2, "os.symlink": 2}
"""How many paths an event names, where it is more than one."""
_READS = ("open", "os.listdir", "os.scandir", "os.chdir")
_BEYOND = ("_ctypes", "_ctypes_test", "_posixsubprocess", "_cffi_backend", "ctypes")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def main() -> None:  # pragma: no cover  runs in a process of its own
    """Read the order, leave what the code is not to see, set the limits, run."""
    order: dict[str, Any] = json.loads(sys.argv[1])
    isolation, shown = _jailed(order) if order["confined"] else _apart(order)
    program: list[str] | None = order["program"]
    if program is not None:
        # Another program has no guard of ours; what it loads keeps itself off the network.
        os.write(1, (json.dumps({"isolation": isolation}) + "\n").encode())
        os.execv(program[0], program)  # noqa: S606  the program that was asked for
    serve = _beside(order, "serve")
    sys.addaudithook(guard(order["folder"] if order["strict"] else None, shown))
    if order["confined"]:
        _forget()
    serve.main(isolation)


def _apart(order: dict[str, Any]) -> tuple[str, None]:  # pragma: no cover  as `main`
    isolation = _isolate()
    if isolation == _NAMESPACES:
        _into_namespace()
    _limit(order)
    return isolation, None


def _jailed(order: dict[str, Any]) -> tuple[str, list[str]]:  # pragma: no cover  as `main`
    """Shut the process in; where that cannot be, say so and end: nothing runs half shut in."""
    jail = _beside(order, "jail")
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
    try:
        shown: list[str] = jail.leave(order)
    except (OSError, AttributeError) as error:
        _refuse(error)
    _into_namespace()
    _limit(order)
    try:
        jail.drop(program=order["program"] is not None)
    except (OSError, AttributeError) as error:
        _refuse(error)
    # Forgotten by the kernel with the change of the user.
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
    return jail.NAMESPACES, shown


def _refuse(error: Exception) -> NoReturn:  # pragma: no cover  as `main`
    os.write(1, (json.dumps({"isolation": "", "refused": str(error)}) + "\n").encode())
    os._exit(1)


def _beside(order: dict[str, Any], name: str) -> ModuleType:  # pragma: no cover  as `main`
    """Import a module from beside this one; what stands there is no module of the jobs'."""
    sys.path.append(order["scripts"])
    found = importlib.import_module(name)
    sys.path.remove(order["scripts"])
    return found


def _forget() -> None:  # pragma: no cover  as `main`
    """Leave jobs no way past the guard that is known: the modules that call C or start processes."""
    for name in ("jail", *(each for each in sys.modules if each.lstrip("_").startswith("ctypes"))):
        sys.modules.pop(name, None)
    globals().pop("ctypes")
    stub = ModuleType("_posixsubprocess")
    vars(stub)["fork_exec"] = _no_program
    # `subprocess` can be imported, as many libraries do, and starts nothing.
    sys.modules["_posixsubprocess"] = stub


def _no_program(*_: object) -> NoReturn:
    raise PermissionError("other programs are not available here")


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


def guard(folder: str | None, shown: Iterable[str] | None = None) -> Callable[[str, tuple[Any, ...]], None]:
    """Return an audit hook that refuses the network, for good.

    Args:
        folder: for code that nobody vouches for: the only place where it may write; it starts no process.
        shown: the only places where it may read; None for all.
    """
    refuse = _fence(folder, None if shown is None else tuple(shown)) if folder is not None else None

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event.startswith("socket.") and not (event == "socket.__new__" and args[1] == _AF_UNIX):
            raise PermissionError("the network is not available here")
        if refuse is not None:
            refuse(event, args)

    return hook


def _fence(folder: str, shown: tuple[str, ...] | None) -> Callable[[str, tuple[Any, ...]], None]:
    """Return what refuses processes, writing elsewhere and, where that is bounded, reading elsewhere."""
    outside = _outside()

    def refuse(event: str, args: tuple[Any, ...]) -> None:
        if event in _STARTS:
            raise PermissionError("other programs are not available here")
        writes = event in _WRITES or (event == "open" and isinstance(args[2], int) and args[2] & _WRITING)
        if writes and any(outside(path, (folder,)) for path in args[: _PATHS.get(event, 1)]):
            raise PermissionError("writing is limited to the folder of the program")
        if shown is None:
            return
        if event in _READS and outside(args[0], shown):
            raise PermissionError("reading is limited to Python and the folder of the program")
        if event.startswith("ctypes."):
            raise PermissionError("ctypes is not available here")
        if event == "import" and args[0] in _BEYOND:
            raise ImportError(f"{args[0]} is not available here")

    return refuse


def _outside() -> Callable[[object, tuple[str, ...]], bool]:
    """Return what tells whether a path leads out of some folders; it keeps the functions that it needs."""
    realpath, fsdecode, separator = os.path.realpath, os.fsdecode, os.sep

    def outside(path: object, within: tuple[str, ...]) -> bool:
        if not isinstance(path, str | bytes):
            return False
        real = realpath(fsdecode(path))
        return real != os.devnull and not any(
            real == place or real.startswith(f"{place}{separator}") for place in within
        )

    return outside


if __name__ == "__main__":  # pragma: no cover  as `main`
    main()
