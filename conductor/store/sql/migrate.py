"""alembic, run from here: the migrations are part of the package, and no configuration file is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

_SCRIPTS: Final = Path(__file__).parent / "migrations"


def config() -> Config:
    """Return alembic's configuration."""
    made = Config()
    made.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


def upgrade(dbapi: Any, dialect: str, revision: str = "head") -> None:  # noqa: ANN401 - of whichever driver
    """Bring the tables to a revision over a connection of the driver, each step in a transaction of its own.

    Python's sqlite3 would end a transaction at each change of a table; the connection must have been made with
    `isolation_level=None`, and the transactions are begun here.
    """
    address = "sqlite://" if dialect == "sqlite" else "postgresql+psycopg://"
    engine = create_engine(address, creator=lambda: dbapi, poolclass=StaticPool, pool_reset_on_return=None)
    if dialect == "sqlite":
        event.listen(engine, "begin", _begin)
    with engine.connect() as connection:
        made = config()
        made.attributes["connection"] = connection
        try:
            command.upgrade(made, revision)
        except DBAPIError as error:
            raise error.orig or error from error  # the driver's own, which the adapters know


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
