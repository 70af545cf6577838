"""`bakeoff quickstart` as a newcomer calls it: two real models, a verdict, a report."""

from pathlib import Path

import pytest
from tests.integration.commands import call

# The first call on a machine fetches up to 350 MB.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]


def test_quickstart_compares_two_real_models(tmp_path: Path) -> None:
    home = {"BAKEOFF_HOME": str(tmp_path / "home")}
    done = call("quickstart", "--limit", "8", "--allow-invalid", cwd=tmp_path, env=home, timeout=400)
    assert done.code == 0, done.err
    first, second = done.err.splitlines()[:2]
    assert "Apache-2.0" in first
    assert "Gemma Terms of Use" in second
    lines = done.out.splitlines()
    assert lines[0].split()[0] in {"PASS", "INCONCLUSIVE"}
    assert lines[-1].startswith("report ")
    assert Path(lines[-1].split(maxsplit=1)[1]).stat().st_size > 10_000
    accuracy = next(line for line in lines if line.startswith("basics accuracy (%)"))
    assert accuracy.count("n=8") == 2
    assert any(line.startswith("note: gemma3-270m: ") for line in lines)
    assert call("deploy", "status", cwd=tmp_path, env=home).out == "no server is running\n"
    shown = call("runs", "show", "--json", cwd=tmp_path, env=home).document()
    assert all(one["stored"] == one["planned"] for one in shown["counts"])
