"""Frozen records: the data that moves through bakeoff. No I/O, no behaviour beyond reading itself."""

from bakeoff.records.case import Case, Continuation, Message
from bakeoff.records.event import Event
from bakeoff.records.message import Call, Exchange, Likelihood, Request, Response, ServerFigures, Usage
from bakeoff.records.plan import Intent, Plan, Schedule, Stage
from bakeoff.records.result import (
    Bounds,
    Comparison,
    Distribution,
    Estimate,
    Results,
    StageCheck,
    StageResult,
    TargetResult,
    Verdict,
)
from bakeoff.records.sample import OUTCOMES, Attempt, Grade, Part, Sample, Score
from bakeoff.records.spec import (
    BenchmarkSpec,
    Choice,
    DecideSpec,
    LoadSpec,
    ModelSpec,
    PromptSpec,
    SloSpec,
    Spec,
    TimeoutSpec,
)
from bakeoff.records.target import Deployment, Price, Sampling, Target, Weights

__all__ = [
    "OUTCOMES",
    "Attempt",
    "BenchmarkSpec",
    "Bounds",
    "Call",
    "Case",
    "Choice",
    "Comparison",
    "Continuation",
    "DecideSpec",
    "Deployment",
    "Distribution",
    "Estimate",
    "Event",
    "Exchange",
    "Grade",
    "Intent",
    "Likelihood",
    "LoadSpec",
    "Message",
    "ModelSpec",
    "Part",
    "Plan",
    "Price",
    "PromptSpec",
    "Request",
    "Response",
    "Results",
    "Sample",
    "Sampling",
    "Schedule",
    "Score",
    "ServerFigures",
    "SloSpec",
    "Spec",
    "Stage",
    "StageCheck",
    "StageResult",
    "Target",
    "TargetResult",
    "TimeoutSpec",
    "Usage",
    "Verdict",
    "Weights",
]
