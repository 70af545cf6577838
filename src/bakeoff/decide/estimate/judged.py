"""What judges took and where they failed, said apart from what the targets took."""

from collections.abc import Iterator

from bakeoff.decide.gather.collect import Answers, Collected


def judge_notes(collected: Collected, target: str) -> list[str]:
    """Say what judging the answers of a target took, one sentence for each benchmark and judge."""
    return [
        f"{benchmark}: judged by {use.said(model)}; none of it is in the target's own tokens and cost"
        for (benchmark, name), answers in collected.items()
        if name == target
        for model, use in answers.judges.items()
    ]


def judge_warnings(collected: Collected) -> list[str]:
    """Say of which targets how many answers have no grade because what was to judge them failed."""
    return [warning for place, answers in collected.items() for warning in _warnings(place, answers)]


def _warnings(place: tuple[str, str], answers: Answers) -> Iterator[str]:
    benchmark, target = place
    for scorer, scores in answers.scores.items():
        failed = [score for score in scores.values() if score.outcome == "judge_failed"]
        if failed:
            yield (
                f"{benchmark} on {target}: `{scorer}` failed on {len(failed):,} of {len(scores):,} answers, "
                f"which are left out of `{failed[0].metric}`; its `_lowest` and `_highest` bound what they "
                f"could change. First: {failed[0].reason[:200]}"
            )
