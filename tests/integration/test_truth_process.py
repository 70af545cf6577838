"""The truth server as a whole: its books, its own time, its process."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from bakeoff.errors import UsageError
from bakeoff.testing.truth import TruthProcess, TruthRecord, TruthServer, TruthSettings, parse
from bakeoff.testing.truth.bare import ask, chat, connect, encode, exchange
from bakeoff.testing.truth.ceiling import measure


@pytest.fixture(scope="module")
def process() -> Iterator[TruthProcess]:
    with TruthProcess(max_seconds=120) as server:
        yield server


@pytest.fixture
def server(process: TruthProcess) -> TruthProcess:
    process.configure(TruthSettings())
    process.reset()
    return process


def last(server: TruthProcess) -> TruthRecord:
    return server.truth()[-1]


def wait_until(what: Callable[[], bool]) -> None:
    for _ in range(100):
        if what():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to be")


def test_a_stall_holds_everything_and_then_goes_on(server: TruthProcess) -> None:
    server.configure(parse("stall=300ms,stall_at=100ms,itl=10ms,tokens=20"))
    ask(server.port)
    times = last(server).times
    gaps = [after - before for before, after in pairwise(times)]
    assert 200_000_000 < max(gaps) < 600_000_000
    # what follows the stall keeps its pace and does not come in a burst
    assert times[-1] - times[0] > 19 * 10_000_000 + 200_000_000


def test_a_stall_delays_what_arrives_in_it(server: TruthProcess) -> None:
    server.configure(parse("stall=300ms"))
    ask(server.port, stream=False)
    record = last(server)
    assert record.done is not None
    assert record.done - record.arrival > 200_000_000


def test_slow_start_fades(server: TruthProcess) -> None:
    server.configure(parse("ttft=20ms,tokens=1,slow_start=500ms,slow_factor=10"))
    ask(server.port)
    time.sleep(0.6)
    ask(server.port)
    first, second = (record.first_token - record.arrival for record in server.truth() if record.first_token)
    assert first > 100_000_000
    assert second < 90_000_000


def test_slots_make_requests_wait(server: TruthProcess) -> None:
    server.configure(parse("slots=2,ttft=60ms,tokens=1"))
    sockets = [connect(server.port) for _ in range(6)]
    for one in sockets:
        one.sendall(encode(chat()))
    for one in sockets:
        assert exchange(one, b"").end == "complete"
        one.close()
    records = server.truth()
    began = min(record.arrival for record in records)
    firsts = sorted(record.first_token - began for record in records if record.first_token)
    assert len(firsts) == 6
    for place, first in enumerate(firsts):
        assert first >= (place // 2 + 1) * 60_000_000
    assert server.summary().peak == 6


def test_the_summary_counts_what_was_served(server: TruthProcess) -> None:
    for _ in range(4):
        ask(server.port, "ttft=20ms,itl=5ms,tokens=5")
    ask(server.port, "faults=500")
    summary = server.summary()
    assert (summary.requests, summary.kinds, summary.tokens) == (5, {"ok": 4, "500": 1}, 20)
    assert (summary.ttft.n, summary.itl.n, summary.gaps.n, summary.peak) == (4, 16, 4, 1)
    assert summary.ttft.p50 is not None
    assert 0.020 <= summary.ttft.p50 < 0.030
    assert summary.token_rate == pytest.approx(20 / summary.seconds)
    assert summary.cpu > 0


def test_records_name_body_model_and_concurrency(server: TruthProcess) -> None:
    with connect(server.port) as one, connect(server.port) as other:
        one.sendall(encode(chat("a"), settings="ttft=100ms"))
        wait_until(lambda: len(server.truth()) == 1)
        exchange(other, encode(chat("a", stream=False)))
        exchange(one, b"")
    first, second = server.truth()
    assert (first.concurrency, second.concurrency) == (1, 2)
    assert first.body_hash != second.body_hash
    assert (first.model, first.stream, second.stream) == ("m", True, False)
    assert first.prompt_tokens == 1


def test_a_slow_reader_gets_every_byte(server: TruthProcess) -> None:
    with connect(server.port) as one:
        one.sendall(encode(chat(), settings="flood=64,tokens=60000"))
        one.recv(1, socket.MSG_PEEK)
        time.sleep(0.5)
        read = exchange(one, b"")
    assert read.text.count("tok") == 60000
    assert read.text.endswith("tok59999")
    assert last(server).slow_writes > 0


def test_config_changes_live_and_refuses_nonsense(server: TruthProcess) -> None:
    with connect(server.port) as one:
        assert exchange(one, encode({"tokens": 2, "ttft": "5ms"}, path="/config")).document["ttft"] == 0.005
        assert exchange(one, encode(chat())).text == "tok0 tok1"
        assert exchange(one, encode({"tokens": -1}, path="/config")).status == 400
        assert exchange(one, encode({"token": 1}, path="/config")).status == 400
        assert exchange(one, encode(b"", path="/config", method="GET")).document["tokens"] == 2


def test_many_timed_streams_stay_on_time(server: TruthProcess) -> None:
    server.configure(parse("ttft=50ms,itl=20ms,tokens=20"))
    sockets = [connect(server.port) for _ in range(64)]
    for one in sockets:
        one.sendall(encode(chat()))
    for one in sockets:
        assert exchange(one, b"").end == "complete"
        one.close()
    summary = server.summary()
    assert (summary.tokens, summary.peak) == (64 * 20, 64)
    assert summary.itl.p50 == pytest.approx(0.020, abs=0.001)
    assert summary.ttft.min is not None
    assert summary.ttft.min >= 0.050


def test_the_server_runs_inside_a_test_loop_too() -> None:
    async def run() -> tuple[bytes, list[TruthRecord]]:
        async with TruthServer(TruthSettings(tokens=2)) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(encode(chat()))
            raw = await reader.readuntil(b"0\r\n\r\n")
            writer.close()
            await writer.wait_closed()
            server.configure(TruthSettings(tokens=3))
            assert server.url == f"http://127.0.0.1:{server.port}/v1"
            assert server.url_with("ttft=1s") == f"http://127.0.0.1:{server.port}/~ttft=1s/v1"
            assert server.summary().tokens == 2
            records = server.truth()
            server.reset()
            assert server.truth() == []
            return raw, records

    raw, records = asyncio.run(run())
    assert b"tok1" in raw
    assert [record.tokens for record in records] == [2]


def test_a_port_in_use_is_told(server: TruthProcess) -> None:
    async def run() -> None:
        async with TruthServer(port=server.port):
            pass

    with pytest.raises(UsageError, match="cannot listen"):
        asyncio.run(run())


def test_the_process_ends_in_time_with_its_parent_and_on_exit() -> None:
    with TruthProcess(max_seconds=0.3) as short:
        wait_until(lambda: refused(short.port))
    code = (
        "import os; from bakeoff.testing.truth import TruthProcess as P\n"
        "p = P(); p.__enter__(); print(p.port, flush=True); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=20)
    wait_until(lambda: refused(int(done.stdout)))


def refused(port: int) -> bool:
    try:
        connect(port).close()
    except OSError:
        return True
    return False


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system cannot pin processes")
def test_the_process_is_pinned_to_a_core() -> None:
    core = min(os.sched_getaffinity(0))
    with TruthProcess(cpu=core, max_seconds=20) as server:
        assert os.sched_getaffinity(server.pid) == {core}


def test_the_command_line_reads_settings(tmp_path: Path) -> None:
    answers = tmp_path / "answers.jsonl"
    answers.write_text('{"prompt": "sky", "answer": "blue"}\n')
    options = [
        "--max-seconds",
        "20",
        "--answers-file",
        str(answers),
        "--model",
        "m:ttft=1ms",
        "--model",
        "n:answer=echo",
    ]
    command = [sys.executable, "-m", "bakeoff.testing.truth", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        port = json.loads(run.stdout.readline())["port"]
        with connect(port) as one:
            assert exchange(one, encode(chat("the sky is"))).text == "blue"
            assert exchange(one, encode(chat("the sky is") | {"model": "n"})).text == "the sky is"
        run.terminate()
    wrong = subprocess.run([*command, "--ttft", "soon"], capture_output=True, check=False, timeout=20)
    assert (wrong.returncode, wrong.stdout) == (2, b"")
    assert b"`soon` is no duration" in wrong.stderr


def test_the_ceiling_is_measured_and_leaves_the_client_unpinned() -> None:
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    found = measure(share=0.02)
    assert set(found.tokens_per_second) == {"1", "8", "128"}
    assert min(found.tokens_per_second.values()) > 1000
    assert found.requests_per_second > 100
    assert found.cpu_us_per_request > 0
    assert found.timed.kinds == {"ok": 20}
    assert before is None or os.sched_getaffinity(0) == before
