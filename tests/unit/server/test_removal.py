"""What is marked goes, or stays marked."""

from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs bakeoff[server]")

from bakeoff.server.jobs.removal import LOCK, mark, marked, remove


def test_what_is_removed_is_no_longer_marked(tmp_path: Path):
    (tmp_path / "job" / "runs" / "one").mkdir(parents=True)
    mark(tmp_path, "job")
    assert marked(tmp_path) == ["job"]
    assert remove(tmp_path, "job")
    assert (marked(tmp_path), (tmp_path / "job").exists()) == ([], False)


def test_what_cannot_be_removed_now_stays_marked(tmp_path: Path):
    (tmp_path / "job" / LOCK).mkdir(parents=True)  # no file that could be locked
    mark(tmp_path, "job")
    assert not remove(tmp_path, "job")
    assert marked(tmp_path) == ["job"]
