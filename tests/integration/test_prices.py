"""Prices through the command line: refusals by name, the book's prices in the results, and what if."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.integration.commands import call, write_sums

from bakeoff.testing.truth import TruthProcess

BUDGET = {"decide": {"budget": {"usd_per_1k_requests": 1}}}


def write_book(folder: Path, *entries: dict[str, Any]) -> None:
    (folder / "prices.yaml").write_text(yaml.safe_dump({"source": "by hand", "entries": list(entries)}))


def priced(name: str, usd: float, **fields: Any) -> dict[str, Any]:
    return {"model": name, "price": {"input": usd, "output": usd}} | fields


def costs(document: Any) -> dict[str, Any]:
    return {row["target"]: row for row in document["costs"]}


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (
            [priced("goo", 1), priced("poor", 1)],
            "needs the price of `good`: `good` has no price in the spec and prices.yaml has none",
        ),
        (
            [priced("good", 1, until="2020-01-01"), priced("poor", 1)],
            "needs the price of `good`: the price of `good` in prices.yaml expired on 2020-01-01",
        ),
        (
            [{"model": "good", "price": {"input": 1}}, priced("poor", 1)],
            "needs the price of `good`: `good` has no price for `output`",
        ),
    ],
)
def test_a_budget_without_a_price_is_refused_by_name_before_anything_is_sent(
    sums_server: TruthProcess, tmp_path: Path, entries: list[dict[str, Any]], said: str
) -> None:
    write_sums(tmp_path, sums_server.url, cases=2, prices="prices.yaml", **BUDGET)
    write_book(tmp_path, *entries)
    done = call("run", cwd=tmp_path)
    assert done.code == 2
    assert f"decide.budget {said}" in done.err
    assert "`poor`" not in done.err
    assert "hint:" in done.err
    assert not (tmp_path / "runs").exists()


def test_a_router_in_a_budget_needs_the_prices_of_who_answers(
    sums_server: TruthProcess, tmp_path: Path
) -> None:
    price = {"answering": True}
    models = [{"name": "r", "endpoint": sums_server.url, "model": "good", "price": price}]
    write_sums(tmp_path, sums_server.url, cases=2, models=models, **BUDGET)
    done = call("run", cwd=tmp_path)
    assert done.code == 2
    assert "decide.budget needs the price of `r`: its answers are charged by the models" in done.err
    assert "no price of a model is known" in done.err


def test_a_name_with_two_prices_is_refused_with_the_line_of_the_book(
    sums_server: TruthProcess, tmp_path: Path
) -> None:
    write_sums(tmp_path, sums_server.url, cases=2, prices="prices.yaml")
    write_book(tmp_path, priced("good", 1), priced("other", 2, aliases=["good"]))
    done = call("run", cwd=tmp_path)
    assert done.code == 2
    assert "prices.yaml:" in done.err
    assert "`good` has two prices at once" in done.err


def test_an_expired_price_without_a_budget_is_a_note_and_an_unknown_cost(
    sums_server: TruthProcess, tmp_path: Path
) -> None:
    write_sums(tmp_path, sums_server.url, cases=4, prices="prices.yaml")
    write_book(tmp_path, priced("good", 1, until="2020-01-01"), priced("poor", 1))
    done = call("run", "--json", "--quiet", cwd=tmp_path)
    found = costs(done.document())
    assert found["good"]["per_1k_requests"] is None
    assert "expired on 2020-01-01" in found["good"]["note"]
    assert found["poor"]["per_1k_requests"] > 0
    notes = {target["name"]: target["notes"] for target in done.document()["targets"]}
    assert any("expired on 2020-01-01" in note for note in notes["good"])


def test_the_price_of_the_book_and_its_date_stand_in_results_and_reports(
    sums_server: TruthProcess, tmp_path: Path
) -> None:
    write_sums(tmp_path, sums_server.url, cases=4, prices="prices.yaml", **BUDGET)
    write_book(tmp_path, priced("good", 2, since="2020-01-01"), priced("p", 1, aliases=["poor"]))
    done = call("run", cwd=tmp_path)
    (folder,) = (tmp_path / "runs").iterdir()
    report = call("report", "--json", cwd=tmp_path).document()
    good, poor = (costs(report)[name] for name in ("good", "poor"))
    assert good["prices"][0] | {"day": None} == {
        "model": "good",
        "price": good["prices"][0]["price"],
        "origin": "prices.yaml",
        "source": "by hand",
        "since": "2020-01-01",
        "until": None,
        "day": None,
    }
    assert good["per_1k_requests"] == pytest.approx(2 * poor["per_1k_requests"])
    assert good["per_1k_successes"] == pytest.approx(good["per_1k_requests"])
    line = next(line for line in done.out.splitlines() if line.startswith("USD"))
    assert " ".join(line.split()) == "USD per 1,000 requests per 1,000 successes per 1M output tokens"
    assert "price of good from prices.yaml since 2020-01-01 (by hand): input $2, output $2" in done.out
    for name in ("report.md", "report.html", "costs.csv"):
        text = (folder / "report" / name).read_text()
        assert "per_1k_successes" in text if name == "costs.csv" else "per 1,000 successes" in text.lower()
    (tmp_path / "prices.yaml").unlink()
    assert costs(call("report", "--json", cwd=tmp_path).document()) == costs(report)


def test_changed_prices_of_a_stored_run_change_its_costs(sums_server: TruthProcess, tmp_path: Path) -> None:
    write_sums(tmp_path, sums_server.url, cases=4, prices="prices.yaml")
    write_book(tmp_path, priced("good", 2), priced("poor", 1))
    before = costs(call("run", "--json", "--quiet", cwd=tmp_path).document())
    (folder,) = (tmp_path / "runs").iterdir()
    stored = yaml.safe_load((folder / "spec.yaml").read_text())
    stored["prices"]["entries"][0]["price"] |= {"input": 20, "output": 20}
    (folder / "spec.yaml").write_text(yaml.safe_dump(stored))
    after = costs(call("report", "--json", cwd=tmp_path).document())
    assert after["good"]["per_1k_requests"] == pytest.approx(10 * before["good"]["per_1k_requests"])
    assert after["poor"] == before["poor"]


def test_a_router_is_charged_by_the_model_that_answers_and_its_own_price_on_top(
    sums_server: TruthProcess, tmp_path: Path
) -> None:
    models = [
        {"name": "plain", "endpoint": sums_server.url, "model": "good"},
        {
            "name": "router",
            "endpoint": sums_server.url,
            "model": "good",
            "price": {"answering": True, "input": 1},
        },
    ]
    write_sums(tmp_path, sums_server.url, cases=4, prices="prices.yaml", models=models)
    write_book(tmp_path, priced("good", 1))
    document = call("run", "--json", "--quiet", cwd=tmp_path).document()
    plain, router = (costs(document)[name] for name in ("plain", "router"))
    assert router["per_1k_requests"] > plain["per_1k_requests"]
    assert "priced by the models that answered: good (4)" in router["note"]


def test_a_hosted_target_has_servers_for_a_traffic_and_a_break_even(
    sums_server: TruthProcess, tmp_path: Path
) -> None:
    models = [
        {"name": "own", "endpoint": sums_server.url, "model": "good", "price": {"gpu_hour": 0.01}},
        {"name": "api", "endpoint": sums_server.url, "model": "good", "price": {"input": 900, "output": 900}},
    ]
    load = {"kind": "concurrent", "concurrency": 2, "requests": 40}
    benchmark = {
        "name": "load",
        "dataset": "cases.jsonl",
        "prompt": "{{input}}",
        "measured": True,
        "load": load,
        "slo": {"e2e": "30s", "attainment": 0.5},
    }
    decide = {"traffic": "600/min"}
    write_sums(tmp_path, sums_server.url, models=models, benchmarks=[benchmark], decide=decide)
    document = call("run", "--json", "--quiet", "--allow-invalid", cwd=tmp_path).document()
    own, api = (costs(document)[name] for name in ("own", "api"))
    assert (api["basis"], api["traffic"]) == ("tokens", 10.0)
    assert own["basis"] == "hardware"
    if own["capacity"] is None:  # the machine was too busy for the client to keep up
        assert "the client kept up" in own["note"]
        return
    assert own["replicas"] == -(-10 // own["capacity"])
    assert own["per_month"] == pytest.approx(0.01 * own["replicas"] * 720)
    assert own["break_even"][0]["against"] == "api"
    assert own["break_even"][0]["from_rate"] == pytest.approx(0.01 / 3600 / (api["per_1k_requests"] / 1000))


def test_what_if_prices_change_the_costs_and_not_the_run(sums_server: TruthProcess, tmp_path: Path) -> None:
    write_sums(tmp_path, sums_server.url, cases=4, prices="prices.yaml")
    write_book(tmp_path, priced("good", 2), priced("poor", 1))
    before = costs(call("run", "--json", "--quiet", cwd=tmp_path).document())
    words = [
        "--price",
        "good.input=4",
        "--price",
        "good.output=4",
        "--price",
        "poor.gpu_hour=1",
        "--traffic",
        "5/s",
    ]
    after = costs(call("decide", *words, "--json", cwd=tmp_path).document())
    assert after["good"]["per_1k_requests"] == pytest.approx(2 * before["good"]["per_1k_requests"])
    assert after["good"]["per_month"] > 0
    assert after["poor"]["basis"] == "hardware"
    assert costs(call("report", "--json", cwd=tmp_path).document()) == before
    wrong = call("decide", "--price", "god.input=4", cwd=tmp_path)
    assert wrong.code == 2
    assert "Did you mean `good`?" in wrong.err
