"""`bakeoff perf` from the command line to its files, against the truth server."""

import os
import signal
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from tests.integration.commands import start, wait_for_samples
from tests.integration.inside import Perf

from bakeoff.testing.truth import TruthProcess

FEW = ("--requests", "20", "--prompt-tokens", "8", "--output-tokens", "4")
PROMISED = {
    "load",
    "outcomes",
    "ttft",
    "ttfa",
    "itl",
    "tpot",
    "e2e",
    "lag",
    "request_rate",
    "output_token_rate",
    "slo_attainment",
    "client",
}
MARKS = {"n", "mean", "p50", "p90", "p95", "p99", "p999", "min", "max"}


def test_the_document_has_the_promised_keys_in_seconds_and_tokens(perf: Perf) -> None:
    document = perf.document(*FEW, "--slo", "ttft=10s,e2e=20s")
    assert set(document) == {"schema_version", "run", "stages"}
    assert document["schema_version"] == 1
    (stage,) = document["stages"]
    assert set(stage) >= PROMISED
    assert stage["outcomes"] == {"ok": 20}
    for name in ("ttft", "ttfa", "tpot", "e2e", "lag"):
        assert set(stage[name]) == MARKS
    # A busy client reads tokens of a millisecond's distance together, and then there are no gaps to tell.
    assert stage["itl"] is None or set(stage["itl"]) == MARKS
    assert stage["ttft"]["min"] >= 0.005
    assert stage["e2e"]["min"] >= 0.008
    assert stage["slo_attainment"] == 1.0
    assert stage["slo_attainment_interval"] == pytest.approx([0.025 ** (1 / 20), 1.0])
    assert set(stage["client"]) >= {"valid", "reasons", "cpu_s", "lag_p99_s", "seconds", "stamped_by"}
    assert Path(document["run"]).is_dir()


def test_a_closed_loop_keeps_to_its_concurrency(perf: Perf, load_server: TruthProcess) -> None:
    (stage,) = perf.document(*FEW, "--concurrency", "3")["stages"]
    assert stage["load"] == {"kind": "concurrent", "concurrency": 3}
    truth = load_server.truth()
    assert max(record.concurrency for record in truth if record.tokens > 1) <= 3


@pytest.mark.parametrize("kind", ["constant", "poisson"])
def test_an_open_loop_sends_every_request_that_is_due(perf: Perf, kind: str) -> None:
    (stage,) = perf.document(*FEW, "--load", kind, "--rate", "100")["stages"]
    assert (stage["load"], stage["asked_rate"]) == ({"kind": kind, "rate": 100}, 100)
    due = sorted(sample.scheduled_at for sample in perf.samples())
    gaps = [later - earlier for earlier, later in pairwise(due)]
    assert len(due) == 20
    assert (set(gaps) == {10_000_000}) == (kind == "constant")


def test_a_rate_alone_means_random_arrivals_and_takes_a_unit(perf: Perf) -> None:
    (stage,) = perf.document(*FEW, "--rate", "6000/min")["stages"]
    assert stage["load"] == {"kind": "poisson", "rate": 100}


def test_a_duration_is_filled_with_as_many_requests_as_are_due(perf: Perf) -> None:
    perf.document("--load", "constant", "--rate", "200", "--duration", "1", "--output-tokens", "2")
    assert 130 < len(perf.samples()) <= 200


def test_a_duration_ends_a_closed_loop_that_has_no_number(perf: Perf) -> None:
    perf.document("--concurrency", "2", "--duration", "400ms", "--output-tokens", "2")
    (ended,) = [facts for facts in perf.events("stage_ended") if facts["stage"] == "main"]
    assert ended["time_up"]
    assert ended["planned"] == 400
    assert 0 < len(perf.samples()) < 400


def test_warm_ups_by_time_and_by_number_are_stored_apart(perf: Perf) -> None:
    (stage,) = perf.document(*FEW, "--warmup-requests", "7")["stages"]
    assert stage["outcomes"] == {"ok": 20}
    assert Counter(s.stage for s in perf.samples(None) if s.stage != "calibration") == {
        "warmup": 7,
        "main": 20,
    }


