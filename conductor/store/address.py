"""Where tasks are kept, as people write it: in memory, in a file, or in PostgreSQL.

memory:                       gone with the process
sqlite:                       a file of the site in the state directory
sqlite:///var/lib/hive/{site}.db   a file; `{site}` becomes the site's name
postgresql://user@host/hive_{site}  a database, in the words of libpq
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from hive.errors import HiveError
from hive.record import record

DEFAULT: Final = "sqlite:"
_POSTGRES: Final = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
_ADVICE: Final = "Write memory:, sqlite:, sqlite:///PATH or postgresql://USER@HOST/DATABASE."


@record
class Address:
    """A store's address, with its password apart so that it is never shown by accident."""

    scheme: str
    path: Path | None = None
    url: str = ""
    password: str = ""

    @property
    def shown(self) -> str:
        """Return it for people, and for process lists."""
        return f"sqlite://{self.path}" if self.path is not None else self.url or f"{self.scheme}:"


def address_of(text: str, state: Path, site: str) -> Address:
    """Return what a store's URL means for a site. Raises HiveError(config_invalid)."""
    scheme, _, rest = text.replace("{site}", site).partition(":")
    if scheme == "memory" and not rest:
        return Address("memory")
    if scheme == "sqlite":
        return Address("sqlite", _file(text, rest, state, site))
    if scheme in _POSTGRES and rest.startswith("//"):
        return _postgres(text, rest)
    raise HiveError("config_invalid", f"{_safe(text)!r} names no store. {_ADVICE}")


def _file(text: str, rest: str, state: Path, site: str) -> Path:
    if not rest:
        return (state / "stores" / f"{site}.db").absolute()
    path = unquote(rest.removeprefix("//"))
    if not path.startswith("/") or "?" in path or "#" in path:
        raise HiveError(
            "config_invalid", f"{text!r} names no file: write sqlite: and three slashes before a path."
        )
    return Path("/" + path.lstrip("/"))


def _postgres(text: str, rest: str) -> Address:
    try:
        parts = urlsplit("postgresql:" + rest)
        password, _ = parts.password, parts.port
    except ValueError as error:
        raise HiveError("config_invalid", f"{_safe(text)!r} is no address: {error}.") from error
    if "password=" in parts.query:
        raise HiveError(
            "config_invalid", "Write a store's password before the @, or in PGPASSWORD or ~/.pgpass."
        )
    user, at, host = parts.netloc.rpartition("@")
    bare = user.partition(":")[0] + at + host
    query = f"?{parts.query}" if parts.query else ""
    return Address("postgresql", None, f"postgresql://{bare}{parts.path}{query}", unquote(password or ""))


def _safe(text: str) -> str:
    """Return an address that could not be read without what stands before its host."""
    before, at, after = text.rpartition("@")
    return f"{before.partition(':')[0]}:…{at}{after}" if at else text
