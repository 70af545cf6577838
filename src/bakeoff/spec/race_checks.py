"""What types cannot say of a race: whether what decides can be raced."""

from collections.abc import Iterator

from bakeoff.errors import UsageError
from bakeoff.prompts.modes import silent
from bakeoff.races import graded, planned_race
from bakeoff.records import Spec
from bakeoff.spec.book import Flaw


def race_flaws(spec: Spec, path: str) -> Iterator[Flaw]:
    """Yield what is wrong with the race that a spec asks for.

    Args:
        spec: the spec.
        path: of its decision rule.
    """
    place = f"{path}.race"
    try:
        planned_race(spec)
    except UsageError as error:
        yield Flaw(path=place, message=error.message, hint=error.hint)
        return
    # Whether rows are multiple choice of themselves is known only when they are read.
    if spec.decide.race is not False and not any(graded(each) or silent(each) for each in spec.benchmarks):
        yield Flaw(
            path=place,
            message="no benchmark is graded, so nobody can be shown to be worse",
            hint="give one a scorer, or leave `race` out",
        )
