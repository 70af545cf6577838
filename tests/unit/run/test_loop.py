"""A run that is stopped always says how to go on."""

import asyncio

import pytest

from bakeoff.errors import InterruptedRun
from bakeoff.run.loop import resumable


@pytest.mark.parametrize("stop", [KeyboardInterrupt, asyncio.CancelledError])
def test_any_stop_at_once_names_the_command_that_goes_on(stop: type[BaseException]) -> None:
    with pytest.raises(InterruptedRun) as caught, resumable("bakeoff resume --out runs"):
        raise stop
    assert caught.value.hint == "bakeoff resume --out runs"
    assert caught.value.exit_code == 130
