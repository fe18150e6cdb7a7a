"""A LAN in memory, with the same manners as multicast: several discoveries hear each other, of their mesh only."""

from __future__ import annotations

from hive.discovery.base import Advert, Kind


class FakeLan:
    """What is on the air: adverts by who published them."""

    def __init__(self) -> None:
        self.adverts: dict[tuple[int, Kind, str], Advert] = {}

    def join(self, mesh: str) -> FakeDiscovery:
        """Return a discovery on this LAN."""
        return FakeDiscovery(self, mesh)


class FakeDiscovery:
    """One participant."""

    def __init__(self, lan: FakeLan, mesh: str) -> None:
        self._lan = lan
        self._mesh = mesh

    def publish(self, advert: Advert) -> None:
        self._lan.adverts[id(self), advert.kind, advert.id] = advert

    def withdraw(self, kind: Kind, name: str) -> None:
        self._lan.adverts.pop((id(self), kind, name), None)

    def seen(self, kind: Kind, site: str = "") -> tuple[Advert, ...]:
        found = [a for a in self._lan.adverts.values() if a.kind == kind and a.mesh == self._mesh]
        return tuple(sorted((a for a in found if site in ("", a.site)), key=lambda a: a.id))

    def close(self) -> None:
        for key in [key for key in self._lan.adverts if key[0] == id(self)]:
            del self._lan.adverts[key]
