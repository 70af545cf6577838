"""The answer is SQL, or holds SQL; on request with given tables and columns only."""

import logging
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from bakeoff.records import Case, Grade, Sample
from bakeoff.scorers import _expected, _extra, _patterns

_MAX_CHARS = 20_000
_DIALECTS = {
    "athena": "athena",
    "bigquery": "bigquery",
    "db2": "",
    "flinksql": "",
    "hive": "hive",
    "mariadb": "mysql",
    "mysql": "mysql",
    "noql": "",
    "postgresql": "postgres",
    "redshift": "redshift",
    "snowflake": "snowflake",
    "sqlite": "sqlite",
    "transactsql": "tsql",
    "trino": "trino",
    "duckdb": "duckdb",
    "clickhouse": "clickhouse",
    "databricks": "databricks",
    "oracle": "oracle",
    "spark": "spark",
}
_FENCE = re.compile(
    r"^[ \t]{0,3}(?P<mark>```+|~~~+)[ \t]*(?P<language>[^\n`]*)\n"
    r"(?P<body>.*?)(?:^[ \t]{0,3}(?P=mark)[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_STATEMENTS = frozenset({
    "Alter", "Commit", "Create", "Delete", "Describe", "Drop", "Grant", "Insert", "Merge", "Rollback", "Set",
    "Show", "Transaction", "TruncateTable", "Update", "Use",
})  # fmt: skip
_MODIFIERS = frozenset({
    "all", "distinct", "distinctrow", "high_priority", "straight_join", "sql_big_result", "sql_buffer_result",
    "sql_cache", "sql_calc_found_rows", "sql_no_cache", "sql_small_result",
})  # fmt: skip


class SqlRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What SQL is accepted, in promptfoo's words.

    Attributes:
        database_type: the dialect.
        allowed_tables: patterns of `verb::database::table`, such as `select::null::orders`.
        allowed_columns: patterns of `verb::table::column`, such as `select::orders::id`.
    """

    database_type: str = "MySQL"
    allowed_tables: list[str] = []
    allowed_columns: list[str] = []

    def __post_init__(self) -> None:
        if self.database_type.lower() not in _DIALECTS:
            known = ", ".join(sorted(_DIALECTS))
            raise ValueError(f"`{self.database_type}` is no known databaseType: {known} (in any case)")
        for pattern in (*self.allowed_tables, *self.allowed_columns):
            _patterns.check(pattern)


class IsSql(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer that is SQL: one or several statements and nothing else.

    Parsed by sqlglot, which forgives more than promptfoo's parser does: what a database would refuse for
    its meaning may pass. An expression alone, such as `1 + 1` or a name, is no statement, and a lone
    `select a b from t` counts as a missing comma. An answer of more than 20,000 characters fails.
    promptfoo: `is-sql`.

    Attributes:
        value: `{databaseType, allowedTables, allowedColumns}`: the dialect, such as `MySQL` (the default),
            `PostgreSQL`, `TransactSQL`, `Sqlite`, `BigQuery` or `Snowflake`; patterns that each table
            (`select::null::orders`: verb, database, table) and each column (`select::orders::id`: verb,
            table, column) of the statements must match, `null` standing for what is not written.
        metric: the metric that it feeds.
    """

    value: SqlRules = SqlRules()
    metric: str = "is_sql"

    def __post_init__(self) -> None:
        _check_installed("is-sql")

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail."""
        problem = _problem(answer, self.value)
        reason = f"the answer is no accepted SQL: {problem}" if problem else "the answer is SQL"
        return _expected.judged(passed=not problem, parsed=answer[:200], reason=reason)


class ContainsSql(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pass an answer with SQL in a code block (marked `sql` or not marked), or that is SQL as a whole.

    promptfoo: `contains-sql`.

    Attributes:
        value: the rules, as for `is-sql`.
        metric: the metric that it feeds.
    """

    value: SqlRules = SqlRules()
    metric: str = "contains_sql"

    def __post_init__(self) -> None:
        _check_installed("contains-sql")

    def grade(self, answer: str, case: Case, sample: Sample) -> Grade:  # noqa: ARG002  the text is enough
        """Return pass or fail."""
        problem = "it is empty"
        for text in _candidates(answer[: 10 * _MAX_CHARS]):
            problem = _problem(text, self.value)
            if not problem:
                reason = f"the answer contains the SQL {_expected.shown(text)}"
                return _expected.judged(passed=True, parsed=text[:200], reason=reason)
        reason = f"the answer contains no accepted SQL: {problem}"
        return _expected.judged(passed=False, parsed=answer[:200], reason=reason)


def _check_installed(scorer: str) -> None:
    _extra.require("sqlglot", scorer)
    # Without a handler of its own, a remark on a rare statement would be printed once for every answer.
    log = logging.getLogger("sqlglot")
    if not log.handlers:
        log.addHandler(logging.NullHandler())


