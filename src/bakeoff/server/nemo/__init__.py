"""NeMo evaluations: read, run by our own engine, graded, told as NeMo's results. It knows no routes."""

from bakeoff.server.nemo.aims import Aim, aim_of
from bakeoff.server.nemo.estimates import estimates
from bakeoff.server.nemo.figures import figures
from bakeoff.server.nemo.given import grade_given
from bakeoff.server.nemo.native import native_job
from bakeoff.server.nemo.shapes import Config, Target, read_config, read_target

__all__ = [
    "Aim",
    "Config",
    "Target",
    "aim_of",
    "estimates",
    "figures",
    "grade_given",
    "native_job",
    "read_config",
    "read_target",
]
