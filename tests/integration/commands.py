"""Call the command line in a process of its own, as a person or a pipeline would."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import yaml

BAKEOFF = [sys.executable, "-m", "bakeoff"]


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended."""

    code: int
    out: str
    err: str

    def document(self) -> Any:
        """Return the one JSON document on stdout."""
        return msgspec.json.decode(self.out)


class StoredRun(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run of the command line, for tests that only read."""

    cwd: Path
    folder: Path
    done: Done


def call(*words: str | Path, cwd: Path, env: dict[str, str] | None = None, timeout: float = 60) -> Done:
    """Run `bakeoff WORDS` to its end."""
    done = subprocess.run(
        [*BAKEOFF, *map(str, words)],
        cwd=cwd,
        env=os.environ | (env or {}),
        capture_output=True,
        check=False,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Done(code=done.returncode, out=done.stdout, err=done.stderr)


def start(*words: str | Path, cwd: Path) -> "subprocess.Popen[str]":
    """Start `bakeoff WORDS` and leave it running."""
    return subprocess.Popen(
        [*BAKEOFF, *map(str, words)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def interrupt(process: "subprocess.Popen[str]", times: int = 1) -> Done:
    """Press Ctrl-C so many times and wait for the end."""
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
    out, err = process.communicate(timeout=30)
    assert "Traceback" not in err, err
    return Done(code=process.returncode, out=out, err=err)


def wait_for_samples(root: Path, count: int) -> Path:
    """Wait until a run under `root` has stored so many samples, and return its directory."""
    deadline = time.monotonic() + 25
    while time.monotonic() < deadline:
        for path in root.glob("*/samples.jsonl"):
            if path.read_bytes().count(b"\n") >= count:
                return path.parent
        time.sleep(0.02)
    raise AssertionError(f"no run under {root} came to {count} samples")


def write_sums(folder: Path, url: str, *, cases: int = 24, **changes: Any) -> Path:
    """Write a spec that asks `good` and `poor` for sums, and its data; return its path."""
    rows = [
        {
            "id": f"c{i:02d}",
            "input": f"What is {i} + {i % 5}?",
            "reference": str(i + i % 5),
            "category": f"k{i % 2}",
        }
        for i in range(cases)
    ]
    (folder / "cases.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, rows)) + b"\n")
    spec: dict[str, Any] = {
        "version": 1,
        "name": "sums",
        "models": [{"name": name, "endpoint": url, "model": name} for name in ("good", "poor")],
        "benchmarks": [
            {"name": "sums", "dataset": "cases.jsonl", "prompt": "{{input}}", "scorers": ["numeric"]}
        ],
    }
    path = folder / "bakeoff.yaml"
    path.write_text(yaml.safe_dump(spec | changes, sort_keys=False))
    return path