def _candidates(answer: str) -> Iterator[str]:
    blocks = [
        block["body"].strip()
        for block in _FENCE.finditer(answer)
        if block["language"].strip().lower() in {"", "sql"}
    ]
    yield from filter(None, blocks or [answer])


def _problem(text: str, rules: SqlRules) -> str:
    """Return why a text is no accepted SQL, or an empty text."""
    from sqlglot import errors, parse  # noqa: PLC0415  an extra

    text = text.strip()
    dialect = _DIALECTS[rules.database_type.lower()]
    if not text or len(text) > _MAX_CHARS:
        return f"it has more than {_MAX_CHARS} characters" if text else "it is empty"
    try:
        statements: list[Any] = parse(text, dialect=dialect or None)
        written = [statement for statement in statements if statement is not None]
        if written and all(map(_is_statement, written)):
            return _slip(text, dialect) or _outside(written, rules)
    except errors.SqlglotError as error:
        return f"{_expected.shown(text)} cannot be parsed: {_first_line(str(error))}"
    except RecursionError:
        return "it is nested too deeply"
    return f"{_expected.shown(text)} is no whole statement" if written else "it holds no statement"


def _is_statement(parsed: Any) -> bool:  # noqa: ANN401  a node of sqlglot
    """Tell whether it is a statement with its parts, and not one that was read as a mere run of words."""
    from sqlglot import expressions as exp  # noqa: PLC0415  an extra

    if isinstance(parsed, exp.Select | exp.Update):
        return bool(parsed.expressions)
    if isinstance(parsed, exp.Insert):
        return parsed.expression is not None
    return isinstance(parsed, exp.Query) or type(parsed).__name__ in _STATEMENTS


def _slip(text: str, dialect: str) -> str:
    """Return what is likely to be a slip, though it can be parsed: a missing comma, an open backtick."""
    from sqlglot import TokenType, tokenize  # noqa: PLC0415  an extra

    kept = [
        token for token in tokenize(text, dialect=dialect or None) if token.text.lower() not in _MODIFIERS
    ]
    wanted = [TokenType.SELECT, TokenType.VAR, TokenType.VAR, TokenType.FROM]
    kinds = [token.token_type for token in kept]
    if any(kinds[at : at + 4] == wanted for at in range(len(kinds) - 3)):
        return f"a comma seems to be missing in {_expected.shown(text)}"
    return "a backtick is left open" if text.count("`") % 2 else ""


def _outside(statements: Sequence[Any], rules: SqlRules) -> str:
    """Return what the statements use that the rules do not allow, or an empty text."""
    for kind, allowed, used in (
        ("table", rules.allowed_tables, _tables),
        ("column", rules.allowed_columns, _columns),
    ):
        if not allowed:
            continue
        patterns = _compiled(tuple(allowed))
        for name in dict.fromkeys(name for statement in statements for name in used(statement)):
            if not any(pattern.fullmatch(name[:300]) for pattern in patterns):
                return f"the {kind} {_expected.shown(name)} is not allowed"
    return ""


@lru_cache(maxsize=64)
def _compiled(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


def _tables(statement: Any) -> Iterator[str]:  # noqa: ANN401  a node of sqlglot
    from sqlglot import expressions as exp  # noqa: PLC0415  an extra

    own = {one.alias_or_name for one in statement.find_all(exp.CTE)}
    verb = _verb(statement)
    target = None if verb == "select" else statement.find(exp.Table)
    for table in statement.find_all(exp.Table):
        if table.name and (table.db or table.name not in own):
            yield f"{verb if table is target else 'select'}::{table.db or 'null'}::{table.name}"
    if verb != "select" and target is None:
        yield f"{verb}::null::null"


def _columns(statement: Any) -> Iterator[str]:  # noqa: ANN401  a node of sqlglot
    from sqlglot import expressions as exp  # noqa: PLC0415  an extra

    names = {table.alias_or_name: table.name for table in statement.find_all(exp.Table)}
    verb = _verb(statement)
    if verb not in {"select", "update"}:
        # What is inserted, deleted or defined touches whole rows, whether it names columns or not.
        target = statement.find(exp.Table)
        yield f"{verb}::{(target and target.name) or 'null'}::(.*)"
        verb = "select"
    for column in statement.find_all(exp.Column):
        yield f"{verb}::{names.get(column.table, column.table) or 'null'}::{_column_name(column)}"
    for star in statement.find_all(exp.Star):
        if not isinstance(star.parent, exp.Column | exp.Count):
            yield f"{verb}::null::(.*)"


def _verb(statement: Any) -> str:  # noqa: ANN401  a node of sqlglot
    name = type(statement).__name__
    return name.lower() if name in _STATEMENTS else "select"


def _column_name(column: Any) -> str:  # noqa: ANN401  a node of sqlglot
    return "(.*)" if column.name == "*" else str(column.name)


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0][:200].encode("utf-8", "replace").decode()
