"""What alembic runs: the revisions over the connection that it was given, each in a transaction of its own."""

from alembic import context

from conductor.store.sql.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    transaction_per_migration=True,
)
context.run_migrations()
