"""Costs in words: a column for what is known, the prices and the break-even in the notes."""

import csv
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from bakeoff.records import BreakEven, Price, PriceTier, PriceUsed, Results, TargetCost
from bakeoff.reports.costs import cost_table, usd
from bakeoff.reports.csv import COST_COLUMNS, CsvReport
from bakeoff.reports.html import render
from bakeoff.reports.markdown import MarkdownReport
from bakeoff.testing.views import make_view

USED = PriceUsed(
    model="m<1>",
    price=Price(input=Decimal("2.50"), output=Decimal(10), tiers=(PriceTier(above=9),)),
    origin="prices.yaml",
    source="vendor",
    since="2026-01-01",
    until="2026-12-31",
)
API = TargetCost(
    target="api",
    benchmark="quiz",
    basis="tokens",
    per_1k_requests=0.5,
    per_1k_requests_low=0.4,
    per_1k_requests_high=0.6,
    per_1m_tokens=12345.6,
    prices=[USED],
    note="n = 9 requests",
)
OWN = TargetCost(
    target="own",
    benchmark="quiz",
    basis="hardware",
    per_1k_requests=0.25,
    capacity=4.0,
    replicas=2,
    break_even=[
        BreakEven(against="api", from_rate=1.0, always_from=1.0),
        BreakEven(against="dear", from_rate=0.2, always_from=0.4),
        BreakEven(against="cheap", note="never: cheap costs nothing"),
    ],
    note="at full load",
)


def results(*costs: TargetCost) -> Results:
    return msgspec.structs.replace(make_view().results, costs=list(costs))


def test_a_column_is_left_out_where_nothing_is_known():
    table = cost_table(results(API, OWN))
    assert table is not None
    assert table.columns == [
        "per 1,000 requests",
        "per 1M output tokens",
        "requests/s of a server",
        "servers",
        "always cheaper above (requests/s)",
    ]
    api, own = table.rows
    assert api.cells == ["$0.5 [$0.4, $0.6]", "$12,346", "unknown", "unknown", "unknown"]
    assert own.cells == ["$0.25", "unknown", "4", "2", "0.4 (dear)"]


def test_notes_say_which_price_was_used_and_when_hosting_pays():
    table = cost_table(results(API, OWN))
    assert table is not None
    assert table.rows[0].note == (
        "n = 9 requests; price of m<1> from prices.yaml since 2026-01-01 until 2026-12-31 (vendor): "
        "input $2.50, output $10, 1 tier for long prompts"
    )
    assert table.rows[1].note == (
        "at full load; cheaper than api above 1 requests/s (the throughput's uncertainty is unknown); "
        "cheaper than dear from 0.2 requests/s on, and always above 0.4, because servers come whole (the "
        "throughput's uncertainty is unknown); cheaper than cheap: never: cheap costs nothing"
    )


@pytest.mark.parametrize(
    ("ends", "cell", "words"),
    [
        ((1.0, 2.5, False), "2 [1, 2.5] (api)", "(1 to 2.5, by the 95 % interval of the throughput)"),
        ((1.0, None, True), "2 [1, never] (api)", "(1 to never, by the 95 % interval of the throughput)"),
        ((2.0, 2.0, False), "2 [2, 2] (api)", "(throughout the 95 % interval of the throughput)"),
        ((None, None, False), "2 (api)", "(the throughput's uncertainty is unknown)"),
    ],
)
def test_a_break_even_is_told_with_its_interval(ends, cell, words):
    low, high, never = ends
    even = BreakEven(
        against="api",
        from_rate=2.0,
        always_from=2.0,
        always_from_low=low,
        always_from_high=high,
        may_never=never,
    )
    own = msgspec.structs.replace(OWN, break_even=[even], capacity_low=3.5, capacity_high=4.5)
    table = cost_table(results(API, own))
    assert table is not None
    assert table.rows[1].cells[-1] == cell
    assert table.rows[1].cells[2] == "4 [3.5, 4.5]"
    assert table.rows[1].note.endswith(f"cheaper than api above 2 requests/s {words}")


def test_without_any_price_there_is_no_table():
    unknown = TargetCost(target="a", benchmark="b", basis="tokens", note="unknown: it has no price")
    assert cost_table(results(unknown)) is None
    assert cost_table(results()) is None


@pytest.mark.parametrize(
    ("amount", "text"),
    [(None, "unknown"), (0.0, "$0"), (0.00001234, "$1.23e-05"), (0.12345, "$0.1235"), (98765.4, "$98,765")],
)
def test_an_amount_has_as_many_digits_as_it_bears(amount, text):
    assert usd(amount) == text


def test_every_report_shows_the_costs(tmp_path: Path):
    view = msgspec.structs.replace(make_view(), results=results(API, OWN))
    markdown = MarkdownReport().write(view, tmp_path).read_text()
    assert "## Cost" in markdown
    assert "| api | quiz | $0.5 \\[$0.4, $0.6\\] |" in markdown
    page = render(view)
    assert "m&lt;1&gt;" in page
    assert "m<1>" not in page
    CsvReport().write(view, tmp_path)
    rows = list(csv.DictReader((tmp_path / "costs.csv").read_text().splitlines()))
    assert tuple(rows[0]) == COST_COLUMNS
    assert (rows[1]["target"], rows[1]["capacity"], rows[1]["per_month"]) == ("own", "4.0", "")


def test_a_report_of_a_run_without_costs_has_no_section_of_them(tmp_path: Path):
    view = msgspec.structs.replace(make_view(), results=results())
    (tmp_path / "costs.csv").touch()
    CsvReport().write(view, tmp_path)
    assert not (tmp_path / "costs.csv").exists()
    assert "## Cost" not in MarkdownReport().write(view, tmp_path).read_text()
