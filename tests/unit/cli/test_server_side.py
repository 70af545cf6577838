import pytest

from bakeoff.cli._server_side import print_server, server_json
from bakeoff.records import Bounds, Distribution, Estimate
from bakeoff.records.result import ServerStage
from bakeoff.records.scraped import GaugeSummary, ServerMetrics

TTFT = Distribution(
    n=9, mean=0.2, p50=0.2, p90=0.3, p95=0.3, p99=0.3, p999=0.3, min=0.1, max=0.3,
    bounds={"p50": Bounds(low=0.1, high=0.3)},
)  # fmt: skip
PAGE = ServerMetrics(
    server="llama.cpp",
    gauges={
        "running": GaugeSummary(n=5, mean=2.5, peak=4),
        "kv_cache_usage": GaugeSummary(n=5, mean=0.25, peak=0.5),
    },
    counters={"output_tokens": 1234.0},
    batch_size=2.25,
)  # fmt: skip


def known(value: float | None, unit: str) -> Estimate:
    return Estimate(value=value, unit=unit, n=9)


def test_figures_and_metrics_are_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    print_server(
        ServerStage(
            ttft=TTFT, metrics=PAGE, switching_time=known(0.05, "s"), draft_acceptance=known(0.75, "share")
        )
    )
    first, second = capsys.readouterr().out.splitlines()
    assert first == ("  server: ttft p50 200.00 ms (n=9), switching time 50 ms, drafted tokens accepted 75 %")
    assert second == (
        "  server: running 2.5, peak 4 (n=5), kv cache usage 25 %, peak 50 % (n=5), 1,234 output tokens, "
        "2.25 requests in a step"
    )


@pytest.mark.parametrize("server", [None, ServerStage(), ServerStage(metrics=ServerMetrics(note="HTTP 404"))])
def test_nothing_said_is_nothing_printed(
    server: ServerStage | None, capsys: pytest.CaptureFixture[str]
) -> None:
    print_server(server)
    assert capsys.readouterr().out == ""


def test_the_document_has_plain_numbers() -> None:
    row = server_json(ServerStage(ttft=TTFT, batch_size=known(4.0, "requests"), metrics=PAGE))
    assert row is not None
    assert "bounds" not in row["ttft"]
    assert (row["ttft"]["p50"], row["batch_size"], row["e2e"]) == (0.2, 4.0, None)
    assert row["metrics"]["counters"] == {"output_tokens": 1234.0}
    assert server_json(None) is None
