"""Public test tools: the truth server and the contract suites."""

from bakeoff.testing.truth import Fault, TruthProcess, TruthServer, TruthSettings

__all__ = ["Fault", "TruthProcess", "TruthServer", "TruthSettings"]
