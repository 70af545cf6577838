"""Anchors and offsets: times of a run go on where they stopped, and never run backwards."""

import time

import msgspec

from bakeoff import clock
from bakeoff.clock import Anchor


def test_a_new_anchor_is_now():
    before = time.monotonic_ns()
    anchor = Anchor.take()
    assert before <= anchor.mono_ns <= time.monotonic_ns()
    assert abs(anchor.wall_ns - time.time_ns()) < 5_000_000_000


def test_on_the_same_boot_a_stored_anchor_goes_on_exactly():
    anchor = Anchor.take()
    assert anchor.boot == clock.boot_id()
    stored = msgspec.json.decode(msgspec.json.encode(anchor), type=Anchor)
    assert stored.continued() == anchor


def test_after_a_reboot_zero_is_placed_by_the_wall_clock():
    hour = 3600 * 10**9
    old = Anchor(wall_ns=clock.wall_ns() - hour, mono_ns=7, boot="another boot")
    new = old.continued()
    assert (new.wall_ns, new.boot) == (old.wall_ns, clock.boot_id())
    assert abs((clock.now_ns() - new.mono_ns) - hour) < 5_000_000_000


def test_without_a_boot_id_the_wall_clock_decides():
    nameless = Anchor(wall_ns=clock.wall_ns(), mono_ns=5, boot="")
    assert nameless.continued().mono_ns != 5


def test_a_system_without_boot_ids_gives_an_empty_one(monkeypatch, tmp_path):
    monkeypatch.setattr(clock, "Path", lambda _: tmp_path / "nowhere")
    assert clock.boot_id() == ""


def test_the_offset_puts_wall_times_on_the_monotonic_clock():
    offset = clock.realtime_offset_ns()
    low = clock.now_ns()
    real = clock.wall_ns()
    high = clock.now_ns()
    assert low - 1_000_000 <= real - offset <= high + 1_000_000


def test_wall_time_is_written_in_utc_with_seconds():
    text = clock.wall_iso()
    assert text.endswith("+00:00")
    assert len(text) == 25
