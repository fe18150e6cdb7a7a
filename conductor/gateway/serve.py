"""Runs the gateway on the loop of whoever calls it: a port, a connection to the dispatcher, and their ends."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, cast

import uvicorn

from conductor.gateway.app import create_app
from conductor.gateway.backend import Backend
from conductor.gateway.ports import MeshView
from conductor.gateway.protocol import protocol_of
from conductor.gateway.settings import GatewaySettings
from hive.clients.aio import AsyncPort
from hive.clients.session import Greeting
from hive.core.client import ClientTuning
from hive.errors import HiveError
from hive.transport.base import Transport

_BACKLOG: Final = 512
_DRAIN_S: Final = 1.0
"""How long callers may go on waiting after `stop`: the nodes have finished by then, or went before."""
_GRACE_S: Final = 5
_PENDING_PER_WAITER: Final = 2
_OTHER_DESCRIPTORS: Final = 128
"""Descriptors for everything that is no caller's connection."""


async def serve(
    transport: Transport,
    endpoint: str,
    mesh: str,
    view: MeshView | None,
    settings: GatewaySettings,
    stop: asyncio.Event,
    on_ready: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serve HTTP until `stop` is set, then finish what is under way for a few seconds.

    `endpoint` is the dispatcher's private socket; it may appear later. `on_ready` is told the URL once the port
    is open. Raises HiveError(address_in_use) where the port is taken, HiveError(bad_request) for a host that is not
    this machine's.
    """
    listener = bind(settings)
    settings = _with_descriptors(settings)
    tuning = ClientTuning(pending_max=_PENDING_PER_WAITER * settings.max_waiting + settings.max_batch)
    port = AsyncPort(transport, [endpoint], Greeting("gateway", "gateway", mesh), tuning=tuning)
    try:
        app = create_app(port, view, settings)
        server = _Server(_config(app, settings))
        port.start()
        serving = asyncio.ensure_future(server.serve([listener]))
        stopping = asyncio.ensure_future(stop.wait())
        on_ready(url_of(listener))
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        server.should_exit = True
        if not (await asyncio.wait((serving,), timeout=_DRAIN_S))[0]:
            cast("Backend", app.state.backend).drain()
        await serving
    finally:
        port.stop()
        listener.close()


def bind(settings: GatewaySettings) -> socket.socket:
    """Return the listening socket; port 0 picks a free one. Raises HiveError(address_in_use or bad_request)."""
    host = settings.host.strip("[]")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, settings.port, type=socket.SOCK_STREAM)[
            0
        ]
    except OSError as error:
        raise HiveError(
            "bad_request", f"`http.host` {settings.host!r} is no address: {error.strerror}."
        ) from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        where = f"{settings.host}:{settings.port}"
        if error.errno == errno.EADDRINUSE:
            detail = f"Port {where} is taken: stop what uses it (`hive down`?) or set another `http.port`."
            raise HiveError("address_in_use", detail, address=where) from None
        raise HiveError("bad_request", f"Cannot listen at {where}: {error.strerror}.") from None
    listener.setblocking(False)
    return listener


def _with_descriptors(settings: GatewaySettings) -> GatewaySettings:
    """Let this process have a descriptor for each connection, or take no more connections than it has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted, connections = descriptors(settings.max_connections, soft, hard)
    if wanted != soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return replace(settings, max_connections=connections)


def descriptors(connections: int, soft: int, hard: int) -> tuple[int, int]:
    """Return (soft limit to set, connections to take) for a process that may open `soft`, at most `hard` files."""
    unlimited = resource.RLIM_INFINITY
    wanted = connections + _OTHER_DESCRIPTORS
    if soft == unlimited or soft >= wanted:
        return soft, connections
    most = wanted if hard == unlimited else min(wanted, hard)
    return most, max(1, most - _OTHER_DESCRIPTORS)


def url_of(listener: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process that runs the gateway has its own."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals alone."""
        yield


def _config(app: object, settings: GatewaySettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=protocol_of(settings),
        ws="none",
        access_log=False,
        log_level="error",  # below that it writes a line for each bad request, as many as anybody likes
        lifespan="off",
        server_header=False,
        date_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_GRACE_S,
    )
