"""GuideLLM as the load engine: the installed program, in its own process and its own environment."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.errors import BakeoffError, PluginError, UsageError
from bakeoff.records.outside import OutsideLoad, Taken, TokenLength

VARIABLE = "BAKEOFF_GUIDELLM"
"""The environment variable that names the program where it is not on PATH."""

_FIRST = (0, 7)
"""The oldest version whose `run` takes a scenario of this form."""

_INSTALL = (
    "install it into an environment of its own: `python -m venv guidellm && "
    f"guidellm/bin/pip install guidellm`, and set {VARIABLE}=guidellm/bin/guidellm"
)
_PROFILES = {
    "sequential": "synchronous",
    "concurrent": "concurrent",
    "throughput": "throughput",
    "constant": "constant",
    "poisson": "poisson",
    "sweep": "sweep",
}
_FORMATS = {"openai_chat": "/v1/chat/completions", "openai_completions": "/v1/completions"}
# Variables that would make another Python load this environment's packages.
_OURS = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
_TOLD_LINES = 8
_GRACE = 10.0
_VERSION_SECONDS = 120.0


class Guidellm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The program `guidellm` of version 0.7 or later, found on PATH or by the variable `BAKEOFF_GUIDELLM`.

    Its loads are `sequential`, `concurrent`, `throughput`, `constant`, `poisson` and `sweep`.

    Attributes:
        processor: the tokenizer that prompts are made with, a folder or a name on its hub; the model's own
            by default.
    """

    processor: str | None = None

    def check(self, asked: OutsideLoad) -> None:
        """Refuse what GuideLLM has no counterpart for."""
        load = asked.load
        if load.kind not in _PROFILES:
            raise UsageError(
                f"guidellm has no load `{load.kind}`", where="--load", hint=f"it has: {', '.join(_PROFILES)}"
            )
        if asked.provider not in _FORMATS:
            raise UsageError(
                f"guidellm does not speak `{asked.provider}`",
                where="--provider",
                hint=f"it speaks: {', '.join(_FORMATS)}",
            )
        _find()

    def measure(self, asked: OutsideLoad, folder: Path) -> Taken:
        """Run the program to its end and return its report."""
        self.check(asked)
        program = _find()
        version = _version(program)
        report = folder / "guidellm.json"
        scenario = folder / "scenario.json"
        # The key stands in the scenario, so the file is its owner's only.
        scenario.touch(mode=0o600)
        scenario.write_bytes(msgspec.json.encode(self.scenario(asked, report)))
        # What to do about it stands last, where a long traceback does not hide it.
        advice = (
            ""
            if self.processor
            else "\nprompts are made with the model's tokenizer; --processor names another"
        )
        command = [program, "run", "--config", str(scenario), "--disable-console-interactive"]
        code = _run(command, folder)
        if code:
            message = f"guidellm ended with exit code {code}"
            raise BakeoffError(message, where=program, hint=_tail(folder) + advice)
        if not report.is_file():
            raise BakeoffError("guidellm ended without a report", where=program, hint=_tail(folder))
        return Taken(path=str(report), version=version, program=program)

    def scenario(self, asked: OutsideLoad, report: Path) -> dict[str, Any]:
        """Return the load test in GuideLLM's own words."""
        limits = (
            ("max_requests", "count", asked.load.requests),
            ("max_duration", "seconds", asked.load.seconds),
        )
        length = _lengths("prompt", asked.prompt) | _lengths("output", asked.output)
        return {
            "spec": {
                "backend": _backend(asked),
                "profile": _profile(asked),
                "constraints": [
                    {"kind": kind, key: value} for kind, key, value in limits if value is not None
                ],
                "tokenizer": {"kind": "huggingface_auto", "model": self.processor or asked.model},
                "data": [{"kind": "synthetic_text", **length}],
                "seed": {"kind": "static", "value": asked.seed},
                "outputs": [{"kind": "json", "path": str(report)}],
            }
        }


