"""What an agent needs of discovery: where its site's conductors are said to be, and a place to advertise nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NodeAdvert:
    """What is advertised of a node; a hint, as every advert is."""

    id: str
    incarnation: int
    capability: str
    digest: str


class Directory(Protocol):
    """Finds conductors and advertises nodes."""

    def conductors(self) -> tuple[str, ...]:
        """Return the endpoints that are known now, best first."""
        ...

    def publish(self, advert: NodeAdvert) -> None:
        """Advertise a node, in place of what was advertised under its id."""
        ...

    def withdraw(self, node: str) -> None:
        """Stop advertising a node."""
        ...

    def close(self) -> None:
        """Withdraw everything."""
        ...


class StaticDirectory:
    """The directory without multicast: a list of endpoints from the configuration, and no adverts."""

    def __init__(self, endpoints: tuple[str, ...]) -> None:
        """Know these endpoints, for ever."""
        self._endpoints = endpoints

    def conductors(self) -> tuple[str, ...]:
        """Return the endpoints of the configuration."""
        return self._endpoints

    def publish(self, advert: NodeAdvert) -> None:
        """Do nothing: nobody listens."""

    def withdraw(self, node: str) -> None:
        """Do nothing: nobody listens."""

    def close(self) -> None:
        """Do nothing."""
