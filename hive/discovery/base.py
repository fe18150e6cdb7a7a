"""The discovery port: publish adverts, see others'. An advert is a hint; what it says is proven by a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["node", "conductor"]


@dataclass(frozen=True, slots=True)
class Advert:
    """What is said of one node or conductor.

    `addresses` and `port` are where it listens (a node that only dials out has port 0), `incarnation` changes at
    every boot, `fingerprint` will name its key once there are keys, `versions` is the range of the wire protocol.
    """

    kind: Kind
    mesh: str
    id: str
    site: str
    port: int = 0
    incarnation: int = 0
    capability: str = ""
    digest: str = ""
    fingerprint: str = ""
    versions: tuple[int, int] = (1, 1)
    addresses: tuple[str, ...] = ()

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Return the addresses to dial, IPv4 first."""
        ordered = sorted(self.addresses, key=lambda address: ":" in address)
        return tuple(f"tcp://[{a}]:{self.port}" if ":" in a else f"tcp://{a}:{self.port}" for a in ordered)


class Discovery(Protocol):
    """Publishes and finds adverts of one mesh. Every call is quick and none raises for what others send."""

    def publish(self, advert: Advert) -> None:
        """Advertise, in place of what was advertised of this kind under this id."""
        ...

    def withdraw(self, kind: Kind, name: str) -> None:
        """Stop advertising; nothing happens if it was not."""
        ...

    def seen(self, kind: Kind, site: str = "") -> tuple[Advert, ...]:
        """Return what is advertised now, by id; of one site only, if it is named."""
        ...

    def close(self) -> None:
        """Withdraw everything and stop listening. Safe to call twice."""
        ...
