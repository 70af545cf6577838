import gzip
from pathlib import Path
from random import Random

import pytest

from bakeoff.datasets.jsonl import JsonLines
from bakeoff.errors import DataError
from bakeoff.records import Case


def read(path: Path, **options: str) -> list[Case]:
    return list(JsonLines(path=path.name, **options).cases(path.parent, Random(0)))


def fails(path: Path, **options: str) -> str:
    with pytest.raises(DataError) as caught:
        read(path, **options)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cases.jsonl"


def test_rows_keep_their_line_past_blank_ones_and_a_byte_order_mark(path):
    path.write_bytes('\ufeff{"input": "é"}\r\n\n  \n{"input": "b"}'.encode())
    assert [(case.fields, case.line) for case in read(path)] == [({"input": "é"}, 1), ({"input": "b"}, 4)]


def test_a_unicode_line_separator_inside_text_ends_no_row(path):
    path.write_text('{"input": "a\u2028b\x85c"}\n', encoding="utf-8")
    assert read(path)[0].fields == {"input": "a\u2028b\x85c"}


def test_a_compressed_file_reads_the_same(tmp_path):
    path = tmp_path / "cases.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n{"a": 2}\n'))
    assert [case.fields["a"] for case in read(path)] == [1, 2]


def test_a_cut_or_false_gzip_file_is_named(tmp_path):
    path = tmp_path / "cases.jsonl.gz"
    path.write_bytes(b'{"a": 1}\n')
    assert "cases.jsonl.gz" in fails(path)
    path.write_bytes(gzip.compress(b'{"a": 1}\n' * 1000)[:-20])
    assert "cases.jsonl.gz" in fails(path)


def test_absolute_paths_are_taken_as_they_stand(path):
    path.write_text('{"a": 1}\n')
    assert next(JsonLines(path=str(path)).cases(Path("/nowhere"), Random(0))).line == 1


@pytest.mark.parametrize(
    ("row", "fix"),
    [
        ('{"a": 1', "one whole JSON object"),
        ("{'a': 1}", "double quotes"),
        ('{"a": 1},', "commas"),
        ('{"a": NaN}', "null"),
        ("[", "jq -c"),
        ("[1, 2]", "jq -c"),
        ('"text"', "must be an object"),
        ("[" * 100_000, "cases.jsonl:2"),
    ],
)
def test_a_bad_row_names_its_line_and_the_fix(path, row, fix):
    path.write_text('{"a": 1}\n' + row + "\n")
    message = fails(path)
    assert "cases.jsonl:2: " in message
    assert fix in message


def test_a_byte_that_is_no_utf8_names_its_line_and_encoding_fixes_it(path):
    path.write_bytes('{"a": 1}\n{"a": "café"}\n'.encode("cp1252"))
    message = fails(path)
    assert "cases.jsonl:2: byte 0xe9 at column 11 is not utf-8" in message
    assert read(path, encoding="cp1252")[1].fields == {"a": "café"}


def test_utf16_is_read_and_a_wrong_one_refused(path):
    path.write_bytes('{"a": "ü"}\n'.encode("utf-16"))
    assert read(path, encoding="utf-16")[0].fields == {"a": "ü"}
    path.write_bytes(b'{"a": 1}\n')
    assert "encoding" in fails(path, encoding="utf-16")


def test_an_unknown_encoding_is_refused(path):
    path.write_text("{}\n")
    assert "`klingon` is not a known encoding" in fails(path, encoding="klingon")


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_a_file_without_rows_is_refused(path, content):
    path.write_text(content)
    assert "holds no rows" in fails(path)


def test_a_missing_file_suggests_the_near_one(path):
    (path.parent / "case.jsonl").write_text("{}\n")
    assert "Did you mean `case.jsonl`?" in fails(path)
    assert "no folder" in fails(path.parent / "nowhere" / "x.jsonl")


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "d").mkdir()
    assert "cannot be read" in fails(tmp_path / "d")
