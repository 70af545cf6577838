"""Rows of a database: SQLite by the standard library, others through SQLAlchemy."""

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, cast
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import msgspec

from bakeoff import textfiles
from bakeoff.errors import DataError, PluginError, install_hint
from bakeoff.records import Case

_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?")
_JSON_COLUMNS = ("metadata", "choices", "messages")


class SqlRows(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rows of a table or a query; columns are fields.

    SQLite needs nothing else and is opened for reading only. Other databases need the
    extra `sql` and their own driver. Rows without an order come as the database likes, so end a query
    with `ORDER BY`: another order is another plan. The columns `metadata`, `choices` and `messages` may
    hold JSON.

    Attributes:
        url: such as `sqlite:///data.db?table=prompts` or `${DATABASE_URL}`; a password in it is never stored.
        table: the table to read whole.
        query: the query to read instead.
    """

    url: str
    table: str | None = None
    query: str | None = None

    def __post_init__(self) -> None:
        """Refuse what names no rows."""
        if self.table is not None and self.query is not None:
            raise ValueError("`table` stands beside `query`; keep one")
        if self.table is not None and not _TABLE.fullmatch(self.table):
            raise ValueError(f"`{self.table}` is no name of a table; write a `query`")

    @property
    def endless(self) -> bool:
        """Tell that a table ends."""
        return False

    def cases(self, base: Path, rng: Random) -> Iterator[Case]:  # noqa: ARG002  rows are in the query's order
        """Yield one case per row, counted from 1."""
        where = _without_password(self.url)
        query = self._query(where)
        rows = (
            _sqlite(self.url, query, base)
            if self.url.startswith("sqlite:")
            else _other(self.url, query, where)
        )
        number = 0
        for number, row in enumerate(rows, 1):  # noqa: B007  counted beyond the loop
            yield Case(fields={name: _plain(name, value) for name, value in row.items()})
        if not number:
            raise DataError("the query gives no row", where=where, hint="a data set needs at least one case")

    def _query(self, where: str) -> str:
        if self.query is not None:
            return self.query
        table = self.table or dict(parse_qsl(urlsplit(self.url).query)).get("table")
        if table is None:
            raise DataError("neither `table` nor `query` says which rows to read", where=where)
        if not _TABLE.fullmatch(table):
            raise DataError(f"`{table}` is no name of a table", where=where, hint="write a `query`")
        return f"SELECT * FROM {table}"  # noqa: S608  the name was checked, letters and digits only


def _sqlite(url: str, query: str, base: Path) -> Iterator[dict[str, Any]]:
    path = textfiles.resolve(base, unquote(url.removeprefix("sqlite:").removeprefix("///").partition("?")[0]))
    if not path.is_file():
        raise DataError("there is no such file", where=str(path), hint="such as `sqlite:///data.db`")
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            cursor = connection.execute(query)
            names = [column[0] for column in cursor.description or ()]
            for row in cursor:
                yield dict(zip(names, row, strict=True))
    except sqlite3.Error as error:
        raise DataError(f"the query failed: {error}", where=str(path)) from error


def _other(url: str, query: str, where: str) -> Iterator[dict[str, Any]]:
    try:
        import sqlalchemy  # noqa: PLC0415  an extra
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415  an extra
    except ImportError:
        raise PluginError(
            "a database other than SQLite needs the package `sqlalchemy`", hint=install_hint("sql")
        ) from None
    try:
        engine = sqlalchemy.create_engine(url.partition("?table=")[0])
        with engine.connect() as connection:
            for row in connection.execute(sqlalchemy.text(query)).mappings():
                yield dict(row)
        engine.dispose()
    except (SQLAlchemyError, ImportError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"the database cannot be read: {reason}", where=where) from None


def _plain(name: str, value: Any) -> Any:  # noqa: ANN401  a database holds any value
    """Return a value as JSON has it."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if name in _JSON_COLUMNS and isinstance(value, str) and value.lstrip()[:1] in {"{", "["}:
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    if isinstance(value, list | dict):
        return cast("object", value)
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _without_password(url: str) -> str:
    return re.sub(r"://([^/@:]*):[^@/]*@", r"://\1:***@", url)
