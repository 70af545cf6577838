import sqlite3
import threading

import pytest

from bakeoff.errors import StoreError
from bakeoff.stores.answers import FILE, AnswerFile


def test_what_was_kept_is_found_by_the_next_one(tmp_path):
    first = AnswerFile(tmp_path / "new" / "folder")
    assert first.find(b"k") is None
    first.keep(b"k", b"one")
    first.keep(b"k", b"two \x00")
    first.close()
    second = AnswerFile(tmp_path / "new" / "folder")
    assert second.find(b"k") == b"two \x00"
    assert second.find(b"K") is None
    second.close()


def test_the_file_is_for_its_owner_only(tmp_path):
    AnswerFile(tmp_path).close()
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_a_file_left_open_by_a_dead_process_is_read(tmp_path):
    left = AnswerFile(tmp_path)
    left.keep(b"k", b"kept")
    # Its write-ahead log is not merged, as after a kill.
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in tmp_path.glob(f"{FILE}*"):
        (copy / path.name).write_bytes(path.read_bytes())
    found = AnswerFile(copy)
    assert found.find(b"k") == b"kept"
    found.close()
    left.close()


def test_the_oldest_answers_go_when_the_file_is_full(tmp_path):
    file = AnswerFile(tmp_path, max_bytes=200_000)
    for number in range(100):
        file.keep(b"%d" % number, b"x" * 5000)
        assert file.find(b"%d" % number) is not None
    kept = [number for number in range(100) if file.find(b"%d" % number)]
    assert kept == list(range(kept[0], 100))
    assert 25 <= len(kept) <= 40
    file.close()


def test_small_answers_are_bounded_as_well(tmp_path):
    file = AnswerFile(tmp_path, max_bytes=60_000)
    for number in range(2000):
        file.keep(b"%032d" % number, b"x")
    assert file.find(b"%032d" % 1999) == b"x"
    assert file.find(b"%032d" % 0) is None
    file.close()
    assert (tmp_path / FILE).stat().st_size < 200_000


def test_an_answer_larger_than_the_file_may_be_is_not_kept(tmp_path):
    file = AnswerFile(tmp_path, max_bytes=50_000)
    file.keep(b"small", b"s")
    file.keep(b"large", b"x" * 50_001)
    assert (file.find(b"small"), file.find(b"large")) == (b"s", None)
    file.close()


def test_threads_may_share_it(tmp_path):
    file = AnswerFile(tmp_path)
    work = [threading.Thread(target=file.keep, args=(b"%d" % n, b"v%d" % n)) for n in range(20)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert [file.find(b"%d" % n) for n in range(20)] == [b"v%d" % n for n in range(20)]
    file.close()


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be looked at" * 40, None])
def test_what_is_no_such_file_is_told_with_its_place(tmp_path, content):
    if content is None:
        with sqlite3.connect(tmp_path / FILE) as other:
            other.execute("CREATE TABLE answers (something TEXT)")
        other.close()
        file = AnswerFile(tmp_path)
        with pytest.raises(StoreError, match="the response cache cannot be used") as told:
            file.find(b"k")
        file.close()
    else:
        (tmp_path / FILE).write_bytes(content)
        with pytest.raises(StoreError, match="the response cache cannot be used") as told:
            AnswerFile(tmp_path)
    assert told.value.where == str(tmp_path / FILE)
    assert "--no-cache" in told.value.hint


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        AnswerFile(tmp_path / "file" / "below")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
