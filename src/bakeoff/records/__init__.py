"""Frozen records: the data that moves through bakeoff. No I/O, no behaviour beyond reading itself."""

from bakeoff.records.case import Case, Continuation, Message
from bakeoff.records.costs import BreakEven, PriceUsed, TargetCost
from bakeoff.records.event import Event
from bakeoff.records.message import Call, Exchange, Likelihood, Request, Response, ServerFigures, Usage
from bakeoff.records.plan import Intent, Plan, PlannedRace, Schedule, Stage
from bakeoff.records.price import BatchPrice, Price, PriceBook, PriceEntry, PriceTier, Rates
from bakeoff.records.result import (
    Bounds,
    Comparison,
    Constraint,
    Distribution,
    Estimate,
    Place,
    Ranking,
    Results,
    StageCheck,
    StageResult,
    TargetResult,
    Verdict,
)
from bakeoff.records.rule import BudgetRule, DecideSpec, MetricRule, QualityRule, RaceRule, SloSpec
from bakeoff.records.sample import OUTCOMES, Attempt, Grade, Part, Sample, Score
from bakeoff.records.spec import BenchmarkSpec, Choice, LoadSpec, ModelSpec, PromptSpec, Spec, TimeoutSpec
from bakeoff.records.target import Deployment, Sampling, Target, Weights

__all__ = [
    "OUTCOMES",
    "Attempt",
    "BatchPrice",
    "BenchmarkSpec",
    "Bounds",
    "BreakEven",
    "BudgetRule",
    "Call",
    "Case",
    "Choice",
    "Comparison",
    "Constraint",
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
    "MetricRule",
    "ModelSpec",
    "Part",
    "Place",
    "Plan",
    "PlannedRace",
    "Price",
    "PriceBook",
    "PriceEntry",
    "PriceTier",
    "PriceUsed",
    "PromptSpec",
    "QualityRule",
    "RaceRule",
    "Ranking",
    "Rates",
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
    "TargetCost",
    "TargetResult",
    "TimeoutSpec",
    "Usage",
    "Verdict",
    "Weights",
]
