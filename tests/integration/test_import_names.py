"""`bakeoff import --rename`: what a mistake in it says."""

from pathlib import Path

import pytest
from tests.integration.commands import call
from tests.integration.foreign import write_lm_eval


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("mn", "`--rename mn` is not `--rename OLD=NEW`"),
        ("m=", "`--rename m=` is not `--rename OLD=NEW`"),
        ("other=n", "no file has a model called `other`"),
    ],
)
def test_a_wrong_name_is_refused_before_anything_is_written(given: str, message: str, tmp_path: Path) -> None:
    done = call("import", write_lm_eval(tmp_path, "m", [1.0]), "--rename", given, cwd=tmp_path)
    assert done.code == 2
    assert message in done.err
    assert not (tmp_path / "runs").exists()


def test_the_run_says_how_it_was_imported(tmp_path: Path) -> None:
    files = [write_lm_eval(tmp_path, "m", [1.0])]
    done = call("import", *files, "--rename", "m=n", cwd=tmp_path)
    assert done.code == 0, done.err
    (events,) = tmp_path.glob("runs/*/events.jsonl")
    assert f"bakeoff import --rename m=n {files[0]}" in events.read_text()
