"""The only module that reads a clock.

Durations come from the monotonic clock in whole nanoseconds. A run has one wall-clock anchor;
a run's own time is monotonic nanoseconds since that anchor.
"""

import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

now_ns = time.monotonic_ns
wall_ns = time.time_ns
cpu_ns = time.process_time_ns


def wall_iso() -> str:
    """Return the current UTC time as ISO 8601 with seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def iso_of(wall: int) -> str:
    """Return wall-clock nanoseconds as ISO 8601 in UTC with milliseconds."""
    moment = datetime.fromtimestamp(wall // 1_000_000 / 1e3, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day_of(wall: int) -> str:
    """Return the UTC day of wall-clock nanoseconds, as YEAR-MONTH-DAY."""
    return datetime.fromtimestamp(wall / 1e9, UTC).date().isoformat()


def boot_id() -> str:
    """Name this boot of the machine; empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run's time zero lies on the wall clock and on this boot's monotonic clock."""

    wall_ns: int
    mono_ns: int
    boot: str

    @classmethod
    def take(cls) -> "Anchor":
        """Anchor a new run at this moment."""
        return cls(wall_ns=wall_ns(), mono_ns=now_ns(), boot=boot_id())

    def continued(self) -> "Anchor":
        """Carry a stored anchor over to this process.

        On the same boot the monotonic clock still runs, so times go on exactly. After a reboot
        zero is placed by the wall clock, which is only as good as that clock.
        """
        if self.boot and self.boot == boot_id():
            return self
        return Anchor(wall_ns=self.wall_ns, mono_ns=now_ns() - (wall_ns() - self.wall_ns), boot=boot_id())


def realtime_offset_ns() -> int:
    """Return CLOCK_REALTIME minus the monotonic clock, taken between two close monotonic reads.

    Kernel receive stamps are CLOCK_REALTIME; subtracting this offset puts them on the run's clock.
    The tightest of a few tries bounds the error by half its read gap (well under a microsecond).
    """
    best_gap = 1 << 62
    offset = 0
    for _ in range(5):
        before = now_ns()
        real = wall_ns()
        after = now_ns()
        if after - before < best_gap:
            best_gap = after - before
            offset = real - (before + after) // 2
    return offset
