"""The truth server: a fake OpenAI endpoint that knows when it wrote each token.

It stands on loopback only. What it measures of itself is served at `/truth`, so that any client's
numbers can be held against it.
"""

from bakeoff.testing.truth.process import TruthProcess
from bakeoff.testing.truth.records import Quantiles, TruthRecord, TruthSummary
from bakeoff.testing.truth.server import TruthServer
from bakeoff.testing.truth.settings import Fault, TruthSettings, merge, parse

__all__ = [
    "Fault",
    "Quantiles",
    "TruthProcess",
    "TruthRecord",
    "TruthServer",
    "TruthSettings",
    "TruthSummary",
    "merge",
    "parse",
]
