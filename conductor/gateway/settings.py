"""What an operator sets of a gateway, and the bounds that keep callers from using it up."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

_LOOPBACK_NAMES = frozenset({"localhost", ""})


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Where to listen, whom to know, how much to take at once.

    `tokens` maps the SHA-256 of a token, in hexadecimal, to its principal. Without any, callers are known by the
    name that they give (`X-Hive-Principal`) on a loopback address, and all are `local` on any other.
    """

    host: str = "127.0.0.1"
    port: int = 8420
    tokens: Mapping[str, str] = field(default_factory=dict)
    max_body_bytes: int = 8 << 20
    """Largest body of one request."""
    max_body_bytes_total: int = 64 << 20
    """Bodies that are being read at any time."""
    max_waiting: int = 2_000
    """Callers that wait for an outcome at any time."""
    max_streams: int = 200
    """Event streams that are open at any time."""
    max_batch: int = 256
    """Tasks of one batch."""
    max_wait_ms: int = 60_000
    """Longest time that a read holds on for an outcome."""
    body_timeout_s: float = 20.0
    """Longest time that a body may take to arrive."""
    head_timeout_s: float = 10.0
    """Longest time that the head of a request may take to arrive."""
    max_connections: int = 4_200
    """Connections that are open at any time; requests on one more are refused."""
    keep_alive_s: float = 15.0
    """Pause between two signs of life on an event stream."""

    @property
    def loopback(self) -> bool:
        """Say whether only this machine can reach the port."""
        if self.host in _LOOPBACK_NAMES:
            return self.host == "localhost"
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False


def token_digest(token: str) -> str:
    """Return what the configuration holds of a token: the SHA-256 of its UTF-8 bytes, in hexadecimal."""
    return hashlib.sha256(token.encode("utf-8")).hexdigest()
