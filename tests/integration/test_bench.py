"""Each benchmark runs at a tiny size and prints its table, so that none of them rots unseen.

Sizes are cut, so the times in the tables mean nothing here; what has to be right at any speed is checked.
"""

import pkgutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import bench
import pytest
from bench import __main__ as command
from bench import (
    _bare,
    _coverage,
    compare,
    engine,
    faults,
    flood,
    open_loop,
    overhead,
    quality,
    report,
    stall,
    statistics,
    truth,
)
from bench._table import show

from bakeoff.testing.truth import TruthSettings

ROOT = Path(__file__).parents[2]

Lines = Callable[[], list[list[str]]]

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def rows(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Return the words of each row that was printed."""
    return lambda: [line.split() for line in capsys.readouterr().out.splitlines()]


def row(lines: list[list[str]], *first: str) -> list[str]:
    (found,) = [line[len(first) :] for line in lines if tuple(line[: len(first)]) == first]
    return found


def test_every_benchmark_has_its_place_in_the_order():
    modules = {m.name for m in pkgutil.iter_modules(bench.__path__) if not m.name.startswith("_")}
    assert set(command.ORDER) == modules


def test_a_benchmark_that_is_not_there_is_refused():
    done = subprocess.run(
        [sys.executable, "-m", "bench", "nothing"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "there is no benchmark `nothing`; known: truth, flood" in done.stderr


def test_a_named_benchmark_runs_alone(monkeypatch, rows):
    monkeypatch.setattr(sys, "argv", ["bench", "overhead", "--share", "0.01"])
    command.main()
    lines = rows()
    assert lines[1][0] == "overhead:"
    assert lines[-1][0] == "took"


def test_columns_are_aligned_and_empty_cells_stay_empty(capsys):
    show("title", ("name", "n", "x"), [("a", 1234, 0.5), ("bc", None, 1234.5)])
    assert capsys.readouterr().out.splitlines() == [
        "  title",
        "    name      n      x",
        "    a     1,234  0.500",
        "    bc           1,234",
    ]


def test_overhead(rows):
    overhead.run(0.05)
    lines = rows()
    assert row(lines, "whole")[0] == row(lines, "streamed")[0] == "128"
    assert float(row(lines, "--help")[0]) > 0


def test_quality(monkeypatch, rows):
    monkeypatch.setattr(quality, "SIZES", (2_000,))
    quality.run(0.08)
    lines = rows()
    for what in (("run,", "numeric"), ("score,", "4", "assertions")):
        n, _, mark, target, *_ = row(lines, *what)
        assert (n, mark, target) == ("160", "<=", "0.25")


def test_truth(monkeypatch, rows):
    monkeypatch.setattr(truth, "SERVER", TruthSettings(ttft=0.005, itl=0.001, tokens=4))
    monkeypatch.setattr(truth, "STREAMS", (1, 64))
    monkeypatch.setattr(truth, "LEAST", 4)
    truth.run(0.05)
    lines = rows()
    assert (row(lines, "1")[0], row(lines, "1,", "later")[0]) == ("4", "3")
    assert (row(lines, "3")[0], row(lines, "3,", "later")[0]) == ("12", "9")


def test_flood(rows):
    flood.run(0.02)
    lines = rows()
    for name in ("1 token a call", "8 tokens a call"):
        speed = [line for line in lines if line[:4] == name.split() and "%" in line[6]]
        assert float(speed[0][5].replace(",", "")) > 0


def test_the_bare_client_keeps_every_read():
    from bakeoff.testing.truth import TruthProcess

    with TruthProcess(TruthSettings(flood=1)) as server:
        assert _bare.drive(server.port, requests=5, streams=2, tokens=4) >= 5
        assert server.summary().tokens == 20


def test_open_loop(monkeypatch, rows):
    monkeypatch.setattr(open_loop, "RATES", (40,))
    open_loop.run(0.125)
    lines = rows()
    assert row(lines, "constant", "40/s")[0] == row(lines, "poisson", "40/s")[0] == "20"
    assert 0 <= float(row(lines, "poisson", "40/s")[4]) <= 1


def test_stall(monkeypatch, rows):
    monkeypatch.setattr(stall, "STALL_AT_S", 1.0)
    stall.run(0.3)
    lines = rows()
    for kind in ("constant", "poisson"):
        _, inside, shown, missed, *_ = row(lines, kind, "100/s")
        assert (inside, missed) == (shown, "0")


def test_faults(monkeypatch, rows):
    monkeypatch.setattr(faults, "KINDS", ("500", "cut", "reset", "no_done"))
    faults.run(0.15)
    lines = rows()
    for kind in faults.KINDS:
        spoilt, samples, missing, ok, bad, wrong, *_ = row(lines, kind)
        assert (samples, missing, wrong) == ("60", "0", "0")
        assert int(bad) == (int(spoilt) if kind in {"500", "cut"} else 0)
        assert int(ok) == 60 - int(bad)


def test_report(rows):
    report.run(0.001)
    assert row(rows(), "1,000")[2] == "<"


def test_compare(rows):
    compare.run(0.01)
    lines = rows()
    for name in ("passes, one run", "passes, ten runs", "scores in clusters, with prices"):
        models, cases, *_ = row(lines, *name.split())
        assert (models, cases) == ("10", "200")


@pytest.mark.slow
def test_engine(monkeypatch, rows):
    monkeypatch.setattr(engine, "STREAMS", (1,))
    monkeypatch.setattr(engine, "PROMPT", 16)
    monkeypatch.setattr(engine, "TOKENS", 4)
    engine.run(0.25)
    assert row(rows(), "1")[0] == "2"


def test_an_engine_that_cannot_start_is_left_out_with_the_reason(monkeypatch, capsys):
    monkeypatch.setattr(engine, "MODEL", engine.ModelSpec(name="m", source="/no/such/file.gguf"))
    engine.run(0.1)
    assert capsys.readouterr().out.startswith("  left out: ")


def test_statistics(monkeypatch, rows):
    monkeypatch.setattr(_coverage, "SIZES", (20, 50))
    monkeypatch.setattr(_coverage, "STRENGTH_RESAMPLES", 3)
    statistics.run(0.002)
    lines = rows()
    # Exact sums and closed forms do not depend on the number of draws.
    assert row(lines, "Wilson", "0.500") == ["0.959", "0.935"]
    assert row(lines, "Wald", "(not", "used)", "0.990") == ["0.182", "0.395"]
    assert row(lines, "2%") == ["6,280", "979", "1,960", "3,923", "5,885"]
    assert row(lines, "5%", "124") == ["248", "495"]
    assert row(lines, "95%", "200") == ["4"]
    assert row(lines, "99%", "2,000") == ["12"]
    missed = lines[lines.index(["of", "these,", "below", "93%"]) :]
    assert row(missed, "Wilson", "0.990") == ["0.911"]
    assert float(row(lines, "5", "equals")[0]) <= 0.2
    assert float(row(lines, "chance", "of", "being", "best")[0]) >= 0