def test_a_warm_up_lasts_as_long_as_was_said(perf: Perf) -> None:
    perf.document(*FEW, "--warmup", "0.3", "--load", "constant", "--rate", "100")
    warm = perf.samples("warmup")
    assert 0 < len(warm) <= 30
    assert len(perf.samples()) == 20


def test_a_sweep_goes_from_one_at_a_time_over_the_most_to_rates_between(perf: Perf) -> None:
    document = perf.document(*FEW, "--load", "sweep", "-o", "steps=2", "--concurrency", "4")
    names = [stage["stage"] for stage in document["stages"]]
    assert names[:2] == ["synchronous", "throughput"]
    assert document["stages"][1]["load"] == {"kind": "concurrent", "concurrency": 4}
    assert all(name.startswith("rate=") for name in names[2:])
    assert all(stage["outcomes"] == {"ok": 20} for stage in document["stages"])


def test_a_search_stops_at_its_last_step_and_asks_what_the_targets_ask(perf: Perf) -> None:
    words = ("--load", "search", "-o", "start=40", "-o", "most_steps=2", "--slo", "e2e=20s,attainment=0.6")
    document = perf.document(*FEW, *words)
    assert [stage["load"]["kind"] for stage in document["stages"]] == ["poisson", "poisson"]
    assert document["stages"][0]["load"]["rate"] == 40
    assert "attainment: 0.6" in (perf.run / "spec.yaml").read_text()


def test_a_search_tells_the_rate_that_was_borne(perf: Perf) -> None:
    words = ("--load", "search", "-o", "start=40", "-o", "most_steps=2", "--slo", "e2e=20s,attainment=0.6")
    assert perf.document(*FEW, *words)["slo_rate"]["m"] > 0


