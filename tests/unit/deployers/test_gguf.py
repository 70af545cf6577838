"""The head of a GGUF file is read right, and no broken file gets past it."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.deployers._gguf import read_gguf
from bakeoff.errors import WeightsError
from bakeoff.testing.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "tiny.gguf").read_bytes()


def read(folder: Path, data: bytes) -> object:
    path = folder / "model.gguf"
    path.write_bytes(data)
    return read_gguf(path)


def test_the_head_tells_what_the_weights_are(tmp_path: Path) -> None:
    head = read_gguf(write_tiny_model(tmp_path / "tiny.gguf"))
    assert (head.architecture, head.name, head.precision) == ("llama", "Tiny", "F32")
    assert (head.context, head.shards, head.tensors) == (4096, 1, 12)


def test_a_chat_template_is_seen(tmp_path: Path) -> None:
    assert not read_gguf(write_tiny_model(tmp_path / "a.gguf")).chat_template
    assert read_gguf(write_tiny_model(tmp_path / "b.gguf", template="{{ messages }}")).chat_template


def test_an_unknown_precision_is_none(tmp_path: Path, tiny: bytes) -> None:
    key = b"general.file_type" + struct.pack("<I", 4)
    changed = tiny.replace(key + struct.pack("<I", 0), key + struct.pack("<I", 999))
    assert changed != tiny
    assert getattr(read(tmp_path, changed), "precision", "") is None


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="there is no such file"):
        read_gguf(tmp_path / "none.gguf")


def test_a_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        read_gguf(tmp_path)


def test_an_empty_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is empty"):
        read(tmp_path, b"")


def test_wrong_magic_is_shown(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no GGUF file: it begins with b'<htm'"):
        read(tmp_path, b"<html>not found</html>")


def test_an_unknown_version_is_refused(tmp_path: Path, tiny: bytes) -> None:
    with pytest.raises(WeightsError, match="version 9"):
        read(tmp_path, b"GGUF" + struct.pack("<I", 9) + tiny[8:])


def test_one_byte_less_is_noticed(tmp_path: Path, tiny: bytes) -> None:
    read(tmp_path, tiny)
    with pytest.raises(WeightsError, match=f"it has {len(tiny) - 1:,} bytes, its tensors need {len(tiny):,}"):
        read(tmp_path, tiny[:-1])


@given(share=st.floats(0, 1, exclude_max=True))
def test_every_cut_is_noticed(tmp_path_factory: pytest.TempPathFactory, tiny: bytes, share: float) -> None:
    with pytest.raises(WeightsError):
        read(tmp_path_factory.getbasetemp(), tiny[: int(len(tiny) * share)])


@given(data=st.data())
def test_a_damaged_head_gives_an_answer_or_a_weights_error(
    tmp_path_factory: pytest.TempPathFactory, tiny: bytes, data: st.DataObject
) -> None:
    damaged = bytearray(tiny)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, 1200))] = data.draw(st.integers(0, 255))
    try:
        read(tmp_path_factory.getbasetemp(), bytes(damaged))
    except WeightsError as error:
        assert error.where  # noqa: PT017  either outcome is right, a third is not


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (99, b""),
        (9, struct.pack("<IQ", 99, 1)),
        (9, struct.pack("<IQ", 8, 1 << 40)),
        (9, struct.pack("<IQ", 9, 1) * 8),
        (8, struct.pack("<Q", 1 << 63)),
    ],
)
def test_an_absurd_value_is_refused(tmp_path: Path, kind: int, value: bytes) -> None:
    pair = struct.pack("<Q", 1) + b"k" + struct.pack("<I", kind) + value
    with pytest.raises(WeightsError, match=r"corrupt|cut short"):
        read(tmp_path, b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + pair + bytes(64))


def test_an_absurd_tensor_is_refused(tmp_path: Path) -> None:
    tensor = struct.pack("<Q", 1) + b"t" + struct.pack("<I", 1 << 30)
    with pytest.raises(WeightsError, match="1073741824 dimensions"):
        read(tmp_path, b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + tensor + bytes(64))


def test_nested_arrays_and_other_alignments_are_read(tmp_path: Path) -> None:
    inner = struct.pack("<IQB", 0, 1, 7)
    nested = struct.pack("<Q", 1) + b"n" + struct.pack("<IIQ", 9, 9, 2) + inner * 2
    key = b"general.alignment"
    aligned = struct.pack("<Q", len(key)) + key + struct.pack("<II", 4, 64)
    tensor = struct.pack("<Q", 1) + b"t" + struct.pack("<IQIQ", 1, 4, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 2) + nested + aligned + tensor
    full = head + bytes(-len(head) % 64) + bytes(16)
    read(tmp_path, full)
    with pytest.raises(WeightsError, match="cut short"):
        read(tmp_path, full[:-1])
