"""Alembic's entry: it works on the connection that the service hands over."""

from alembic import context

from bakeoff.server.store.tables import META

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=META, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
