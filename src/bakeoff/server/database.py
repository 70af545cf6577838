"""Open the service's database: SQLite or PostgreSQL, at its newest form."""

import sqlite3
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from bakeoff.errors import StoreError

_BUSY_MS = 30_000
_MIGRATION_LOCK = 7_205_759


class Database:
    """Connections to one database; safe to use from several threads."""

    def __init__(self, url: str) -> None:
        """Connect lazily to a database by its SQLAlchemy URL."""
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        options: dict[str, Any] = {"pool_pre_ping": not self.is_sqlite}
        if not self.is_sqlite:
            options |= {"pool_size": 20, "max_overflow": 20, "connect_args": {"connect_timeout": 10}}
        try:
            self.engine = sa.create_engine(url, **options)
        except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
            raise StoreError(
                f"the database cannot be opened: {error}",
                hint="write sqlite:///FILE or postgresql://USER@HOST/NAME; the latter needs "
                "`pip install 'bakeoff[postgres]'`",
            ) from error
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_immediate)

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

    def migrate(self) -> None:
        """Bring the tables to their newest form; processes that start together take turns.

        Raises:
            StoreError: the database cannot be reached or changed.
        """
        config = Config()
        config.set_main_option("script_location", "bakeoff:server/migrations")
        try:
            with self.engine.connect() as connection, connection.begin():
                if not self.is_sqlite:
                    connection.execute(sa.text("select pg_advisory_xact_lock(:n)"), {"n": _MIGRATION_LOCK})
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except sa.exc.SQLAlchemyError as error:
            raise StoreError(
                f"the database cannot be prepared: {error.__class__.__name__}: {_first_line(error)}",
                hint="is it running, and may this user create tables?",
            ) from error

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
    for pragma in ("journal_mode=WAL", f"busy_timeout={_BUSY_MS}", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: sa.Connection) -> None:
    reads = connection.get_execution_options().get("bakeoff_read", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
