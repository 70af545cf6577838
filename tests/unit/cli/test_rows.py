"""The terminal's table: quality, then slices, then speed, and never more than fits."""

import msgspec

from bakeoff.cli._rows import MOST, rows
from bakeoff.records import Estimate, Results, TargetResult, Verdict


def share(value: float, n: int = 100) -> Estimate:
    return Estimate(value=value, unit="share", n=n, low=value - 0.1, high=value + 0.1)


def seconds(value: float | None) -> Estimate:
    return Estimate(value=value, unit="s", n=20 if value is not None else 0)


def results(*metrics: dict[str, Estimate], loads: bool = True) -> Results:
    benchmarks = {"own": {"measured": False}} | ({"load": {"measured": True}} if loads else {})
    targets = [
        TargetResult(name=f"t{i}", model="m", engine=None, metrics=each, outcomes={})
        for i, each in enumerate(metrics)
    ]
    verdict = Verdict(state="pass", choice=None, tied=[], sentence="")
    return Results(
        run="r",
        name="n",
        plan_hash="h",
        targets=targets,
        comparisons=[],
        verdict=verdict,
        benchmarks=benchmarks,
    )


def labels(of: Results) -> list[str]:
    return [row.label for row in rows(of)[0]]


def test_quality_stands_before_slices_and_slices_before_speed() -> None:
    found = labels(
        results(
            {
                "load.ttft.p50": seconds(0.2),
                "own.accuracy@category=a": share(0.5, 40),
                "own.accuracy": share(0.5),
                "own.e2e.p50": seconds(1.0),
                "load.prompt_tokens": Estimate(value=7, unit="tokens", n=20),
            }
        )
    )
    assert found == ["own accuracy (%)", "  category=a", "load ttft p50 (ms)"]


def test_without_a_load_test_the_benchmark_shows_its_own_speed() -> None:
    found = labels(results({"own.accuracy": share(0.5), "own.e2e.p50": seconds(1.5)}, loads=False))
    assert found == ["own accuracy (%)", "own e2e p50 (s)"]


def test_cell_has_value_interval_and_n_and_a_missing_one_a_dash() -> None:
    found, _ = rows(results({"own.accuracy": share(0.5)}, {}))
    assert found[0].cells == ["50 [40, 60] n=100", "-"]


def test_slices_are_cut_for_room_and_counted() -> None:
    many = {f"own.accuracy@k={i:02d}": share(0.5, 2) for i in range(40)}
    found, cut = rows(results({"own.accuracy": share(0.5), "load.ttft.p50": seconds(0.1), **many}))
    assert len(found) == MOST
    assert cut == 40 - (MOST - 2)
    assert found[-1].label.startswith("load ttft")


def test_slice_of_everything_and_bounds_are_left_out() -> None:
    metrics = {
        "own.accuracy": share(0.5),
        "own.accuracy@k=all": share(0.5),
        "own.accuracy_lowest": share(0.4),
    }
    assert labels(results(metrics)) == ["own accuracy (%)"]


def test_unknown_cost_is_left_out_and_a_known_one_is_not() -> None:
    unknown = Estimate(value=None, unit="USD", n=0)
    known = Estimate(value=0.001, unit="USD", n=20, low=0.0009, high=0.0011)
    assert labels(results({"load.cost": unknown})) == []
    assert labels(results({"load.cost": unknown}, {"load.cost": known})) == ["load cost (USD)"]


def test_first_answer_token_is_shown_only_where_thoughts_come_before_it() -> None:
    plain = {"load.ttft.p50": seconds(0.1), "load.ttfa.p50": seconds(0.1)}
    thinking = msgspec.structs.replace(seconds(0.1), value=2.0)
    assert "load ttfa p50 (ms)" not in labels(results(plain))
    assert "load ttfa p50 (s)" in labels(results(plain | {"load.ttfa.p50": thinking}))
