"""Times of the service: whole microseconds since 1970, UTC."""

from bakeoff import clock


def now_us() -> int:
    """Return the present moment."""
    return clock.wall_ns() // 1000


def iso(us: int | None) -> str | None:
    """Return a moment as ISO 8601 in UTC, None for none."""
    if us is None:
        return None
    return clock.iso_of(us * 1000)
