"""What the server says, as columns of the stage table."""

from tests.unit.reports.test_speed import column, spread, stage

from bakeoff.records.result import ServerStage
from bakeoff.records.scraped import GaugeSummary, ServerMetrics
from bakeoff.reports.stage_table import stage_table


def gauges(**values: tuple[float, float]) -> ServerStage:
    made = {name: GaugeSummary(n=10, mean=mean, peak=peak) for name, (mean, peak) in values.items()}
    return ServerStage(metrics=ServerMetrics(server="vllm", gauges=made))


def test_the_servers_own_times_stand_beside_the_clients() -> None:
    told = ServerStage(ttft=spread(0.2), tpot=spread(0.01), ttft_overhead=spread(0.001))
    table = stage_table([stage(server=told), stage("second")])
    first, second = column(table, "server ttft p50")
    assert first.startswith("300")
    assert second == "unknown"
    assert {"server tpot p50", "ttft beyond server p50"} <= {one.label for one in table.columns}


def test_gauges_are_shown_with_their_peak_and_their_polls() -> None:
    table = stage_table([stage(server=gauges(running=(2.5, 4), kv_cache_usage=(0.25, 0.5))), stage("other")])
    assert column(table, "server running") == ["2.50, peak 4.00, n=10", "unknown"]
    assert column(table, "server KV cache") == ["25.0, peak 50.0, n=10", "unknown"]


def test_a_gauge_that_was_0_all_the_time_takes_no_room() -> None:
    table = stage_table([stage(server=gauges(running=(2, 4), waiting=(0, 0)))])
    labels = {one.label for one in table.columns}
    assert "server running" in labels
    assert "server waiting" not in labels


def test_a_server_that_says_nothing_has_no_columns() -> None:
    table = stage_table([stage(server=ServerStage(metrics=ServerMetrics(note="HTTP 404")))])
    assert not [one.label for one in table.columns if "server" in one.label]
