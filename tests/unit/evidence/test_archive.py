"""The archive: written alike every time, and read as if by an enemy."""

import io
import stat
import zipfile
from pathlib import Path

import pytest

from bakeoff.errors import NoRoomError, StoreError
from bakeoff.evidence import Content, FileFacts, Finding, pack, read_member, safety, unpack


def archive(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> zipfile.ZipFile:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for name, content in entries:
            file.writestr(name, content)
    return zipfile.ZipFile(data)


def texts(found: list[Finding]) -> list[str]:
    return [f"{each.file}: {each.text}" for each in found]


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def packed(name: str, how: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.compress_type = how
    return info


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("../spec.yaml", "leads out"),
        ("report/../../spec.yaml", "leads out"),
        ("/spec.yaml", "leads out"),
        ("\\spec.yaml", "leads out"),
        ("..\\spec.yaml", "leads out"),
        ("C:\\spec.yaml", "no such file"),
        ("spec.yaml/", "a folder"),
        ("other.txt", "no such file"),
        (link("spec.yaml"), "a link"),
        (packed("spec.yaml", zipfile.ZIP_LZMA), "packed in a way"),
    ],
)
def test_an_entry_that_could_do_harm_is_named(entry: str | zipfile.ZipInfo, why: str) -> None:
    found = safety(archive((entry, b"x"), ("plan.json", b"{}")))
    assert len(found) == 1
    assert why in found[0].text
    assert "spec" in found[0].file or "other" in found[0].file


def test_a_null_byte_does_not_hide_a_name() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("spec.yamlX..", b"x")
    raw = data.getvalue().replace(b"spec.yamlX..", b"spec.yaml\0..")
    found = safety(zipfile.ZipFile(io.BytesIO(raw)))
    assert "leads out" in found[0].text


def test_a_name_that_is_there_twice_is_named() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        double = archive(("spec.yaml", b"a"), ("spec.yaml", b"b"))
    assert texts(safety(double)) == ["spec.yaml: this name is there twice"]


def test_an_encrypted_file_is_named() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("spec.yaml", b"x")
    raw = bytearray(data.getvalue())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    assert texts(safety(zipfile.ZipFile(io.BytesIO(bytes(raw))))) == ["spec.yaml: this file is encrypted"]


def test_files_that_would_fill_the_disk_are_not_unpacked() -> None:
    big = archive(("samples.jsonl", b"x" * 1000), ("spec.yaml", b"x" * 500))
    assert safety(big, largest=1500) == []
    assert "1,500 bytes, more than the 1,499" in safety(big, largest=1499)[0].text


def test_a_manifest_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bakeoff.evidence.archive._DOCUMENT", 10)
    assert texts(safety(archive(("manifest.json", b"x" * 11)))) == [
        "manifest.json: this file takes more than 10 bytes"
    ]
    assert safety(archive(("manifest.json", b"x" * 10), ("spec.yaml", b"x" * 11))) == []


def test_nothing_is_unpacked_where_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        free = 3

    monkeypatch.setattr("bakeoff.evidence.archive.shutil.disk_usage", lambda _: Full())
    with pytest.raises(NoRoomError, match="no room to unpack 4 bytes: 3 are free") as caught:
        unpack(archive(("spec.yaml", b"abcd")), ["spec.yaml"], tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert caught.value.where == str(tmp_path)
    assert "TMPDIR" in caught.value.hint


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a file that is always full")
def test_a_disk_that_fills_up_meanwhile_is_no_flaw_of_the_archive(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").symlink_to("/dev/full")
    for size in (4, 1 << 20):  # one that is written when the file is closed, one before that
        with pytest.raises(NoRoomError, match="cannot be unpacked: No space left on device") as caught:
            unpack(archive(("spec.yaml", b"x" * size)), ["spec.yaml"], tmp_path)
        assert (caught.value.where, caught.value.exit_code) == (str(tmp_path), 2)


def test_a_folder_that_cannot_be_made_is_no_flaw_of_the_archive(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NoRoomError, match="cannot be unpacked: Not a directory"):
        unpack(archive(("spec.yaml", b"abcd")), ["spec.yaml"], tmp_path / "file" / "run")


def test_what_is_packed_comes_out_again(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b"one\ntwo\n")
    contents = [Content(name="samples.jsonl", path=tmp_path / "rows"), Content(name="plan.json", data=b"{}")]
    pack(tmp_path / "a.zip", contents, [])
    pack(tmp_path / "b.zip", reversed(contents), [])
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        assert file.namelist() == ["plan.json", "samples.jsonl"]
        found = unpack(file, ["samples.jsonl", "plan.json", "spec.yaml"], tmp_path / "out")
        assert read_member(file, "plan.json") == b"{}"
        assert read_member(file, "spec.yaml") is None
    assert found.findings == []
    assert {name: (each.lines, each.bytes) for name, each in found.hashes.items()} == {
        "samples.jsonl": (2, 8),
        "plan.json": (1, 2),
    }
    assert (tmp_path / "out" / "samples.jsonl").read_bytes() == b"one\ntwo\n"


def test_a_file_that_changes_while_it_is_packed_is_refused(tmp_path: Path) -> None:
    facts = FileFacts(name="plan.json", sha256="0" * 64, bytes=2)
    with pytest.raises(StoreError, match="changed while it was packed"):
        pack(tmp_path / "a.zip", [Content(name="plan.json", data=b"{}")], [facts])
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot write"):
        pack(tmp_path / "none" / "a.zip", [], [])


def test_a_damaged_file_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    pack(tmp_path / "a.zip", [Content(name=n, data=b"x" * 999) for n in ("plan.json", "spec.yaml")], [])
    raw = bytearray((tmp_path / "a.zip").read_bytes())
    raw[raw.index(b"plan.json") + 10] ^= 0xFF
    with zipfile.ZipFile(io.BytesIO(bytes(raw))) as file:
        found = unpack(file, ["plan.json", "spec.yaml"], tmp_path)
        member = read_member(file, "plan.json")
    assert [each.file for each in found.findings] == ["plan.json"]
    assert found.hashes["spec.yaml"].bytes == 999
    assert isinstance(member, Finding)
    assert "cannot be read" in member.text