@pytest.mark.parametrize("more", [(), ("--dataset", "trace.jsonl")])
def test_a_trace_tells_times_and_lengths(perf: Perf, tmp_path: Path, more: tuple[str, ...]) -> None:
    rows = [{"timestamp": 20 * n, "input_length": 5 + n, "output_length": 2 + n} for n in range(6)]
    (tmp_path / "trace.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    perf.document("--load", "trace", "-o", "path=trace.jsonl", *more)
    samples = sorted(perf.samples(), key=lambda sample: sample.scheduled_at)
    assert [sample.usage.completion for sample in samples] == [2, 3, 4, 5, 6, 7]
    first = samples[0].scheduled_at
    assert [(s.scheduled_at - first) // 1_000_000 for s in samples] == [0, 20, 40, 60, 80, 100]
    done = perf("--load", "trace", "-o", "path=trace.jsonl", "--prompt-tokens", "5")
    assert (done.code, "the trace tells the lengths" in done.err) == (2, True)


def test_the_server_is_asked_to_ignore_its_end_token(perf: Perf) -> None:
    perf.document(*FEW, "--ignore-eos")
    assert "ignore_eos: true" in (perf.run / "spec.yaml").read_text()


def test_the_asked_length_is_sent_as_the_least_one_where_that_is_asked(perf: Perf) -> None:
    perf.document(*FEW, "--min-tokens", "--output-tokens", "9")
    assert "min_tokens: true" in (perf.run / "spec.yaml").read_text()


def test_prompts_come_from_a_file_and_answers_may_be_whole(perf: Perf, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("one two three\nfour five\n")
    words = ("--dataset", "own.txt", "--output-tokens", "3", "--batch", "--requests", "6")
    (stage,) = perf.document(*words)["stages"]
    assert stage["outcomes"] == {"ok": 6}
    assert (stage["ttft"], stage["itl"]) == (None, None)
    assert stage["e2e"]["n"] == 6
    assert {sample.usage.completion for sample in perf.samples()} == {3}
    assert Counter(sample.usage.prompt for sample in perf.samples()) == {3: 3, 2: 3}


def test_people_get_a_table_with_the_share_that_met_the_targets(perf: Perf) -> None:
    done = perf(*FEW, "--slo", "ttft=10s")
    assert done.code == 0
    assert "load · m · main  20 ok" in done.out
    assert "latency targets met: 100.0% [83.2%, 100.0%] of 20" in done.out
    assert "load · m · main: 20/20, " in done.err


def test_quiet_leaves_stderr_empty(perf: Perf) -> None:
    assert "load" not in perf(*FEW, "--quiet").err


def test_a_gate_is_not_passed_by_a_target_that_was_missed(perf: Perf) -> None:
    done = perf(*FEW, "--slo", "ttft=1ms", "--gate")
    assert done.code == 3
    assert "latency targets met: 0.0%" in done.out


def test_errors_beyond_the_tolerance_give_exit_5_and_are_all_there(
    perf: Perf, load_server: TruthProcess
) -> None:
    perf.url = load_server.url_with("faults=500:every2")
    done = perf(*FEW)
    assert done.code == 5, done.err
    counted = Counter(sample.outcome for sample in perf.samples())
    assert counted.total() == 20
    assert counted["error"] == 10


def test_nobody_at_the_endpoint_gives_exit_4_and_leaves_no_run(perf: Perf) -> None:
    perf.url = "http://127.0.0.1:9/v1"
    done = perf(*FEW)
    assert done.code == 4
    assert "hint:" in done.err
    assert list((perf.folder / "runs").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--rate", "fast"), "--rate: `fast` is no number"),
        (("--rate", "0"), "--rate: must be more than 0"),
        (("--load", "concurent"), "Did you mean `concurrent`?"),
        (("--load", "concurrent", "--rate", "3"), "--rate does not go with the load `concurrent`"),
        (("--load", "poisson", "--concurrency", "3"), "--concurrency does not go with the load `poisson`"),
        (("--duration", "long"), "--duration: expected a duration"),
        (("--warmup", "long"), "--warmup: expected a duration"),
        (("--timeout", "long"), "--timeout: expected a duration"),
        (("--slo", "ttft"), "--slo: `ttft` is not NAME=VALUE"),
        (("--slo", "tfft=1s"), "--slo: `tfft`: unknown key. Did you mean `ttft`?"),
        (("--slo", "ttft=1s,attainment=most"), "--slo: `most` is no share"),
        (("--load", "search"), "a search needs latency targets"),
        (("-o", "steps"), "the option `steps` is not NAME=VALUE"),
        (("-o", "steps=3"), "--load and -o: `steps`: unknown option"),
        (("--prompt-tokens", "many"), "`many` is no number of tokens"),
        (("--output-tokens", "5,nan"), "`5,nan` is no number of tokens"),
        (("--dataset", "none.jsonl"), "there is no file `none.jsonl`"),
        (("--dataset", "own.txt", "--prompt-tokens", "9"), "--prompt-tokens does not go with --dataset"),
        (("--dataset", "own.txt", "--output-tokens", "9,2"), "--output-tokens 9,2 does not go with"),
        (("--provider", "opneai_chat"), "Did you mean `openai_chat`?"),
        (("--api-key-env", "NO_SUCH_KEY"), "the variable `NO_SUCH_KEY` is not set"),
        (("--load", "sweep", "--processes", "2"), "the load `sweep` is sent by one process"),
        (("--requests", "0"), "0 is not in the range"),
        (("--endpoint", "localhost:8000"), "--endpoint: the endpoint is no `http://`"),
    ],
)
def test_what_does_not_go_together_gives_exit_2_and_starts_nothing(
    perf: Perf, words: tuple[str, ...], told: str
) -> None:
    (perf.folder / "own.txt").write_text("one two\n")
    done = perf(*words)
    assert done.code == 2
    assert told in done.err
    assert not (perf.folder / "runs").exists() or not list((perf.folder / "runs").iterdir())
    if words != ("--rate", "0"):
        assert "hint:" in done.err or "Did you mean" in done.err


def test_a_model_or_a_matrix_has_to_be_named(perf: Perf) -> None:
    done = perf.bakeoff("perf", "--endpoint", perf.url)
    assert done.code == 2
    assert "hint: give --model NAME, or --matrix FILE.csv" in done.err


@pytest.mark.parametrize("count", [2, 3])
def test_several_processes_account_for_every_request_once(
    perf: Perf, load_server: TruthProcess, count: int
) -> None:
    words = ("--requests", "50", "--output-tokens", "3", "--concurrency", "7", "--warmup-requests", "5")
    done = perf(*words, "--processes", str(count))
    assert done.code == 0, done.err
    samples = perf.samples(None)
    assert len({sample.key for sample in samples}) == len(samples)
    loads = Counter(s.stage for s in samples if s.stage != "calibration")
    assert loads == {"warmup": 5, "main": 50}
    assert {record.kind for record in load_server.truth()} == {"ok"}
    ended = [facts for facts in perf.events("stage_ended") if facts["stage"] == "main"]
    assert sorted(facts["process"] for facts in ended) == list(range(count))
    assert "load · m · main: 50/50, " in done.err


def test_several_processes_keep_one_schedule(perf: Perf) -> None:
    (stage,) = perf.document(*FEW, "--load", "constant", "--rate", "40", "--processes", "2")["stages"]
    due = sorted(sample.scheduled_at for sample in perf.samples())
    assert {later - earlier for earlier, later in pairwise(due)} == {25_000_000}
    assert stage["client"]["processes"] == 2
    assert stage["asked_rate"] == 40


def children(pid: int) -> list[int]:
    """Return the process ids of a process's children that send."""
    found = []
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            try:
                stat, line = (each / "stat").read_text(), (each / "cmdline").read_text()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == pid and "spawn_main" in line:
                found.append(int(each.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the processes in /proc")
def test_a_killed_process_is_an_error_and_its_samples_stay(perf: Perf, load_server: TruthProcess) -> None:
    (perf.folder / "own.txt").write_text("one two\n")
    words = ("--requests", "1000", "--output-tokens", "2", "--dataset", "own.txt", "--processes", "2")
    url = load_server.url_with("ttft=20ms")
    process = start("perf", "--endpoint", url, "--model", "m", "--concurrency", "4", *words, cwd=perf.folder)
    wait_for_samples(perf.folder / "runs", 40)
    os.kill(children(process.pid)[0], signal.SIGKILL)
    _, told = process.communicate(timeout=25)
    assert process.returncode == 1, told
    assert "1 of 2 client processes did not finish: the first was killed by signal 9" in told
    assert "bakeoff resume" in told
    assert "Traceback" not in told
    kept = perf.samples(None)
    assert 40 <= len(kept) < 1000
    assert {sample.outcome for sample in kept} == {"ok"}
    again = perf.bakeoff("resume", perf.run, "--quiet", "--allow-invalid")
    assert again.code == 0, again.err
    assert len({sample.key for sample in perf.samples(None)}) == len(perf.samples(None)) == 1000


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the processes in /proc")
def test_no_process_goes_on_when_the_first_is_killed(perf: Perf, load_server: TruthProcess) -> None:
    (perf.folder / "own.txt").write_text("one two\n")
    words = ("--requests", "50000", "--output-tokens", "2", "--dataset", "own.txt", "--processes", "2")
    url = load_server.url_with("ttft=20ms")
    process = start("perf", "--endpoint", url, "--model", "m", "--concurrency", "4", *words, cwd=perf.folder)
    wait_for_samples(perf.folder / "runs", 40)
    workers = children(process.pid)
    process.kill()
    process.communicate(timeout=10)
    assert len(workers) == 2
    for worker in workers:
        wait_until_gone(worker)


def wait_until_gone(pid: int) -> None:
    """Wait until a process ended."""
    for _ in range(400):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state == "Z":
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} goes on")
