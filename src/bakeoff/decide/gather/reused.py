"""Answers that no server was asked for in this run, because the response cache had them."""

from bakeoff.decide.gather.collect import Collected

MARK = "cached_response"
"""The field of a sample's `extra` that says so."""


def reuse_warnings(collected: Collected) -> list[str]:
    """Say of which targets how many answers are those of an earlier run."""
    found: list[str] = []
    for (benchmark, target), answers in collected.items():
        served = sum(sample.extra.get(MARK) is True for sample in answers.samples)
        if served:
            found.append(
                f"{benchmark} on {target}: {served:,} of {len(answers.samples):,} answers are those of an "
                "earlier run, from the response cache: they have no times, and a change of the server since "
                "then would not show; `--no-cache` asks it"
            )
    return found
