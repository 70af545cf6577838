"""Measure and show what this machine can do as a client."""

import click

from bakeoff.cli._terminal import say
from bakeoff.run.calibrate import Calibration, Effort, calibrate, figures
from bakeoff.run.loop import run_async

_WIDTH = 16


def measure_limits(seconds: float) -> Calibration:
    """Measure for about so many seconds."""
    click.echo("measuring this machine's limits as a client; leave it alone for half a minute", err=True)
    return run_async(calibrate(Effort.within(seconds)))


def print_limits(limits: Calibration) -> None:
    """Print every figure with what follows from it."""
    say(f"\nlimits of one client process, on {limits.cores} cores that the server shares", bold=True)
    for figure in figures(limits):
        say(f"{figure.name:<{_WIDTH}}{figure.text}")
        say(f"{'':<{_WIDTH}}-> {figure.meaning}")
