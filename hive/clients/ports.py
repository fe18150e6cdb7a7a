"""Which port speaks to an address: the wire protocol for `tcp://` and `ipc://`, HTTP for a gateway.

Each kind is imported where it is made: an HTTP client needs no zmq, a direct one no httpx.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from hive.clients.base import AsyncPort, SyncPort
from hive.clients.session import Greeting
from hive.errors import HiveError

if TYPE_CHECKING:
    import os

    from hive.clients.keeping import AsyncKeepingPort, KeepingPort, Kept
    from hive.clients.outbox import Outbox
    from hive.transport.base import Transport

    Where = str | os.PathLike[str]

CONNECT_TIMEOUT_S: Final = 2.0
_Port = TypeVar("_Port")


def sync_port(url: str, greeting: Greeting, timeout_s: float, transport: Transport | None) -> SyncPort:
    """Return the synchronous port for `url`. Raises HiveError(bad_request) for an address of an unknown kind."""
    if url.startswith(("http://", "https://")):
        from hive.clients.http import HttpPort  # noqa: PLC0415

        return HttpPort(url, greeting.name, greeting.token, timeout_s)
    from hive.clients.direct import DirectPort  # noqa: PLC0415

    return DirectPort(transport or _zeromq(url), url, greeting, timeout_s)


def async_port(url: str, greeting: Greeting, timeout_s: float, transport: Transport | None) -> AsyncPort:
    """Return the asynchronous port for `url`. Raises HiveError(bad_request) as `sync_port` does."""
    if url.startswith(("http://", "https://")):
        from hive.clients.http import AsyncHttpPort  # noqa: PLC0415

        return AsyncHttpPort(url, greeting.name, greeting.token, timeout_s)
    from hive.clients.aio import AsyncDirect  # noqa: PLC0415

    return AsyncDirect(transport or _zeromq(url), url, greeting, timeout_s)


def kept_in(outbox: Outbox | Where | None, principal: str, connect_timeout_s: float) -> Kept | None:
    """Return what a port needs to use an outbox, opened if it is a path; None for none. Raises HiveError as Outbox."""
    if outbox is None:
        return None
    from hive.clients.keeping import Kept  # noqa: PLC0415
    from hive.clients.outbox import Outbox  # noqa: PLC0415 - sqlite3 only where there is one

    opened = outbox if isinstance(outbox, Outbox) else Outbox(outbox)
    return Kept(opened, principal, connect_timeout_s)


def keeping(port: SyncPort, kept: Kept | None) -> KeepingPort | None:
    """Return a port that puts what `port` is to submit into an outbox first; None without an outbox."""
    if kept is None:
        return None
    from hive.clients.keeping import KeepingPort  # noqa: PLC0415

    return KeepingPort(port, kept)


def keeping_async(port: AsyncPort, kept: Kept | None) -> AsyncKeepingPort | None:
    """Return an asynchronous port with an outbox, as `keeping` does."""
    if kept is None:
        return None
    from hive.clients.keeping import AsyncKeepingPort  # noqa: PLC0415

    return AsyncKeepingPort(port, kept)


def has_outbox(port: _Port | None) -> _Port:
    """Return the port with the outbox. Raises HiveError(bad_request) if there is none."""
    if port is None:
        raise HiveError("bad_request", "This client has no outbox; give it one: Client(url, outbox=PATH).")
    return port


def _zeromq(url: str) -> Transport:
    if not url.startswith(("tcp://", "ipc://")):
        detail = f"{url!r}: write tcp://HOST:PORT for a conductor, or http://HOST:PORT for a gateway."
        raise HiveError("bad_request", detail)
    from hive.transport.zeromq import ZmqTransport  # noqa: PLC0415

    return ZmqTransport()
