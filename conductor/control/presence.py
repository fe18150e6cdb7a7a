"""The conductor on the LAN: advertised by DNS-SD, with the nodes that others advertise in view."""

from __future__ import annotations

import os
import sys

from hive.config import MeshConfig
from hive.discovery.base import Advert, Discovery
from hive.errors import HiveError
from hive.wire.messages import VERSION


class Presence:
    """Advertises one conductor while it runs, and sees the site's nodes. A LAN without multicast only costs that."""

    def __init__(self, config: MeshConfig, site: str, endpoint: str) -> None:
        """Prepare the advert of the dispatcher at `endpoint`."""
        self._enabled = config.discovery.mdns and bool(endpoint)
        host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
        self._host = host.strip("[]")
        self._advert = Advert(
            kind="conductor",
            mesh=config.mesh,
            id=site,
            site=site,
            port=int(port) if port else 0,
            incarnation=os.getpid(),
            versions=(VERSION, VERSION),
        )
        self._discovery: Discovery | None = None

    def start(self) -> None:
        """Publish. A failure is told on stderr and changes nothing else: a static list still works."""
        if not self._enabled:
            return
        from hive.discovery.mdns import MdnsDiscovery  # noqa: PLC0415 - only where multicast is wanted

        try:
            self._discovery = MdnsDiscovery(self._advert.mesh, self._host, browse=("node",))
            self._discovery.publish(self._advert)
        except HiveError as error:
            sys.stderr.write(f"mDNS is not available here ({error.detail}); a static list still works\n")

    def nodes(self) -> tuple[Advert, ...]:
        """Return the nodes that say they are of this mesh and site: claims, which nobody has proven."""
        return self._discovery.seen("node", self._advert.site) if self._discovery is not None else ()

    def stop(self) -> None:
        """Withdraw the advert."""
        if self._discovery is not None:
            self._discovery.close()
