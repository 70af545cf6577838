"""What it takes to be surer: cases that would settle a gap of the size seen, and what they would cost."""

from collections.abc import Sequence

from bakeoff.decide.verdict.equivalents import cost_rows
from bakeoff.decide.verdict.field import Field
from bakeoff.decide.wording import usd_text
from bakeoff.records import Comparison
from bakeoff.stats.power import paired_cases


def surer(field: Field, rows: Sequence[Comparison]) -> list[str]:
    """Say for each comparison of passes and failures how many cases are needed; other kinds are left out."""
    texts: list[str] = []
    for row in rows:
        if not row.difference or row.only_a is None or row.only_b is None or "McNemar" not in row.test:
            continue
        gap, disagreement = abs(row.difference), (row.only_a + row.only_b) / row.n
        needed = paired_cases(gap, disagreement, alpha=1 - row.level)
        if needed is not None and needed > row.n:
            texts.append(
                f"to tell {row.a} from {row.b} if the true gap is the {100 * gap:.1f} points seen, about "
                f"{needed:,} cases are needed (80 % power, one comparison); {row.n:,} were used"
                + _money(field, row, needed - row.n)
            )
    return texts


def _money(field: Field, row: Comparison, more: int) -> str:
    costs = cost_rows(field, row.a, row.b)
    if costs is None:
        return ""
    each = sum(cost.per_1k_requests or 0.0 for cost in costs) / 1000
    return f", so {more:,} more for each: about {usd_text(more * each)}"
