"""Parameters of the query: one that a call does not know is a mistake, not a wish that is ignored."""

from fastapi.dependencies.models import Dependant
from pydantic import BaseModel
from starlette.requests import Request

from bakeoff.plugins import suggest
from bakeoff.server.faults import InvalidError


async def known_queries(request: Request) -> None:
    """Refuse parameters that the called route does not have.

    Raises:
        InvalidError: with their names.
    """
    given = request.query_params.keys()
    if not given:
        return
    dependant: Dependant = request.scope["route"].dependant
    known = names_of(dependant)
    problems: list[dict[str, object]] = [
        {"loc": ["query", name], "msg": _told(name, known), "type": "extra_forbidden"}
        for name in given
        if name not in known
    ]
    if problems:
        raise InvalidError(problems)


def names_of(dependant: Dependant) -> list[str]:
    """Return the parameters of a route and of all that it depends on, those of models by their fields."""
    found: list[str] = []
    for field in dependant.query_params:
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += [each.alias or name for name, each in kind.model_fields.items()]
        else:
            found.append(field.alias)
    for each in dependant.dependencies:
        found += names_of(each)
    return found


def _told(name: str, known: list[str]) -> str:
    return f"there is no such parameter.{suggest(name, known)}" + ("" if known else " This call has none.")