def _backend(asked: OutsideLoad) -> dict[str, Any]:
    base = asked.endpoint.rstrip("/")
    # GuideLLM takes a last `/v1` off the address, and puts it before each path instead.
    version = "v1/" if base.endswith("/v1") else ""
    routes = {route: f"{version}{route.removeprefix('/v1/')}" for route in _FORMATS.values()}
    models = f"{version}models"
    return {
        "kind": "openai_http",
        "target": base,
        "model": asked.model,
        "request_format": _FORMATS[asked.provider],
        # Its own first question, `/health`, is known to few servers.
        "api_routes": routes | {"/v1/models": models, "/health": models},
        "verify": True,
        **({"api_key": asked.api_key} if asked.api_key else {}),
    }


def _profile(asked: OutsideLoad) -> dict[str, Any]:
    load, options = asked.load, asked.load.options
    profile: dict[str, Any] = {"kind": _PROFILES[load.kind]}
    if load.kind == "concurrent":
        profile["streams"] = [options["concurrency"]]
    elif load.kind in {"constant", "poisson"}:
        profile["rate"] = [options["rate"]]
    elif load.kind == "sweep":
        # Its size counts the two ends as well.
        profile["sweep_size"] = options["steps"] + 2
        profile["strategy_type"] = options["arrivals"]
        profile["max_concurrency"] = options["concurrency"]
    return profile


def _lengths(name: str, length: TokenLength) -> dict[str, int]:
    found = {f"{name}_tokens": round(length.mean)}
    return found | ({f"{name}_tokens_stdev": round(length.stddev)} if length.stddev else {})


def _find() -> str:
    """Return the path of the program.

    Raises:
        PluginError: it is not installed.
    """
    named = os.environ.get(VARIABLE)
    found = shutil.which(named or "guidellm")
    if found is None:
        missing = f"{VARIABLE} names `{named}`, which is no program" if named else "guidellm is not installed"
        raise PluginError(missing, hint=_INSTALL)
    return str(Path(found).absolute())


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _OURS}


def _version(program: str) -> str:
    """Return the program's version.

    Raises:
        PluginError: it cannot be run, or is too old.
    """
    try:
        done = subprocess.run(  # noqa: S603  the user's own choice of program
            [program, "--version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_VERSION_SECONDS,
            env=_environment(),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PluginError(f"`{program}` cannot be run: {error}", hint=_INSTALL) from error
    found = re.search(r"(\d+)\.(\d+)\S*", done.stdout)
    if done.returncode or found is None:
        raise PluginError(f"`{program} --version` tells no version", hint=_INSTALL)
    if (int(found[1]), int(found[2])) < _FIRST:
        raise PluginError(
            f"guidellm {found[0]} is too old; {_FIRST[0]}.{_FIRST[1]} is the first that can be used",
            where=program,
            hint="pip install --upgrade guidellm, in its environment",
        )
    return found[0]


def _run(command: list[str], folder: Path) -> int:
    """Run the program to its end and return its exit code; what it prints goes into a file."""
    with _log(folder).open("wb") as log:
        try:
            # A session of its own, so that its worker processes can be ended with it.
            process = subprocess.Popen(  # noqa: S603  the user's own choice of program
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise PluginError(f"`{command[0]}` cannot be run: {error}", hint=_INSTALL) from error
        try:
            with _stoppable():
                code = process.wait()
        finally:
            _end(process)
    return code


@contextlib.contextmanager
def _stoppable() -> Generator[None]:
    """Let SIGTERM stop us as Ctrl-C does; at once, it would leave the program sending."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the program, if it still runs, and every process that it started."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _log(folder: Path) -> Path:
    return folder / "guidellm.log"


def _tail(folder: Path) -> str:
    """Return the last lines that the program printed."""
    text = _log(folder).read_text(encoding="utf-8", errors="replace")
    lines = [line.rstrip() for line in text.splitlines() if line.strip(" ╭╮╰╯─│")]
    return "its last lines:\n  " + "\n  ".join(lines[-_TOLD_LINES:] or ["(none)"])
