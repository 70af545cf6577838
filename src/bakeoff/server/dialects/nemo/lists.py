"""Lists of NeMo: pages, order, `filter[…]` and `search[…]`."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
from starlette.requests import Request

from bakeoff.plugins import suggest
from bakeoff.server.faults import InvalidError

Body = dict[str, Any]
_BRACKETS = re.compile(r"(filter|search)((?:\[[^\[\]]+\])+)")
_ORDERS = ("created_at", "-created_at", "updated_at", "-updated_at")
_RANGES: dict[str, Callable[[datetime, datetime], bool]] = {
    "eq": lambda one, other: one == other,
    "neq": lambda one, other: one != other,
    "gt": lambda one, other: one > other,
    "gte": lambda one, other: one >= other,
    "lt": lambda one, other: one < other,
    "lte": lambda one, other: one <= other,
    "start": lambda one, other: one >= other,
    "end": lambda one, other: one <= other,
}
_TIMES = ("created_at", "updated_at")
_MOST_PAGE = 1000
_MOST_CONDITIONS = 50
PARAMETERS: list[Body] = [
    {"name": "page", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}},
    {"name": "page_size", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": _MOST_PAGE}},
    {"name": "sort", "in": "query", "schema": {"type": "string", "enum": list(_ORDERS)}},
    *(
        {
            "name": name,
            "in": "query",
            "style": "deepObject",
            "explode": True,
            "schema": {"type": "object", "additionalProperties": {"type": "string"}},
        }
        for name in ("filter", "search")
    ),
]
"""For OpenAPI; the names in brackets are read by hand."""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One `filter[a][b]=value` or `search[a]=value`."""

    kind: str
    path: tuple[str, ...]
    value: str


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a list is asked for."""

    page: int = 1
    size: int = 10
    sort: str = "created_at"
    conditions: list[Condition] = []

    @property
    def newest_first(self) -> bool:
        """Tell whether the order is descending."""
        return self.sort.startswith("-")

    def only(self, name: str) -> str | None:
        """Return the value where the one condition is a filter on `name`."""
        if len(self.conditions) == 1 and self.conditions[0].kind == "filter":
            found = self.conditions[0]
            return found.value if found.path == (name,) else None
        return None


def wanted(request: Request, filters: Sequence[str]) -> Wanted:
    """Return what the query of a call asks for.

    Raises:
        InvalidError: a parameter or filter is not known, by name.
    """
    values: dict[str, Any] = {}
    conditions: list[Condition] = []
    for name, value in request.query_params.multi_items():
        found = _BRACKETS.fullmatch(name)
        if found is not None:
            conditions.append(_condition(found[1], found[2], value, filters))
        elif name in {"page", "page_size"}:
            key, most = ("page", 2**31 - 1) if name == "page" else ("size", _MOST_PAGE)
            if not re.fullmatch(r"[1-9][0-9]{0,9}", value) or int(value) > most:
                raise _wrong(name, f"a whole number from 1 to {most}")
            values[key] = int(value)
        elif name == "sort":
            if value not in _ORDERS:
                raise _wrong(name, f"one of {', '.join(_ORDERS)}")
            values["sort"] = value
        else:
            raise _wrong(name, f"no parameter of this list.{suggest(name, ['page', 'page_size', 'sort'])}")
    if len(conditions) > _MOST_CONDITIONS:
        raise _wrong("filter", f"at most {_MOST_CONDITIONS} conditions")
    return Wanted(**values, conditions=conditions)


def _condition(kind: str, brackets: str, value: str, filters: Sequence[str]) -> Condition:
    path = tuple(brackets[1:-1].split("]["))
    shown = f"{kind}[{path[0]}]"
    if kind == "filter" and path[0] not in filters:
        raise _wrong(shown, f"no filter of this list.{suggest(path[0], filters)} Known: {', '.join(filters)}")
    if path[0] in _TIMES:
        if len(path) > 2 or (len(path) == 2 and path[1] not in _RANGES):
            raise _wrong(shown, f"one of {', '.join(_RANGES)}")
        for each in value.split(",") if len(path) == 1 else [value]:
            if _moment(each) is None:
                raise _wrong(shown, "a time in ISO 8601")
    return Condition(kind=kind, path=path, value=value)


def page(rows: Iterable[Body], asked: Wanted) -> Body:
    """Return one page of a whole list."""
    kept = [row for row in rows if all(_fits(row, each) for each in asked.conditions)]
    key = asked.sort.lstrip("-")
    kept.sort(key=lambda row: str(row.get(key) or ""), reverse=asked.newest_first)
    start = (asked.page - 1) * asked.size
    return shown(kept[start : start + asked.size], len(kept), asked)


def shown(rows: Sequence[Body], total: int, asked: Wanted) -> Body:
    """Return a page whose rows are known; past the end it is empty, which ends a client's loop."""
    body: Body = {
        "object": "list",
        "data": list(rows),
        "pagination": {
            "page": asked.page,
            "page_size": asked.size,
            "current_page_size": len(rows),
            "total_pages": -(-total // asked.size),
            "total_results": total,
        },
        "sort": asked.sort,
    }
    for kind in ("filter", "search"):
        told: Body = {}
        for each in asked.conditions:
            if each.kind == kind:
                inner = told
                for name in each.path[:-1]:
                    deeper: Any = inner.setdefault(name, {})
                    inner = cast("Body", deeper) if isinstance(deeper, dict) else {}
                inner[each.path[-1]] = each.value
        if told:
            body[kind] = told
    return body


def _fits(row: Body, asked: Condition) -> bool:
    if asked.path[0] in _TIMES:
        return _fits_time(_moment(str(row.get(asked.path[0]) or "")), asked)
    value: Any = row
    for name in asked.path:
        value = cast("Mapping[str, Any]", value).get(name) if isinstance(value, Mapping) else None
    if value is None:
        return False
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if asked.kind == "filter":
        return asked.value in _forms(text, value)
    return any(part.lower() in text.lower() for part in asked.value.split(","))


def _forms(text: str, value: object) -> set[str]:
    """Return the texts that a filter may say for a value: an entity goes by its name, too."""
    if not isinstance(value, Mapping):
        return {text}
    entity = cast("Mapping[str, Any]", value)
    name = str(entity.get("name") or "")
    return {text, name, f"{entity.get('namespace')}/{name}", str(entity.get("id"))}


def _fits_time(moment: datetime | None, asked: Condition) -> bool:
    if moment is None:
        return False
    compare = _RANGES[asked.path[1] if len(asked.path) > 1 else "eq"]
    others = [found for each in asked.value.split(",") if (found := _moment(each)) is not None]
    return any(compare(moment, other) for other in others)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _wrong(name: str, message: str) -> InvalidError:
    return InvalidError([{"loc": ["query", name], "msg": f"{name}: {message}", "type": "value_error"}])
