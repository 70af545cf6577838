"""`init`: what it writes runs as it stands."""

from pathlib import Path

import pytest
from tests.integration.commands import call

from bakeoff.testing.truth import TruthProcess

FILES = ("bakeoff.yaml", "data/cases.jsonl", ".env.example")


def variables(url: str) -> dict[str, str]:
    return {"FIRST_ENDPOINT": url, "SECOND_ENDPOINT": url, "FIRST_MODEL": "good", "SECOND_MODEL": "poor"}


def test_default_template_runs_as_written(sums_server: TruthProcess, tmp_path: Path) -> None:
    done = call("init", cwd=tmp_path)
    assert done.code == 0
    assert all((tmp_path / name).exists() for name in FILES)
    ran = call("run", "--json", cwd=tmp_path, env=variables(sums_server.url))
    assert ran.code == 0, ran.err
    names = [target["name"] for target in ran.document()["targets"]]
    assert names == ["first", "second"]
    assert "own.accuracy" in ran.document()["targets"][0]["metrics"]


def test_speed_template_runs_as_written(sums_server: TruthProcess, tmp_path: Path) -> None:
    assert call("init", "speed", cwd=tmp_path).code == 0
    spec = tmp_path / "bakeoff.yaml"
    spec.write_text(spec.read_text().replace("rate: 2/s, requests: 40", "rate: 20/s, requests: 20"))
    ran = call("run", "--allow-invalid", "--json", cwd=tmp_path, env=variables(sums_server.url))
    assert ran.code == 0, ran.err
    metrics = ran.document()["targets"][0]["metrics"]
    assert {"rate.slo_attainment", "busy.slo_attainment", "rate.ttft.p50"} <= set(metrics)


@pytest.mark.parametrize("template", ["compare", "speed"])
def test_template_loads_with_its_own_example_of_variables(template: str, tmp_path: Path) -> None:
    call("init", template, cwd=tmp_path)
    (tmp_path / ".env").write_text((tmp_path / ".env.example").read_text())
    assert call("config", "validate", cwd=tmp_path).code == 0


def test_unset_variables_are_named(tmp_path: Path) -> None:
    call("init", cwd=tmp_path)
    done = call("config", "validate", cwd=tmp_path)
    assert done.code == 2
    assert all(name in done.err for name in ("FIRST_ENDPOINT", "FIRST_MODEL", "SECOND_ENDPOINT"))
    assert "API_KEY" not in done.err


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "bakeoff.yaml").write_text("mine")
    done = call("init", cwd=tmp_path)
    assert done.code == 2
    assert "already there: bakeoff.yaml" in done.err
    assert (tmp_path / "bakeoff.yaml").read_text() == "mine"
    assert not (tmp_path / "data").exists()
    assert call("init", "--force", cwd=tmp_path).code == 0
    assert (tmp_path / "bakeoff.yaml").read_text() != "mine"


def test_into_a_new_folder(tmp_path: Path) -> None:
    done = call("init", "--into", "made/here", cwd=tmp_path)
    assert done.code == 0
    assert (tmp_path / "made" / "here" / "data" / "cases.jsonl").exists()
    assert "`bakeoff run made/here/bakeoff.yaml`" in done.out


@pytest.mark.parametrize("template", ["router", "modelops", "judge"])
def test_later_template_is_refused_by_name(template: str, tmp_path: Path) -> None:
    done = call("init", template, cwd=tmp_path)
    assert done.code == 2
    assert f"`{template}` is not available in this version" in done.err


def test_unknown_template_is_refused_with_the_nearest(tmp_path: Path) -> None:
    assert "Did you mean `compare`?" in call("init", "compair", cwd=tmp_path).err
