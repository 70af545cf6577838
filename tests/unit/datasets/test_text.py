from random import Random

import pytest

from bakeoff.datasets.text import TextLines
from bakeoff.errors import DataError


def test_each_line_is_an_input(tmp_path):
    (tmp_path / "p.txt").write_bytes("\ufeffone \n\n  two\r\n".encode())
    cases = list(TextLines(path="p.txt").cases(tmp_path, Random(0)))
    assert [(case.fields, case.line) for case in cases] == [({"input": "one"}, 1), ({"input": "two"}, 3)]


def test_a_blank_file_and_foreign_bytes_are_refused(tmp_path):
    (tmp_path / "p.txt").write_bytes(b"\n\n")
    with pytest.raises(DataError, match="holds no lines"):
        list(TextLines(path="p.txt").cases(tmp_path, Random(0)))
    (tmp_path / "p.txt").write_bytes(b"ok\n\xff\n")
    with pytest.raises(DataError, match=r"p\.txt:2: byte 0xff"):
        list(TextLines(path="p.txt").cases(tmp_path, Random(0)))
