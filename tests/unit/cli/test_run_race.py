"""`--race` takes a word or none; a word that is neither is the spec."""

from pathlib import Path

from click.testing import CliRunner

from bakeoff.cli.run import command


def test_a_word_that_is_no_race_is_refused_beside_a_spec() -> None:
    done = CliRunner().invoke(command, ["bakeoff.yaml", "--race", "quickly"])
    assert done.exit_code == 2
    assert "`quickly` is none of anytime, obrien_fleming, off" in done.output


def test_a_word_that_is_neither_race_nor_spec_is_refused() -> None:
    done = CliRunner().invoke(command, ["--race", "never"])
    assert done.exit_code == 2
    assert "`never` is none of anytime, obrien_fleming, off, and no spec either" in done.output


def test_a_word_that_is_no_race_is_the_spec_where_there_is_no_other(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("models: 3\n")
    done = CliRunner().invoke(command, ["--race", str(broken)])
    assert done.exit_code != 0
    assert "broken.yaml:1: models" in f"{done.output}{done.exception}"
