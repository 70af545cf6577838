"""Leases of the servers that bakeoff starts: written before the start, cleaned up after a crash."""

from bakeoff.leases.lease import Lease, State, down, list_leases, release, state, state_dir, take, write
from bakeoff.leases.process import MARK, Process, alive, end, identify, marked, reap

__all__ = [
    "MARK",
    "Lease",
    "Process",
    "State",
    "alive",
    "down",
    "end",
    "identify",
    "list_leases",
    "marked",
    "reap",
    "release",
    "state",
    "state_dir",
    "take",
    "write",
]
