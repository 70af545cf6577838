"""The sums of a forecast in lines, and its money and times in words."""

from collections.abc import Iterator

from bakeoff.run.planning import Forecast


def usd_text(likely: float | None, most: float | None) -> str:
    """Return the likely money and the most it may be."""
    if most is not None and likely == most:
        return short(most)
    bound = "unknown" if most is None else f"up to {short(most)}"
    return bound if likely is None else f"about {short(likely)}, {bound}"


def short(value: float) -> str:
    """Return a number with four significant digits, or all of those before the point."""
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Return a time in words."""
    unit, size = ("s", 1) if seconds < 120 else ("min", 60) if seconds < 7200 else ("h", 3600)
    value = seconds / size
    return f"{value:.3g} {unit}" if value < 100 else f"{value:,.0f} {unit}"


def sums(found: Forecast) -> Iterator[str]:
    """Yield the totals, price classes, hardware, what is unknown, and the hashes."""
    yield f"in all      {found.calls:,} calls, USD {_whole_usd(found)}, time {_whole_time(found)}"
    yield from _classes(found)
    yield from _judges(found)
    judged = {(each.benchmark, each.scorer) for each in found.judges}
    for grading in found.gradings:
        if (grading.benchmark, grading.scorer) in judged:
            continue
        what = f"{grading.scorer} grades {grading.answers:,} answers"
        yield f"grading     {grading.benchmark}: {what}; what that takes is not in these numbers"
    for one in found.hardware:
        hours = "for an unknown time" if one.hours is None else f"for {duration(3600 * one.hours)}"
        gpus = "" if one.gpu_hours is None else f", {short(one.gpu_hours)} GPU hours"
        paid = "" if one.usd is None else f", USD {short(one.usd)}"
        where = one.accelerators or ("its own server" if one.started else "rented")
        yield f"hardware    {one.target}: {where} {hours}{gpus}{paid}"
    for line in found.unknown:
        yield f"unknown     {line}"
    yield f"plan hash   {found.plan_hash or 'known once weights and variables are there'}"
    yield f"rule hash   {found.rule_hash} (stored in the run)"


def _judges(found: Forecast) -> Iterator[str]:
    """Yield what each judge takes: it is in no sum of the targets."""
    for each in found.judges:
        prompt = "unknown" if each.prompt_most is None else f"up to {each.prompt_most:,}"
        output = "unknown" if each.output_most is None else f"up to {each.output_most:,}"
        paid = usd_text(None, each.usd_most) + (f" ({each.unpriced})" if each.unpriced else "")
        yield f"judge       {each.benchmark}: {each.judge} judges {each.calls:,} answers, in none of the sums"
        yield f"  tokens        {prompt} of prompts, {output} of answers, USD {paid}"
        for charge in each.charges:
            yield f"  {charge.price_class:<14}{charge.tokens:,}, USD {short(charge.usd)}"


def _whole_usd(found: Forecast) -> str:
    """Return the money in all; where a part is unknown, that of the others as well."""
    known = [each.usd_most for each in found.efforts if each.usd_most is not None]
    known += [one.usd for one in found.hardware if one.usd is not None]
    whole = usd_text(found.usd, found.usd_most)
    return (
        whole
        if found.usd_most is not None or not known
        else f"{whole}, of what is known up to {short(sum(known))}"
    )


def _whole_time(found: Forecast) -> str:
    known = [each.seconds for each in found.efforts if each.seconds is not None]
    if not known:
        return "unknown"
    return f"{'at least ' if found.seconds is None else ''}{duration(sum(known))}"


def _classes(found: Forecast) -> Iterator[str]:
    charges = [charge for each in found.efforts for charge in each.charges]
    for name in dict.fromkeys(charge.price_class for charge in charges):
        own = [charge for charge in charges if charge.price_class == name]
        what = "calls" if name == "request" else "tokens"
        tokens, paid = sum(charge.tokens for charge in own), sum(charge.usd for charge in own)
        yield f"  {name:<14}{tokens:,} {what}, USD {short(paid)}"
