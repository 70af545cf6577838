import csv
import gzip
import io
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.datasets.csv import CsvFile
from bakeoff.errors import DataError
from bakeoff.records import Case


def read(path: Path, **options: str) -> list[Case]:
    return list(CsvFile(path=path.name, **options).cases(path.parent, Random(0)))


def fails(path: Path, text: str, **options: str) -> str:
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read(path, **options)
    return str(caught.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cases.csv"


def test_cells_become_fields_and_lines_are_where_rows_begin(path):
    path.write_bytes('\ufeffinput, answer\r\n"two\r\nlines","say ""hi"""\r\n\r\nb,c\r\n'.encode())
    assert [(case.fields, case.line) for case in read(path)] == [
        ({"input": "two\r\nlines", "answer": 'say "hi"'}, 2),
        ({"input": "b", "answer": "c"}, 5),
    ]


@pytest.mark.parametrize("name", ["cases.tsv", "cases.tsv.gz", "CASES.TSV"])
def test_a_tsv_suffix_means_tabs(tmp_path, name):
    content = b"a\tb\n1,5\t2\n"
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert read(tmp_path / name)[0].fields == {"a": "1,5", "b": "2"}


def test_delimiter_overrides_the_suffix(path):
    path.write_text("a;b\n1;2\n")
    assert read(path, delimiter=";")[0].fields == {"a": "1", "b": "2"}


def test_a_delimiter_of_two_characters_is_refused_at_the_edge():
    with pytest.raises(msgspec.ValidationError, match="delimiter"):
        msgspec.convert({"path": "x", "delimiter": "||"}, CsvFile)


def test_too_many_and_too_few_cells_name_their_line(path):
    assert "cases.csv:3: 3 cells for 2 columns" in fails(path, "a,b\n1,2\n1,2,3\n")
    assert "cases.csv:2: 1 cells for 2 columns" in fails(path, "a,b\n1\n")


def test_equal_and_empty_column_names_are_refused(path):
    assert "columns 1 and 3 are both named `a`" in fails(path, "a,b, a \n1,2,3\n")
    assert "column 2 has no name" in fails(path, "a,\n1,2\n")


def test_broken_quotes_name_the_line_where_the_row_begins(path):
    assert "cases.csv:3:" in fails(path, 'a,b\n1,2\n"open,2\n3,4\n')


def test_a_header_alone_and_nothing_at_all_are_refused(path):
    assert "no rows below its header" in fails(path, "a,b\n")
    assert "no header line" in fails(path, "")


def test_bytes_of_another_encoding_name_their_line(path):
    path.write_bytes("a,b\n1,2\né,2\n".encode("cp1252"))
    with pytest.raises(DataError, match=r"cases\.csv:3: byte 0xe9"):
        read(path)
    assert read(path, encoding="cp1252")[1].fields["a"] == "é"


def test_a_cell_longer_than_the_modules_limit_is_read_and_the_limit_restored(path):
    before = csv.field_size_limit()
    path.write_text("a\n" + "x" * 200_000 + "\n")
    assert len(read(path)[0].fields["a"]) == 200_000
    assert csv.field_size_limit() == before


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8))
def test_what_the_csv_module_writes_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    path.write_bytes(text.getvalue().encode())
    assert [(case.fields["a"], case.fields["b"]) for case in read(path)] == rows
