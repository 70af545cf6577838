"""Where a file was changed, by the hashes of its lines."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.evidence.lines import SIZE, LineHasher, Moved, read_lines, where_changed


def marks(lines: str) -> bytes:
    return b"".join(letter.encode() * SIZE for letter in lines)


@pytest.mark.parametrize(
    ("signed", "found", "moved"),
    [
        ("abc", "axc", Moved(first=2, changed=[2])),
        ("abcdef", "xbcdey", Moved(first=1, changed=[1, 6])),
        ("aabbaab", "aabxaab", Moved(first=4, changed=[4])),
        ("abc", "ac", Moved(first=2, removed=[2])),
        ("abc", "abxc", Moved(first=3, added=[3])),
        ("aab", "aaab", Moved(first=3, added=[3])),
        ("abcdef", "bcdefx", Moved(first=1, added=[6], removed=[1])),
        ("abc", "bac", Moved(first=1, reordered=True)),
        ("a", "", Moved(first=1, removed=[1])),
        ("", "a", Moved(first=1, added=[1])),
    ],
)
def test_a_change_is_found_in_its_line(signed: str, found: str, moved: Moved) -> None:
    assert where_changed(marks(signed), marks(found)) == moved


lines = st.text("abcd", max_size=12)


@given(lines, lines)
def test_what_is_told_turns_one_file_into_the_other(signed: str, found: str) -> None:
    moved = where_changed(marks(signed), marks(found))
    if moved is None:
        assert signed == found
        return
    assert signed[: moved.first - 1] == found[: moved.first - 1]
    assert signed[moved.first - 1 : moved.first] != found[moved.first - 1 : moved.first]
    if moved.changed:
        rest = [at for at in range(len(signed)) if at + 1 not in moved.changed]
        assert len(signed) == len(found)
        assert all(signed[at] == found[at] for at in rest)
    else:
        kept = [each for at, each in enumerate(signed, 1) if at not in moved.removed]
        new = [each for at, each in enumerate(found, 1) if at not in moved.added]
        assert sorted(kept) == sorted(new)
        assert moved.reordered == (sorted(signed) == sorted(found))


def test_lines_are_hashed_with_the_whole() -> None:
    hasher = LineHasher()
    for line in read_lines(io.BytesIO(b"one\ntwo\nthree")):
        hasher.add(line)
    assert (hasher.lines, hasher.bytes) == (3, 13)
    assert hasher.sha256 == "058053d87c818d699cde0f00d670bca0e1c6ad857caa9758ea6a556d7c64fcee"


def test_a_file_without_line_ends_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bakeoff.evidence.lines.LONGEST", 4)
    assert list(read_lines(io.BytesIO(b"abcdefghij"))) == [b"abcd", b"efgh", b"ij"]
