"""Open the service's database: SQLite or PostgreSQL, at its newest form."""

import sqlite3
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from bakeoff.errors import PluginError, StoreError, UsageError, install_hint
from bakeoff.server.times import now_us

_BUSY_MS = 30_000
_MIGRATION_LOCK = 7_205_759
_WAL_TRIES = 100
_KINDS = frozenset({"sqlite", "postgresql"})
_HINT = "only SQLite and PostgreSQL are: sqlite:///FILE or postgresql://USER@HOST/NAME"
# A server that is gone without a word must not hold a thread for longer than a lease or two.
_POSTGRES: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": "-c statement_timeout=30s -c idle_in_transaction_session_timeout=60s",
}


class Database:
    """Connections to one database; safe to use from several threads."""

    def __init__(self, url: str) -> None:
        """Connect lazily to a database by its SQLAlchemy URL.

        Raises:
            UsageError: there is no such kind of database here, or the URL is none.
            PluginError: the package for it is missing.
        """
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        options: dict[str, Any] = {"pool_pre_ping": not self.is_sqlite}
        try:
            given = sa.make_url(url)
            if given.get_backend_name() not in _KINDS:
                raise UsageError(
                    f"a database of the kind `{given.get_backend_name()}` cannot be used", hint=_HINT
                )
            if not self.is_sqlite:
                connect = {name: value for name, value in _POSTGRES.items() if name not in given.query}
                options |= {"pool_size": 5, "max_overflow": 15, "connect_args": connect}
            self.engine = sa.create_engine(url, **options)
        except (ArgumentError, NoSuchModuleError, ValueError) as error:
            # The address may hold a password, and the error the address.
            raise UsageError("the address of the database cannot be read", hint=_HINT) from error
        except ModuleNotFoundError as error:
            raise PluginError(
                f"PostgreSQL needs the package `{error.name}`",
                hint=install_hint("server", "postgres"),
            ) from error
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_immediate)

    @contextmanager
    def read(self) -> Generator[sa.Connection]:
        """Return a connection for queries that see one state of the data."""
        with self.engine.connect().execution_options(bakeoff_read=True) as connection:
            yield connection

    @contextmanager
    def write(self) -> Generator[sa.Connection]:
        """Return a connection whose changes are kept together at the end, or not at all."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    def now(self) -> sa.ColumnElement[int]:
        """Return the present moment in microseconds, by the one clock that all machines share."""
        if self.is_sqlite:
            return sa.literal(now_us(), sa.BigInteger)
        seconds = sa.extract("epoch", sa.func.clock_timestamp())
        return sa.cast(seconds * 1_000_000, sa.BigInteger)

    def migrate(self) -> None:
        """Bring the tables to their newest form; processes that start together take turns.

        Raises:
            StoreError: the database cannot be reached or changed.
        """
        from alembic import command  # noqa: PLC0415  half of what a worker would import
        from alembic.config import Config  # noqa: PLC0415  as above

        config = Config()
        config.set_main_option("script_location", "bakeoff:server/store/migrations")
        try:
            with self.engine.connect() as connection, connection.begin():
                if not self.is_sqlite:
                    connection.execute(sa.text("set local statement_timeout = 0"))
                    connection.execute(sa.text("select pg_advisory_xact_lock(:n)"), {"n": _MIGRATION_LOCK})
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except SQLAlchemyError as error:
            raise self._unprepared(error) from error

    def _unprepared(self, error: SQLAlchemyError) -> StoreError:
        if not self.is_sqlite:
            return StoreError(
                f"the database cannot be prepared: {error.__class__.__name__}: {_first_line(error)}",
                hint="is it running, and may this user create tables?",
            )
        path = self.engine.url.database or "memory"
        reason = _first_line(getattr(error, "orig", None) or error)
        return StoreError(
            f"the database cannot be written: {reason}",
            where=path,
            hint=f"may this user write that file and its folder `{Path(path).parent}`, and is there space? "
            "`--data` names another folder",
        )

    def close(self) -> None:
        """Close all idle connections."""
        self.engine.dispose()


def plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row with plain strings as keys."""
    return {str(name): value for name, value in row.items()}


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else ""


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transactions begin late and as readers; ours begin where we say.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={_BUSY_MS}", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    _write_ahead(cursor)
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Let readers and one writer work at once; SQLite does not wait where processes do this together."""
    for left in reversed(range(_WAL_TRIES)):
        try:
            if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if not left:
                raise
            time.sleep(0.05)
        else:
            return


def _begin_immediate(connection: sa.Connection) -> None:
    reads = connection.get_execution_options().get("bakeoff_read", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
