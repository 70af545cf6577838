import pytest

from bakeoff.plugins import PluginError, create
from bakeoff.scorers.sql_text import ContainsSql, IsSql, SqlRules


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("SELECT 1", True),
        ("select a, b from t where c = 'x';", True),
        ("with x as (select 1) select * from x", True),
        ("insert into t values (1)", True),
        ("update t set a = 1 where b = 2", True),
        ("delete from t", True),
        ("create table t (a int)", True),
        ("drop table t; select 1", True),
        ("select 1 union select 2", True),
        ("(select 1)", True),
        ("select first_name last_name from people", False),
        ("select distinct a b from t", False),
        ("select a from t where", False),
        ("SELECT", False),
        ("insert it", False),
        ("Update me", False),
        ("hello world", False),
        ("Create a headline that is", False),
        ("1 + 1", False),
        ("select 'x", False),
        ("select a from `t", False),
        ("", False),
        (" ; ", False),
        ("select " + "(" * 5000, False),
        ("select '" + "x" * 20_000 + "'", False),
    ],
)
def test_a_statement_is_sql(grade, answer, passed):
    assert grade(IsSql(), answer).passed is passed


def test_the_dialect_matters(grade):
    postgres = IsSql(value=SqlRules(database_type="PostgreSQL"))
    assert grade(postgres, "select a::int from t").passed
    assert grade(IsSql(value=SqlRules(database_type="transactsql")), "select top 5 a from [t]").passed


@pytest.mark.parametrize(
    ("tables", "answer", "passed"),
    [
        (["select::null::t"], "select a from t", True),
        (["select::null::T"], "select a from t", True),
        (["select::null::t"], "select a from u", False),
        (["select::null::t"], "select a from d.t", False),
        (["select::(.*)::t"], "select a from d.t", True),
        (["select::null::t"], "delete from t", False),
        (["delete::null::t"], "delete from t", True),
        (["select::null::t"], "with x as (select a from t) select a from x", True),
        (["select::null::t"], "insert into t select a from u", False),
        (["insert::null::t", "select::null::u"], "insert into t select a from u", True),
        (["select::null::t"], "show tables", False),
        (["select::null::t"], "commit", False),
    ],
)
def test_only_allowed_tables_pass(grade, tables, answer, passed):
    assert grade(IsSql(value=SqlRules(allowed_tables=tables)), answer).passed is passed


@pytest.mark.parametrize(
    ("columns", "answer", "passed"),
    [
        (["select::null::a"], "select a from t", True),
        (["select::null::a"], "select a, b from t", False),
        (["select::t::a"], "select x.a from t as x", True),
        (["select::null::a"], "select a from t where b = 1", False),
        (["select::null::a"], "select * from t", False),
        (["select::null::.*"], "select * from t", True),
        (["select::null::a"], "select count(*) from t where a = 1", True),
        (["select::null::a"], "delete from t", False),
        (["select::null::a"], "commit", False),
        (["update::null::a"], "update t set a = 1", True),
        (["select::t::(.*)"], "select t.* from t", True),
    ],
)
def test_only_allowed_columns_pass(grade, columns, answer, passed):
    assert grade(IsSql(value=SqlRules(allowed_columns=columns)), answer).passed is passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("Here:\n```sql\nselect a from t\n```\ndone", True),
        ("```\nselect a from t\n```", True),
        ("~~~SQL\nselect a from t\n~~~", True),
        ("```python\nselect a from t\n```", False),
        ("```sql\nno\n```\n```sql\nselect 1\n```", True),
        ("```sql\nselect 1", True),
        ("select 1", True),
        ("so select 1", False),
        ("", False),
        ("```sql\n```", False),
    ],
)
def test_sql_is_found_in_code_blocks(grade, answer, passed):
    assert grade(ContainsSql(), answer).passed is passed


def test_a_deep_statement_of_many_parts_is_refused_not_raised(grade):
    rules = SqlRules(allowed_columns=["select::null::a"])
    result = grade(IsSql(value=rules), "select a from t where " + " and ".join(["a"] * 3000))
    assert result.passed in {True, False}


@pytest.mark.parametrize(
    "value",
    [{"databaseType": "Foo"}, {"allowedTables": ["(a+)+"]}, {"allowedColumns": ["("]}, {"tables": []}],
)
def test_bad_rules_are_refused(value):
    with pytest.raises(PluginError):
        create("scorers", "contains-sql", {"value": value})
