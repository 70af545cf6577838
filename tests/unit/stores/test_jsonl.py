"""The run directory: nothing lost, nothing doubled, no secret, whatever the crash."""

import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.errors import RunLockedError, StoreError
from bakeoff.records import Event, Sample, Score
from bakeoff.stores.jsonl import JsonlStore, is_locked, read_records, remove
from bakeoff.stores.redact import Redactor


def sample(case: str, text: str = "") -> Sample:
    return Sample(benchmark="b", case=case, target="t", outcome="ok", text=text)


def cases(folder: Path) -> list[str]:
    return [each.case for each in read_records(folder, Sample)]


def test_a_record_is_on_disk_when_add_returns(tmp_path: Path) -> None:
    store = JsonlStore(tmp_path)
    store.add(sample("one"))
    assert cases(tmp_path) == ["one"]
    store.close()


def test_grouped_records_are_on_disk_after_flush(tmp_path: Path) -> None:
    store = JsonlStore(tmp_path)
    store.grouped = True
    store.add(sample("one"))
    assert cases(tmp_path) == []
    store.flush()
    assert cases(tmp_path) == ["one"]
    store.close()


def test_kinds_go_to_their_own_files(tmp_path: Path) -> None:
    store = JsonlStore(tmp_path)
    score = Score(
        benchmark="b", case="c", target="t", scorer="s", metric="m", value=1.0, passed=True, outcome="ok"
    )
    for record in (sample("c"), score, Event(kind="note")):
        store.add(record)
    assert list(store.read(Score)) == [score]
    assert list(store.read(Event)) == [Event(kind="note")]
    store.close()


@given(keep=st.integers(0, 400))
def test_a_torn_last_line_costs_only_that_line(tmp_path_factory: pytest.TempPathFactory, keep: int) -> None:
    folder = tmp_path_factory.mktemp("run")
    store = JsonlStore(folder)
    for name in ("one", "two", "three"):
        store.add(sample(name))
    store.close()
    path = folder / "samples.jsonl"
    data = path.read_bytes()
    path.write_bytes(data[: min(keep, len(data))])
    whole = path.read_bytes().count(b"}\n") or 0
    store = JsonlStore(folder)
    store.add(sample("after"))
    store.close()
    names = cases(folder)
    assert names[-1] == "after"
    assert names[:whole] == ["one", "two", "three"][:whole]
    assert len(names) - 1 - whole in {0, 1}


def test_a_whole_line_that_lost_its_newline_is_kept(tmp_path: Path) -> None:
    store = JsonlStore(tmp_path)
    store.add(sample("one"))
    store.close()
    path = tmp_path / "samples.jsonl"
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    store = JsonlStore(tmp_path)
    store.add(sample("two"))
    store.close()
    assert cases(tmp_path) == ["one", "two"]


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    store = JsonlStore(tmp_path)
    for name in ("one", "two"):
        store.add(sample(name))
    store.close()
    path = tmp_path / "samples.jsonl"
    path.write_bytes(b"{nonsense}\n" + path.read_bytes())
    with pytest.raises(StoreError, match=r"samples\.jsonl:1"):
        cases(tmp_path)


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    store = JsonlStore(tmp_path)
    with pytest.raises(RunLockedError):
        JsonlStore(tmp_path)
    store.close()
    JsonlStore(tmp_path).close()


@pytest.mark.parametrize("secret", ["sk-live-123456", 'quote"back\\slash', "ключ-секрет"])
def test_no_secret_reaches_a_file(tmp_path: Path, secret: str) -> None:
    store = JsonlStore(tmp_path, redact=Redactor((secret,)))
    store.add(sample("one", text=f"the key is {secret}!"))
    store.add(Event(kind="note", facts={"header": secret}))
    store.put("spec.yaml", f"api_key: {secret}".encode())
    store.close()
    escaped = msgspec.json.encode(secret)[1:-1]
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        assert secret.encode() not in data
        assert escaped not in data
    assert b"[redacted]" in (tmp_path / "samples.jsonl").read_bytes()


def test_a_secret_learnt_later_is_taken_out_too(tmp_path: Path) -> None:
    redact = Redactor()
    store = JsonlStore(tmp_path, redact=redact)
    redact.learn("made-up-key")
    store.add(sample("one", text="made-up-key"))
    store.close()
    assert b"made-up-key" not in (tmp_path / "samples.jsonl").read_bytes()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="choose another"):
        JsonlStore(tmp_path / "file" / "run")


def test_grouped_records_are_written_once_the_group_is_old(tmp_path: Path) -> None:
    store = JsonlStore(tmp_path)
    store.grouped = True
    store.add(sample("one"))
    time.sleep(0.06)
    store.add(sample("two"))
    assert cases(tmp_path) == ["one", "two"]
    store.grouped = False
    assert not store.grouped
    store.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_names_the_file_and_the_way_on(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").symlink_to("/dev/full")
    store = JsonlStore(tmp_path)
    with pytest.raises(StoreError, match="cannot write") as caught:
        store.add(sample("one"))
    assert caught.value.where == str(tmp_path / "samples.jsonl")
    assert "bakeoff resume" in caught.value.hint
    with pytest.raises(OSError, match="Invalid argument"):
        store.close()  # such a device cannot be synced either
    JsonlStore(tmp_path / "other").close()


def test_a_file_that_cannot_be_replaced_is_named(tmp_path: Path) -> None:
    store = JsonlStore(tmp_path)
    (tmp_path / "plan.json").mkdir()
    with pytest.raises(StoreError, match="cannot write") as caught:
        store.put("plan.json", b"{}")
    assert caught.value.where.endswith("plan.json")
    store.close()


def test_a_second_process_may_join_the_one_that_holds_the_lock(tmp_path: Path) -> None:
    store = JsonlStore(tmp_path)
    other = JsonlStore.joined(tmp_path, redact=Redactor(("made-up-key",)))
    other.grouped = True
    other.add(sample("theirs", text="made-up-key"))
    store.add(sample("ours"))
    other.close()
    other.close()
    assert is_locked(tmp_path), "joining or leaving does not let go of the lock"
    store.close()
    assert sorted(cases(tmp_path)) == ["ours", "theirs"]
    assert b"made-up-key" not in (tmp_path / "samples.jsonl").read_bytes()


def test_a_run_without_a_file_has_no_records(tmp_path: Path) -> None:
    assert list(read_records(tmp_path, Sample)) == []


def test_a_run_is_locked_while_it_is_written(tmp_path: Path) -> None:
    assert not is_locked(tmp_path), "nobody ever wrote it"
    store = JsonlStore(tmp_path)
    assert is_locked(tmp_path)
    with pytest.raises(RunLockedError):
        remove(tmp_path)
    store.close()
    assert not is_locked(tmp_path)
    remove(tmp_path)
    assert not tmp_path.exists()


def test_a_run_that_is_not_there_cannot_be_deleted(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be deleted"):
        remove(tmp_path / "nothing")


def test_a_long_torn_line_is_cut_off(tmp_path: Path) -> None:
    store = JsonlStore(tmp_path)
    store.add(sample("one"))
    store.close()
    path = tmp_path / "samples.jsonl"
    path.write_bytes(path.read_bytes() + b'{"text": "' + b"x" * 200_000)
    JsonlStore(tmp_path).close()
    assert cases(tmp_path) == ["one"]
