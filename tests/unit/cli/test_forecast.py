"""A forecast in words: what is unknown is said, and never shown as nothing."""

from typing import Any

import pytest

from bakeoff.cli._forecast import can_table, effort_table
from bakeoff.cli._forecast_sums import duration, sums, usd_text
from bakeoff.decide.forecast.floors import FloorQuestion, planned_floor
from bakeoff.decide.forecast.power import planned_load
from bakeoff.run.effort import Effort
from bakeoff.run.planning import Forecast, Hardware

EFFORT = Effort(
    benchmark="own",
    target="a",
    calls=100,
    warmup=0,
    at_most=True,
    prompt_tokens=2000,
    output_most=None,
    output_tokens=None,
    tokens_from="the prompts",
    charges=[],
    usd=None,
    usd_most=None,
    unpriced="`a` has no price in the spec",
    hourly=False,
    seconds=None,
    seconds_from="the answers set its pace",
)


def forecast(**changes: Any) -> Forecast:
    fields: dict[str, Any] = {
        "name": "x",
        "plan_hash": "abc",
        "rule_hash": "def",
        "earlier": "",
        "cannot": [],
        "comparisons": [],
        "loads": [],
        "efforts": [EFFORT],
        "gradings": [],
        "hardware": [],
        "calls": 100,
        "seconds": None,
        "usd": None,
        "usd_most": None,
        "unknown": [],
        "notes": [],
    }
    return Forecast(**(fields | changes))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "0.25 s"),
        (90, "90 s"),
        (600, "10 min"),
        (9000, "2.5 h"),
        (7_200_000, "2,000 h"),
        (118, "118 s"),
    ],
)
def test_times_are_told_in_a_unit_that_fits(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("likely", "most", "text"),
    [
        (None, None, "unknown"),
        (None, 12_345.678, "up to 12,346"),
        (0.00123456, 2.0, "about 0.001235, up to 2"),
        (2.0, 2.0, "2"),
        (2.0, None, "about 2, unknown"),
    ],
)
def test_money_is_told_as_expected_and_at_most(likely, most, text):
    assert usd_text(likely, most) == text


def test_nothing_known_is_said_as_unknown():
    assert effort_table(forecast()).splitlines()[2].split() == [
        *("own", "a", "up", "to", "100", "2,000", "unknown", "unknown", "unknown")
    ]
    first, *_, plan, rule = sums(forecast())
    assert first == "in all      100 calls, USD unknown, time unknown"
    assert (plan, rule) == ("plan hash   abc", "rule hash   def (stored in the run)")


def test_the_known_part_of_money_and_time_is_told():
    known = Effort(
        **{name: getattr(EFFORT, name) for name in EFFORT.__struct_fields__}
        | {"usd_most": 2.5, "seconds": 60.0}
    )
    first = next(sums(forecast(efforts=[EFFORT, known])))
    assert first.endswith("USD unknown, of what is known up to 2.5, time at least 60 s")


def test_hardware_of_unknown_time_has_no_price():
    one = Hardware(
        target="a", accelerators="", started=True, hours=None, gpu_hours=None, usd_per_hour=3.0, usd=None
    )
    assert "hardware    a: its own server for an unknown time" in list(sums(forecast(hardware=[one])))


def test_a_load_without_latency_targets_shows_its_percentiles():
    text = can_table(forecast(loads=[planned_load("load", 5, None, 0.95)]))
    assert text.splitlines()[-1].split() == ["load", "5", "none", "none"]
    assert can_table(forecast()) == ""


def test_floors_are_a_table_of_their_own() -> None:
    sizes = ([1] * 200, [5] * 40, [1] * 3)
    floors = [
        planned_floor(FloorQuestion(metric=f"own.m{at}", floor=0.8, clusters=each), 0.95)
        for at, each in enumerate(sizes)
    ]
    lines = can_table(forecast(floors=floors)).splitlines()
    rows = [line for line in lines if "own.m" in line]
    assert "80 %" in rows[0]
    assert f"{floors[0].passes}" in rows[0]
    assert "(worth 111)" in rows[1]
    assert "cannot be shown" in rows[2]
    assert "none" in rows[2]
