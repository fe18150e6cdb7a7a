"""Who is at the other end? A port with three answers; keys (CURVE) come behind the same port.

A principal is what policy, quotas and task ids hang on, so a claim counts only where something vouches for it: the
operating system (loopback, a socket file), a token, or an operator who wrote `insecure: true`.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from typing import Protocol

from hive.errors import HiveError
from hive.wire.messages import Hello


class Authenticator(Protocol):
    """Decides which addresses may be bound, and which principal a peer is."""

    def check_bind(self, endpoint: str) -> None:
        """Raise HiveError(insecure_bind) if a listener at `endpoint` could not tell its peers apart."""
        ...

    def principal(self, hello: Hello, peer_address: str) -> str:
        """Return the principal that sent `hello`; raise HiveError(unauthenticated) if nothing vouches for it."""
        ...


class LoopbackOnly:
    """The default: a claimed name is believed, because only this machine's own processes can connect."""

    def check_bind(self, endpoint: str) -> None:
        """Accept loopback and ipc endpoints."""
        check_bind(endpoint, insecure=False)

    def principal(self, hello: Hello, peer_address: str) -> str:
        """Return the claimed name; a peer at another address is refused (a port may have been forwarded)."""
        if peer_address and not _is_loopback(peer_address):
            raise HiveError("unauthenticated", f"A peer at {peer_address} needs a token to be believed here.")
        return _claimed(hello)


class Insecure:
    """The configuration says `insecure: true`: every claimed name is believed, wherever it comes from."""

    def check_bind(self, endpoint: str) -> None:
        """Accept any endpoint."""
        check_bind(endpoint, insecure=True)

    def principal(self, hello: Hello, peer_address: str) -> str:  # noqa: ARG002 - the port's signature
        """Return the claimed name."""
        return _claimed(hello)


class Tokens:
    """Principals that have a token must send it; the others are as `inner` says.

    `principals` maps the SHA-256 of a token, in lower-case hexadecimal, to its principal. Hashing first means
    that the time a look-up takes tells nothing about a known token.
    """

    def __init__(self, principals: Mapping[str, str], inner: Authenticator) -> None:
        """Keep a copy of `principals`."""
        self._principals = dict(principals)
        self._protected = frozenset(principals.values())
        self._inner = inner

    def check_bind(self, endpoint: str) -> None:
        """Ask the inner authenticator: a token in clear text does not make a port safe."""
        self._inner.check_bind(endpoint)

    def principal(self, hello: Hello, peer_address: str) -> str:
        """Return the token's principal; without a token, the inner answer unless that principal needs one."""
        if hello.token:
            known = self._principals.get(token_sha256(hello.token))
            if known is None:
                raise HiveError(
                    "unauthenticated", "The token is not known here. Send one that the policy lists."
                )
            return known
        name = self._inner.principal(hello, peer_address)
        if name in self._protected:
            raise HiveError("unauthenticated", f"{name!r} must send its token.")
        return name


def token_sha256(token: str) -> str:
    """Return what the configuration stores of a token: the SHA-256 of its UTF-8 form, in hexadecimal."""
    return hashlib.sha256(token.encode("utf-8")).hexdigest()


def check_bind(endpoint: str, *, insecure: bool) -> None:
    """Raise HiveError(insecure_bind) for an endpoint that other machines can reach, unless `insecure`."""
    if insecure or endpoint.startswith(("ipc://", "memory://")):
        return
    host = endpoint.removeprefix("tcp://").rpartition(":")[0].strip("[]")
    if not _is_loopback(host):
        raise HiveError(
            "insecure_bind",
            f"{endpoint} can be reached from other machines, and peers there are believed without keys. "
            "Bind to 127.0.0.1, or write `insecure: true` beside `bind` if the network is trusted.",
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _claimed(hello: Hello) -> str:
    if not hello.name:
        raise HiveError("unauthenticated", "HELLO states no name.")
    return hello.name
