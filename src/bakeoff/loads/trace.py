"""Requests at the moments at which they came in production."""

from pathlib import Path
from random import Random
from typing import Annotated

import msgspec

from bakeoff.records import Schedule
from bakeoff.traces import read_trace

Speed = Annotated[float, msgspec.Meta(gt=0)]


class Trace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An open loop that sends each request as long after the first as the trace says.

    The file has one JSON object per line, in order of time: `{"timestamp": SECONDS, "prompt_tokens": N,
    "output_tokens": N}` (`at` is another name of `timestamp`), or the Mooncake form, `{"timestamp":
    MILLISECONDS, "input_length": N, "output_length": N, "hash_ids": [...]}`. The load takes the times
    alone; the data set `trace` makes prompts of the lengths. Without a number of requests the plan has as
    many as the trace; a longer plan starts the trace over, one mean gap after its end.

    Attributes:
        path: the file; `.gz` is read as it stands.
        speed: 2 replays the trace in half the time, 0.5 in twice the time.
    """

    path: str
    speed: Speed = 1.0

    def schedule(self, count: int, rng: Random) -> Schedule:  # noqa: ARG002  the trace says when
        """Return the due times of `count` requests.

        Raises:
            DataError: the file cannot be read.
        """
        times = self._times()
        rounds = times[-1] + (times[-1] / (len(times) - 1) if len(times) > 1 else 0)
        return Schedule(
            due_ns=tuple(
                round((times[i % len(times)] + i // len(times) * rounds) / self.speed) for i in range(count)
            )
        )

    def length(self) -> int | None:
        """Return how many requests the trace has.

        Raises:
            DataError: the file cannot be read.
        """
        return len(self._times())

    def _times(self) -> list[int]:
        return [row.at_ns for row in read_trace(Path(self.path))]
