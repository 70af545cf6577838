"""Events are the same however the bytes were cut, and each has the arrival of the byte that ended it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.wire import split_events

EVENTS = [b'{"a": 1}', b"two words", b"[DONE]", b"", b"line one\nline two"]


def encode(payloads: list[bytes], newline: bytes) -> bytes:
    blocks = [newline.join(b"data: " + line for line in payload.split(b"\n")) for payload in payloads]
    return b"".join(block + newline * 2 for block in blocks)


def cut(body: bytes, cuts: list[int]) -> list[bytes]:
    marks = sorted({0, len(body), *(c % (len(body) + 1) for c in cuts)})
    return [body[a:b] for a, b in pairwise(marks)]


@given(
    st.lists(st.sampled_from(EVENTS), min_size=1, max_size=8),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.lists(st.integers(0, 400), max_size=12),
)
def test_any_chunking_gives_the_same_payloads(payloads: list[bytes], newline: bytes, cuts: list[int]) -> None:
    pieces = cut(encode(payloads, newline), cuts)
    events = split_events(pieces, list(range(len(pieces))))
    assert events.payloads == payloads


@given(st.lists(st.integers(0, 400), max_size=12), st.sampled_from([b"\n", b"\r\n"]))
def test_an_event_has_the_time_of_the_read_that_ended_it(cuts: list[int], newline: bytes) -> None:
    payloads = [b"first", b"second", b"third"]
    body = encode(payloads, newline)
    pieces = cut(body, cuts)
    events = split_events(pieces, list(range(len(pieces))))
    end = 0
    for index, time in enumerate(events.times):
        end += len(encode([payloads[index]], newline))
        read = next(i for i in range(len(pieces)) if sum(map(len, pieces[: i + 1])) >= end)
        assert time == read


def test_comments_and_empty_fields_are_no_events() -> None:
    body = b": ping\n\ndata: one\n\n:\n\nid: 7\n\nevent: x\ndata: two\n\n"
    events = split_events([body], [5])
    assert events.payloads == [b"one", b"two"]
    assert events.comments == 3
    assert events.names == {1: "x"}


def test_a_last_event_without_its_blank_line_is_kept() -> None:
    assert split_events([b"data: one\n\ndata: [DONE]"], [1]).payloads == [b"one", b"[DONE]"]


@pytest.mark.parametrize("line", [b"data:x", b"data: x"])
def test_one_space_after_the_colon_is_optional(line: bytes) -> None:
    assert split_events([line + b"\n\n"], [1]).payloads == [b"x"]


def test_no_bytes_are_no_events() -> None:
    assert split_events([], []).payloads == []


def test_a_byte_order_mark_before_the_stream_loses_no_event() -> None:
    events = split_events([b"\xef\xbb\xbfdata: one\n\n", b"data: two\n\n"], [1, 2])
    assert (events.payloads, events.times) == ([b"one", b"two"], [1, 2])
