"""Discovery without multicast: a list in the configuration, and nobody to tell."""

from __future__ import annotations

from collections.abc import Mapping

from hive.discovery.base import Advert, Kind


class StaticDiscovery:
    """Knows the conductors of a list (site -> endpoint) and what was published in this process."""

    def __init__(self, mesh: str, conductors: Mapping[str, str]) -> None:
        """Take the list; endpoints are `tcp://host:port`."""
        self._mesh = mesh
        self._adverts: dict[tuple[Kind, str], Advert] = {}
        for site, endpoint in conductors.items():
            host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
            self.publish(Advert("conductor", mesh, site, site, int(port), addresses=(host.strip("[]"),)))

    def publish(self, advert: Advert) -> None:
        """Keep an advert."""
        self._adverts[advert.kind, advert.id] = advert

    def withdraw(self, kind: Kind, name: str) -> None:
        """Forget an advert."""
        self._adverts.pop((kind, name), None)

    def seen(self, kind: Kind, site: str = "") -> tuple[Advert, ...]:
        """Return the adverts of a kind."""
        found = [a for (of, _), a in sorted(self._adverts.items()) if of == kind and a.mesh == self._mesh]
        return tuple(a for a in found if site in ("", a.site))

    def close(self) -> None:
        """Forget everything."""
        self._adverts.clear()
