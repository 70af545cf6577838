"""`completion`, `export` and `import`: scripts and files, as people ask for them."""

import json
from pathlib import Path

import pytest
from tests.integration.commands import StoredRun, call
from tests.unit.importers.examples import GUIDELLM


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_completion_script(shell: str, tmp_path: Path) -> None:
    done = call("completion", shell, cwd=tmp_path)
    assert done.code == 0
    assert "_BAKEOFF_COMPLETE" in done.out


def test_an_unknown_shell_is_refused(tmp_path: Path) -> None:
    assert call("completion", "tcsh", cwd=tmp_path).code == 2


def test_a_run_is_written_beside_itself_and_its_files_are_named(sums_run: StoredRun) -> None:
    done = call("export", "--format", "csv", cwd=sums_run.cwd)
    assert done.code == 0, done.err
    files = [Path(sums_run.cwd, line) for line in done.out.splitlines()]
    assert files
    assert all(path.parent == sums_run.folder / "export" and path.stat().st_size for path in files)


def test_a_run_is_written_where_it_is_wanted(sums_run: StoredRun, tmp_path: Path) -> None:
    words = ("export", sums_run.folder.name, "--format", "csv", "--to", tmp_path / "here", "--json")
    (file,) = call(*words, cwd=sums_run.cwd).document()["files"]
    assert Path(file).is_relative_to(tmp_path / "here")


@pytest.mark.parametrize("option", ["flat", "=1"])
def test_an_option_without_name_and_value_is_refused(option: str, sums_run: StoredRun) -> None:
    done = call("export", "--format", "csv", "-o", option, cwd=sums_run.cwd)
    assert done.code == 2
    assert f"`{option}` is no option" in done.err


def test_an_option_reaches_the_format_that_judges_it(sums_run: StoredRun) -> None:
    done = call("export", "--format", "csv", "-o", "no_such=1", cwd=sums_run.cwd)
    assert done.code == 2
    assert "no_such" in done.err


def test_a_file_of_another_tool_becomes_a_run(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(GUIDELLM))
    told = call("import", "result.json", "--name", "theirs", cwd=tmp_path)
    assert told.code == 0, told.err
    (folder,) = (tmp_path / "runs").iterdir()
    assert "theirs" in folder.name
    assert folder.name in told.out + told.err
    document = call("import", "result.json", "--tool", "guidellm", "--json", cwd=tmp_path).document()
    assert document["targets"]
