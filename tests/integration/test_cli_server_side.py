"""What the server says beside what the client saw, from the command line to the report."""

import http.client

from tests.integration.inside import Perf

from bakeoff.engine.exposition import read_page
from bakeoff.testing.truth import TruthProcess, TruthSettings

FEW = ("--requests", "20", "--prompt-tokens", "8", "--output-tokens", "4")


def test_the_servers_counters_agree_with_the_clients(perf: Perf, load_server: TruthProcess) -> None:
    (stage,) = perf.document(*FEW, "--concurrency", "3", "--warmup", "5")["stages"]
    page = stage["server"]["metrics"]
    assert (page["server"], page["note"]) == ("vllm", "")
    assert page["counters"]["requests"] == 20
    assert page["counters"]["output_tokens"] == stage["output_tokens"]["n"] * stage["output_tokens"]["mean"]
    assert page["histograms"]["ttft"]["n"] == 20
    # Counted from arrival, so it is never more than what the client saw from the due time on.
    assert 0.005 <= page["histograms"]["ttft"]["mean"] <= stage["ttft"]["mean"]
    (facts,) = perf.events("server_metrics")
    assert facts["stage"] == "main"


def test_gauges_are_polled_while_requests_run_and_stand_in_the_report(perf: Perf) -> None:
    settings = TruthSettings(ttft=0.01, itl=0.01, slots=2)
    with TruthProcess(settings, max_seconds=120) as server:
        perf.url = server.url
        load = ("--concurrency", "4", "--requests", "20", "--prompt-tokens", "8", "--output-tokens", "60")
        done = perf(*load)
    assert done.code == 0, done.err
    assert "running 2" in done.out
    assert "output tokens" in done.out
    report = (perf.run / "report" / "report.md").read_text()
    assert "server running" in report
    assert "server waiting" in report


def test_a_server_without_metrics_is_a_note_and_no_failure(perf: Perf) -> None:
    with TruthProcess(TruthSettings(metrics=False, ttft=0.005), max_seconds=120) as server:
        perf.url = server.url
        (stage,) = perf.document(*FEW)["stages"]
    assert stage["outcomes"] == {"ok": 20}
    assert stage["server"]["metrics"]["note"].endswith("/metrics answered HTTP 404")
    assert stage["server"]["metrics"]["counters"] == {}


def test_scraping_is_switched_off_by_the_load(perf: Perf) -> None:
    (stage,) = perf.document(*FEW, "--option", "scrape=false")["stages"]
    assert stage["server"] is None
    assert perf.events("server_metrics") == []


def test_every_stage_of_a_ladder_has_its_own_counters(perf: Perf) -> None:
    load = ("--load", "sweep", "--option", "steps=1", "--requests", "10")
    stages = perf.document("--prompt-tokens", "8", "--output-tokens", "4", *load)["stages"]
    assert [stage["server"]["metrics"]["counters"]["requests"] for stage in stages] == [
        sum(stage["outcomes"].values()) for stage in stages
    ]


def test_times_of_tokens_can_be_left_out_and_their_distribution_stays(perf: Perf) -> None:
    (stage,) = perf.document(*FEW, "--option", "chunk_times=false")["stages"]
    assert [sample.chunk_us for sample in perf.samples()] == [None] * 20
    assert stage["chunk_gap"]["n"] == 60
    # What a busy client read together has no gap of its own, and no token time of its own either.
    assert stage["itl"]["n"] <= 60
    assert 0 < stage["chunk_gap"]["mean"] <= stage["tpot"]["mean"] + 2e-6


def test_the_truth_servers_page_is_one_that_a_scraper_reads() -> None:
    with TruthProcess(TruthSettings(ttft=0.002), max_seconds=60) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        body = b'{"model":"m","messages":[{"role":"user","content":"a b c"}],"max_tokens":5,"stream":true}'
        connection.request("POST", "/v1/chat/completions", body)
        connection.getresponse().read()
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
    assert answer.headers["content-type"].startswith("text/plain")
    page = read_page(text, "m")
    assert page.gauges == {"running": 0, "waiting": 0, "kv_cache_usage": 0}
    assert page.counters["output_tokens"] == 5
    assert page.counters["prompt_tokens"] == 3
    assert page.histograms["e2e"].upto[float("inf")] == 1
    assert page.histograms["ttft"].upto[0.001] == 0
