"""`bakeoff perf --engine guidellm`: with a program in GuideLLM's place, and with the real one where it is."""

import copy
import json
import os
import shutil
import signal
import stat
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.commands import start
from tests.integration.inside import Perf
from tests.unit.importers.examples import GUIDELLM, guidellm_benchmark, guidellm_row

from bakeoff.executors.guidellm import VARIABLE
from bakeoff.testing.truth import TruthProcess

ENGINE = ("--engine", "guidellm")


def stand_in(folder: Path, report: Any = None, *, body: str = "") -> Path:
    """Write a program that answers as GuideLLM does, with a report that is ready."""
    ready = folder / "ready.json"
    ready.write_text(json.dumps(report or GUIDELLM))
    path = folder / "guidellm"
    path.write_text(
        f"#!{sys.executable}\n"
        "import json, shutil, sys, time\n"
        "if sys.argv[1:] == ['--version']: print('guidellm version: 0.8.1'); sys.exit()\n"
        "spec = json.load(open(sys.argv[3]))['spec']\n"
        f"json.dump(spec, open({str(folder / 'asked.json')!r}, 'w'))\n"
        f"{body}\n"
        f"shutil.copy({str(ready)!r}, spec['outputs'][0]['path'])\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def report_of(ok: int, errors: int, cancelled: int) -> Any:
    """Return a report with so many requests of each outcome."""
    one: Any = guidellm_benchmark({"type_": "concurrent", "streams": 2}, 1000.0)
    counts = {"successful": ok, "errored": errors, "incomplete": cancelled}
    one["metrics"] = {"request_totals": counts}
    one["requests"] = {
        "successful": [guidellm_row(1000.0 + i) for i in range(ok)],
        "errored": [guidellm_row(2000.0 + i, error="status 500") for i in range(errors)],
        "incomplete": [guidellm_row(3000.0 + i, error="stopped") for i in range(cancelled)],
    }
    return copy.deepcopy({**GUIDELLM, "benchmarks": [one]})


@pytest.fixture
def taker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Perf:
    """Return `bakeoff perf` in a folder of its own, with a program in GuideLLM's place."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, str(stand_in(tmp_path)))
    return Perf("http://127.0.0.1:9/v1", tmp_path, capsys)


def test_its_report_becomes_a_run_that_says_who_took_it(taker: Perf, tmp_path: Path) -> None:
    stand_in(tmp_path, report_of(6, 0, 0))
    done = taker(*ENGINE, "--concurrency", "2", "--requests", "6", "--slo", "ttft=5s", "--processor", "tok")
    assert done.code == 0, done.err
    assert "guidellm sends the requests" in done.err
    assert "6 ok" in done.out
    assert "latency targets met: 100.0%" in done.out
    assert "imported from guidellm 0.8.1; bakeoff did not measure this itself" in done.out
    (facts,) = taker.events("run_started")
    assert facts["environment"]["load engine"] == f"guidellm 0.8.1 ({tmp_path / 'guidellm'})"
    told = json.loads((tmp_path / "asked.json").read_text())
    assert told["tokenizer"]["model"] == "tok"
    assert told["data"][0]["prompt_tokens"] == 256
    assert taker.bakeoff("report", str(taker.run)).code == 0


def test_one_document_has_every_strategy_as_a_stage(taker: Perf, tmp_path: Path) -> None:
    good = report_of(3, 0, 0)["benchmarks"][0]
    second = copy.deepcopy(good)
    second["config"]["strategy"] = {"type_": "constant", "rate": 2.5}
    stand_in(tmp_path, {**GUIDELLM, "benchmarks": [good, second]})
    words = ("--load", "sweep", "-o", "steps=4", "--requests", "9", "--json")
    done = taker(*ENGINE, *words, "--output-tokens", "20,4", "--quiet")
    assert (done.code, done.err) == (0, "")
    stages = msgspec.json.decode(done.out)["stages"]
    assert [stage["benchmark"] for stage in stages] == ["concurrent-2", "constant-2.5"]
    told = json.loads((tmp_path / "asked.json").read_text())
    assert told["profile"] == {
        "kind": "sweep",
        "sweep_size": 6,
        "strategy_type": "constant",
        "max_concurrency": 64,
    }
    assert told["constraints"] == [{"kind": "max_requests", "count": 9}]
    assert (told["data"][0]["output_tokens"], told["data"][0]["output_tokens_stdev"]) == (20, 4)


@pytest.mark.parametrize(("outcomes", "code"), [((10, 0, 5), 0), ((10, 3, 0), 5), ((0, 0, 3), 5)])
def test_requests_broken_off_at_the_end_are_no_failures_but_errors_are(
    taker: Perf, tmp_path: Path, outcomes: tuple[int, int, int], code: int
) -> None:
    stand_in(tmp_path, report_of(*outcomes))
    done = taker(*ENGINE, "--rate", "5", "--duration", "2s")
    assert done.code == code, done.out + done.err
    assert ("more than 5% of the requests failed" in done.err) == (code == 5)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--processes", "2"), "--processes"),
        (("--batch",), "--batch"),
        (("--warmup", "1s"), "--warmup"),
        (("--warmup-requests", "2"), "--warmup-requests"),
        (("--dataset", "a.jsonl"), "--dataset"),
        (("--matrix", "a.csv"), "--matrix"),
        (("--timeout", "9s"), "--timeout"),
        (("-o", "errors=3"), "errors"),
        (("--load", "gamma", "--rate", "3"), "gamma"),
        (("--load", "search", "--slo", "ttft=1s"), "search"),
        (("--provider", "token_grammar"), "token_grammar"),
    ],
)
def test_what_only_our_engine_does_is_refused_by_name(
    taker: Perf, tmp_path: Path, words: tuple[str, ...], named: str
) -> None:
    done = taker(*ENGINE, *words)
    assert done.code == 2
    assert f"error: {named}" in done.err or f"`{named}`" in done.err.partition("hint")[0]
    assert not (tmp_path / "asked.json").exists()
    assert not (tmp_path / "runs").exists()


def test_a_missing_or_unknown_engine_is_a_mistake_of_the_command_line(
    taker: Perf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done = taker("--engine", "guidelm")
    assert done.code == 2
    assert "Did you mean `guidellm`?" in done.err
    assert taker("--processor", "tok").code == 2
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    done = taker(*ENGINE)
    assert done.code == 2
    assert "pip install guidellm" in done.err


def test_the_key_is_never_told(taker: Perf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "a-secret-of-mine")
    stand_in(tmp_path, body="print('refused', spec['backend']['api_key']); sys.exit(1)")
    done = taker(*ENGINE, "--api-key-env", "KEY")
    assert done.code == 1
    assert "refused [redacted]" in done.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_the_program_too(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = f"open({str(tmp_path / 'began')!r}, 'w').write(str(__import__('os').getpid()))\ntime.sleep(300)"
    monkeypatch.setenv(VARIABLE, str(stand_in(tmp_path, body=body)))
    process = start("perf", "--endpoint", "http://127.0.0.1:9/v1", "--model", "m", *ENGINE, cwd=tmp_path)
    deadline = time.monotonic() + 25
    while time.monotonic() < deadline and not (tmp_path / "began").exists():
        time.sleep(0.02)
    while not (text := (tmp_path / "began").read_text()):
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=25)
    assert process.returncode == 130, out + err
    assert "Traceback" not in err
    with pytest.raises(ProcessLookupError):
        os.kill(int(text), 0)


def byte_tokenizer(folder: Path) -> Path:
    """Write a tokenizer that needs no download: every byte is a token."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    shown = [chr(byte) for byte in plain] + [chr(256 + i) for i in range(256 - len(plain))]
    bytewise = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model = {"type": "BPE", "vocab": {letter: i for i, letter in enumerate(shown)}, "merges": []}
    whole = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": bytewise,
        "decoder": bytewise,
        "model": model,
    }
    folder.mkdir()
    (folder / "tokenizer.json").write_text(json.dumps(whole))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    return folder


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(
    shutil.which(os.environ.get(VARIABLE, "guidellm")) is None,
    reason="needs the program `guidellm`, on PATH or named by BAKEOFF_GUIDELLM",
)
def test_the_real_guidellm_measures_a_server_that_knows_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    tokenizer = byte_tokenizer(tmp_path / "tokenizer")
    with TruthProcess() as server:
        perf = Perf(server.url_with("ttft=50ms,itl=5ms,tokens=8"), tmp_path, capsys)
        words = ("--concurrency", "2", "--requests", "12", "--prompt-tokens", "40", "--output-tokens", "8")
        document = perf.document(*ENGINE, *words, "--processor", str(tokenizer), "--seed", "4")
        asked = [record for record in server.truth() if record.status == 200]
    (stage,) = document["stages"]
    assert stage["outcomes"] == {"ok": 12}
    assert len(asked) == 12
    assert stage["load"] == {"kind": "concurrent", "concurrency": 2}
    assert stage["ttft"]["min"] >= 0.05
    assert stage["e2e"]["min"] >= 0.05 + 7 * 0.005
    assert (
        perf.events("imported")[0]["version"] in perf.events("run_started")[0]["environment"]["load engine"]
    )
