"""Shut this process in: a root of its own that holds Python or Node and nothing else, and no way back.

It runs inside the processes, before any job, and imports nothing of bakeoff. Whatever it cannot have ends in
an error: nothing goes on half shut in. Its errors are told to whoever runs the service, so they are in words.
"""

import ctypes
import os
import platform
import stat
import struct
import sys
from collections.abc import Iterable, Iterator
from typing import Any

NAMESPACES = "namespaces and a root of its own"
TMP = "/tmp"  # noqa: S108  that of the new root, which is empty and nobody else's
_NEWNS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 0x20000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
_APART = _NEWNS | _NEWIPC | _NEWPID | _NEWNET
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_ATIME = {1024: 1024, 2048: 2048, 4096: 1 << 21}
"""How a file system tells how it keeps times of access, and how that is said to `mount`."""
_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE, _MOUNT_SETATTR = -100, 0x8000, 442
_NOBODY = 65534
_SET_SECCOMP, _CAPBSET_DROP, _SET_NO_NEW_PRIVS, _CAP_AMBIENT, _CLEAR_ALL = 22, 24, 38, 47, 4
_SYSTEM = (
    *(
        "/lib",
        "/lib32",
        "/lib64",
        "/usr/lib",
        "/usr/lib32",
        "/usr/lib64",
        "/usr/local/lib",
        "/usr/local/lib64",
    ),
    # Node's own modules in Debian, names of time zones, where the loader looks; a system that keeps all here.
    *("/usr/share/nodejs", "/usr/share/zoneinfo", "/etc/ld.so.cache", "/etc/localtime", "/nix/store"),
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_PLACES = ("/sys", "/proc", "/mnt", "/srv")
"""Folders to build the new root over, unseen by others; none of them ever holds a program."""

# What the kernel is not asked for any more, by machine; `fork` and `vfork` are `clone` on ARM.
_NUMBERS: dict[str, dict[str, int]] = {
    "x86_64": {
        "arch": 0xC000003E, "clone": 56, "clone3": 435, "pivot_root": 155, "capset": 126, "execve": 59,
    },
    "aarch64": {
        "arch": 0xC00000B7, "clone": 220, "clone3": 435, "pivot_root": 41, "capset": 91, "execve": 221,
    },
}  # fmt: skip
_DENIED: dict[str, tuple[int, ...]] = {
    "x86_64": (
        *(57, 58, 322, 101, 165, 166, 155, 161, 272, 308, 175, 313, 176, 246, 320, 321, 298, 323, 248, 249),
        *(250, 304, 310, 311, 109, 112, 425, 428, 429, 430, 432, 442),
    ),
    "aarch64": (
        *(281, 117, 40, 39, 41, 51, 97, 268, 105, 273, 106, 104, 294, 280, 241, 282, 217, 218, 219, 265, 270),
        *(271, 154, 157, 425, 428, 429, 430, 432, 442),
    ),
}
"""fork, vfork, execveat, ptrace, mount, umount2, pivot_root, chroot, unshare, setns, modules of the kernel,
kexec, bpf, perf_event_open, userfaultfd, keys, handles of files, memory of other processes, setpgid, setsid,
io_uring and the newer calls for mounts."""
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _ABOVE, _HAS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_EPERM, _ENOSYS, _THREAD, _X32 = 1, 38, 0x10000, 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def leave(order: dict[str, Any]) -> list[str]:  # pragma: no cover  runs in a process of its own
    """Leave the file system, the network and the sight of other processes; return what there is to read.

    Raises:
        OSError: with the step that this system does not allow.
    """
    if sys.platform != "linux" or platform.machine() not in _NUMBERS:
        raise OSError(
            f"this is {platform.machine()} on {sys.platform}, and it needs Linux on x86-64 or ARM64"
        )
    _unshare()
    shown = list(_roots(order))
    _build(shown, int(order["tmp_bytes"]))
    return [*shown, TMP]


def drop(*, program: bool) -> None:  # pragma: no cover  as `leave`
    """Give up all rights for good, in the process that runs the jobs.

    Args:
        program: another program is started yet, once.
    """
    _call("prctl", _SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    kind = 0
    while _libc.prctl(_CAPBSET_DROP, ctypes.c_ulong(kind), 0, 0, 0) == 0:
        kind += 1
    _libc.prctl(_CAP_AMBIENT, _CLEAR_ALL, 0, 0, 0)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    head, sets = struct.pack("=Ii", 0x20080522, 0), bytes(24)
    _call("syscall", ctypes.c_long(_NUMBERS[platform.machine()]["capset"]), head, sets)
    _filter(program_follows=program)


def _unshare() -> None:  # pragma: no cover  as `leave`
    """Get namespaces: as the machine's root without one of users, so that root can become nobody.

    Where root cannot, and for everyone else, one of users gives the rights for the rest.
    """
    readable = os.stat(os.__file__).st_mode & stat.S_IROTH  # noqa: PTH116  pathlib takes long to import
    if os.geteuid() == 0 and readable and _libc.unshare(_APART) == 0:
        return
    user, group = os.geteuid(), os.getegid()
    _call("unshare", _NEWUSER | _APART)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user or _NOBODY} {user} 1"),
        ("gid_map", f"{group or _NOBODY} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123  as above
            file.write(text)


def _roots(order: dict[str, Any]) -> Iterator[str]:
    """Yield what the new root holds: libraries, and the program with what it is made of."""
    wanted = [*_SYSTEM, *_DEVICES, order["scripts"]]
    for prefix in (sys.prefix, sys.base_prefix, sys.base_exec_prefix):
        wanted += [f"{prefix}/lib", f"{prefix}/lib64"]
    if order["program"]:
        node = order["program"][0]
        wanted.append(node)
        prefix = os.path.dirname(os.path.dirname(node))  # noqa: PTH120  as above
        if os.path.isdir(f"{prefix}/include/node"):  # noqa: PTH112  as above
            wanted.append(f"{prefix}/lib")
    yield from outermost(path for path in wanted if os.path.exists(path))  # noqa: PTH110  as above


def outermost(paths: Iterable[str]) -> list[str]:
    """Return paths without those that lie in another one of them."""
    found: list[str] = []
    for path in sorted({os.path.normpath(path) for path in paths}):
        if not any(path.startswith(f"{other}/") for other in found):
            found.append(path)
    return found


def _build(shown: list[str], tmp_bytes: int) -> None:  # pragma: no cover  as `leave`
    """Make the new root, go into it, and let go of the old one."""
    _mount(None, "/", None, _REC | _PRIVATE, None)
    place = next(path for path in _PLACES if os.path.isdir(path))  # noqa: PTH112  as above
    _mount("root", place, "tmpfs", _NOSUID | _NODEV, "size=1m,nr_inodes=2048,mode=755")
    # Before what is shown, some of which may lie in a folder of that name.
    os.makedirs(f"{place}{TMP}")  # noqa: PTH103  as above
    options = f"size={tmp_bytes},nr_inodes=10000,mode=1777"
    _mount("tmp", f"{place}{TMP}", "tmpfs", _NOSUID | _NODEV | _NOEXEC, options)
    for path in shown:
        new = f"{place}{path}"
        os.makedirs(os.path.dirname(new), exist_ok=True)  # noqa: PTH103, PTH120  as above
        if os.path.islink(path):  # noqa: PTH114  as above
            os.symlink(os.readlink(path), new)  # noqa: PTH115, PTH211  as above
        else:
            _show(path, new)
    _mount(None, place, None, _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV, None)
    os.chdir(place)
    _call("syscall", ctypes.c_long(_NUMBERS[platform.machine()]["pivot_root"]), b".", b".")
    _call("umount2", b".", _DETACH)
    os.chdir(TMP)


def _show(path: str, new: str) -> None:  # pragma: no cover  as `leave`
    """Show a file or folder in the new root, for reading only."""
    device = path in _DEVICES
    if os.path.isdir(path):  # noqa: PTH112  as above
        os.makedirs(new, exist_ok=True)  # noqa: PTH103  as above
    else:
        os.close(os.open(new, os.O_WRONLY | os.O_CREAT, 0o644))
    _mount(path, new, None, _BIND | _REC, None)
    wanted = _RDONLY | _NOSUID | (0 if device else _NODEV)
    attributes = struct.pack("=QQQQ", wanted, 0, 0, 0)
    done = _libc.syscall(
        ctypes.c_long(_MOUNT_SETATTR), _AT_FDCWD, new.encode(), _AT_RECURSIVE, attributes, len(attributes)
    )
    if done == 0:
        return
    # Before Linux 5.12; what the file system is mounted with already must be said again.
    flags = os.statvfs(new).f_flag
    kept = flags & (_NOSUID | _NODEV | _NOEXEC) | sum(to for told, to in _ATIME.items() if flags & told)
    _mount(None, new, None, _REMOUNT | _BIND | wanted | kept, None)


def _mount(
    what: str | None, where: str, kind: str | None, flags: int, options: str | None
) -> None:  # pragma: no cover
    texts = [None if text is None else text.encode() for text in (what, where, kind, options)]
    _call("mount", texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3])


def _call(name: str, *arguments: Any) -> None:  # pragma: no cover  # noqa: ANN401  whatever C takes
    if getattr(_libc, name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def rules(machine: str, *, program_follows: bool) -> list[tuple[int, int, int, int]]:
    """Return the filter of calls to the kernel: no new process, no mount, no look into another process.

    Args:
        machine: whose numbers the calls have.
        program_follows: leave `execve`, which starts the program; without a new process that is all it does.
    """
    numbers = _NUMBERS[machine]
    denied = [*_DENIED[machine], *([] if program_follows else [numbers["execve"]])]
    made = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, numbers["arch"]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
    ]
    if machine == "x86_64":
        made += [(_ABOVE, 0, 1, _X32), (_RETURN, 0, 0, _KILL)]
    for number in denied:
        made += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | _EPERM)]
    # A program without it falls back to `clone`, whose flags can be seen here: threads may be.
    made += [(_EQUAL, 0, 1, numbers["clone3"]), (_RETURN, 0, 0, _ERRNO | _ENOSYS)]
    made += [
        (_EQUAL, 0, 3, numbers["clone"]),
        (_LOAD, 0, 0, 16),
        (_HAS, 1, 0, _THREAD),
        (_RETURN, 0, 0, _ERRNO | _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return made


def _filter(*, program_follows: bool) -> None:  # pragma: no cover  as `leave`
    lines = rules(platform.machine(), program_follows=program_follows)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in lines))
    head = struct.pack("@HP", len(lines), ctypes.addressof(code))
    _call("prctl", _SET_SECCOMP, ctypes.c_ulong(2), head, 0, 0)
