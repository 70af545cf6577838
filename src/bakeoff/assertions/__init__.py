"""Assertions in promptfoo's form: single scorers, negated, weighted, transformed and combined to one grade.

It makes the single scorers through `plugins` and knows nothing of what they look at.
"""

from bakeoff.assertions.cases import check_cases, parts_of, settled
from bakeoff.assertions.make import AnyScorer, counted_together, dressed, make, metrics, placed, together

__all__ = [
    "AnyScorer",
    "check_cases",
    "counted_together",
    "dressed",
    "make",
    "metrics",
    "parts_of",
    "placed",
    "settled",
    "together",
]
