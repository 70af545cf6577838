"""Bounded processes for code that is not ours: limited in time, memory and output, without network.

It knows nothing of answers and scores. `launch.py`, `jail.py`, `serve.py` and `serve.js` run inside the
processes and import nothing of bakeoff.
"""

from bakeoff.sandbox.confinement import confine, confined, is_confined, unconfinable
from bakeoff.sandbox.patterns import Found, TooSlowError, find
from bakeoff.sandbox.scripts import FILE, Script, call, script
from bakeoff.sandbox.worker import Limits, Reply, Worker, node, once
from bakeoff.sandbox.workers import Workers

__all__ = [
    "FILE",
    "Found",
    "Limits",
    "Reply",
    "Script",
    "TooSlowError",
    "Worker",
    "Workers",
    "call",
    "confine",
    "confined",
    "find",
    "is_confined",
    "node",
    "once",
    "script",
    "unconfinable",
]
