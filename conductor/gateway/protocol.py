"""HTTP/1.1 at the gateway's port: what uvicorn would answer by itself, as problem documents, and when it hangs up.

uvicorn answers in plain text where no application is reached, and waits for ever for the head of a request.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

import h11
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from conductor.gateway.problems import problem
from conductor.gateway.settings import GatewaySettings
from hive.errors import HiveError

_ANSWERABLE: Final = (h11.IDLE, h11.SEND_RESPONSE)


def protocol_of(settings: GatewaySettings) -> type[asyncio.Protocol]:
    """Return the protocol of each connection, with the bounds of `settings`."""

    class Bounded(HttpProtocol):
        """The protocol with these bounds."""

        bounds = settings

    return Bounded


class HttpProtocol(H11Protocol):
    """uvicorn's protocol with problem documents for answers of its own, and an end to half a request."""

    bounds = GatewaySettings()
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the head of a request; one connection too many is told so when it has asked."""
        super().connection_made(transport)
        if len(self.connections) > self.bounds.max_connections:
            self.app = _crowded
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait."""
        self._forget_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in bytes; the head of a request has to be complete some time after its first byte."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._forget_head()
        elif self._head_timer is None:
            self._await_head()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own words are not for callers
        """Answer what is no HTTP, unless an answer to something before is on its way."""
        if self.conn.our_state in _ANSWERABLE:
            detail = "This is no HTTP/1.1 request, or its head is too large."
            answer = problem(HiveError("bad_request", detail), "/")
            headers = [*answer.raw_headers, (b"connection", b"close")]
            for event in (
                h11.Response(status_code=answer.status_code, headers=headers, reason=b"Bad Request"),
                h11.Data(data=cast("bytes", answer.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _should_upgrade(self) -> bool:
        """Speak nothing but HTTP/1.1; who asks for more is answered in it (RFC 9110, 7.8)."""
        return False

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.bounds.head_timeout_s, self.transport.close)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


async def _crowded(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a request of a connection too many, and close it."""
    error = HiveError("queue_full", "Too many connections are open; try again later.", retry_after_ms=1000)
    answer = problem(error, str(scope.get("path", "/")))
    answer.headers["Connection"] = "close"
    await answer(scope, receive, send)
