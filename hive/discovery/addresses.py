"""Which addresses a bound host stands for."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

_LOOPBACK: Final = "127.0.0.1"


def is_any(host: str) -> bool:
    """Say whether a socket bound to `host` listens on every interface."""
    return host in ("", "0.0.0.0", "::", "*")  # noqa: S104 - compared with, not bound


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches a socket bound to `host`."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def own_addresses(host: str) -> tuple[str, ...]:
    """Return the addresses under which others reach a socket of this machine bound to `host`, loopback if none do.

    For every interface these are its IPv4 addresses: a link-local IPv6 address means nothing on another machine.
    """
    if is_any(host):
        import ifaddr  # noqa: PLC0415 - comes with zeroconf

        found = [ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips if isinstance(ip.ip, str)]
        return tuple(sorted(address for address in found if not is_loopback(address))) or (_LOOPBACK,)
    if is_loopback(host):
        return (_LOOPBACK if host == "localhost" else host,)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return _resolved(host)
    return (host,)


def _resolved(name: str) -> tuple[str, ...]:
    """Return the IPv4 addresses of a host's name, none if it has none."""
    try:
        return tuple(sorted({str(info[4][0]) for info in socket.getaddrinfo(name, None, socket.AF_INET)}))
    except OSError:
        return ()
