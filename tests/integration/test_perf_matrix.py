"""`bakeoff perf --matrix`: a run with a benchmark for each row, and one table of all."""

import csv
from collections import Counter
from pathlib import Path

import pytest
from tests.integration.inside import Perf

from bakeoff.run.matrix import COLUMNS
from bakeoff.testing.truth import TruthProcess

ROWS = ("org/a,20,4,6,2,,,na", "org/b,12,3,5,,50,exponential,na", "org/a,24,4,4,1,,,small")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.csv"
    path.write_text("\n".join((",".join(COLUMNS), *ROWS)) + "\n")
    return path


def test_each_row_asks_its_own_model_under_its_own_load(
    perf: Perf, load_server: TruthProcess, bundle: Path
) -> None:
    done = perf("--matrix", bundle, "--warmup-requests", "2", "--quiet")
    assert done.code == 0, done.err
    counted = Counter((s.benchmark, s.target) for s in perf.samples())
    assert counted == {
        ("1-in20-out4-c2", "org-a"): 6,
        ("2-in12-out3-q50-exponential", "org-b"): 5,
        ("3-in24-out4-c1-small", "org-a"): 4,
    }
    assert len(perf.samples("warmup")) == 6
    assert {record.model for record in load_server.truth()} == {"org/a", "org/b"}
    assert {s.usage.completion for s in perf.samples() if s.target == "org-b"} == {3}


def test_the_table_of_all_rows_lies_in_the_run(perf: Perf, bundle: Path) -> None:
    done = perf("--matrix", bundle, "--quiet")
    assert "table    " in done.out
    table = perf.run / "export" / "consolidated.csv"
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    shown = [(r["model"], r["num_input_tokens"], r["num_concurrent_requests"], r["qps"]) for r in rows]
    assert Counter(shown) == Counter(
        [("org/a", "20", "2", ""), ("org/b", "12", "", "50.0"), ("org/a", "24", "1", "")]
    )
    assert [row["number_errors"] for row in rows] == ["0"] * 3
    assert (perf.run / "export" / "consolidated.xlsx").is_file()


def test_a_model_is_not_held_against_rows_that_do_not_ask_it(perf: Perf, bundle: Path) -> None:
    done = perf("--matrix", bundle, "--quiet", "--slo", "e2e=20s,attainment=0.3")
    assert "unknown" not in done.out.partition("metric ")[0]
    assert "org-b meets the latency target in 2-in12-out3-q50-exponential" in done.out


def test_the_document_of_a_matrix_is_alone_on_stdout(perf: Perf, bundle: Path) -> None:
    done = perf("--matrix", bundle, "--quiet", "--json")
    assert [stage["target"] for stage in done.document()["stages"]].count("org-a") == 2
    assert "table    " in done.err


def test_several_processes_send_a_matrix(perf: Perf, bundle: Path) -> None:
    done = perf("--matrix", bundle, "--processes", "2", "--quiet")
    assert done.code == 0, done.err
    assert len(perf.samples()) == 15


@pytest.mark.parametrize(
    "words",
    [
        ("--model", "m"),
        ("--load", "poisson"),
        ("--rate", "3"),
        ("--requests", "3"),
        ("--prompt-tokens", "3"),
        ("--output-tokens", "3"),
        ("--concurrency", "3"),
        ("--dataset", "x.txt"),
    ],
)
def test_what_the_rows_say_is_not_said_again(perf: Perf, bundle: Path, words: tuple[str, str]) -> None:
    done = perf("--matrix", bundle, *words)
    assert (done.code, f"{words[0]} does not go with --matrix" in done.err) == (2, True)


def test_options_of_a_load_do_not_go_with_a_matrix(perf: Perf, bundle: Path) -> None:
    done = perf("--matrix", bundle, "-o", "shape=2")
    assert (done.code, "--option does not go with --matrix" in done.err) == (2, True)


def test_mistakes_of_the_rows_are_told_with_their_lines(perf: Perf, tmp_path: Path) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(",".join(COLUMNS) + "\nm,10,many,3,2,,,\nm,10,5,3,,,,\n")
    done = perf("--matrix", path)
    assert done.code == 2
    assert "wrong.csv:2: `output_tokens` is `many`" in done.err
    assert "wrong.csv:3: the row has neither" in done.err
