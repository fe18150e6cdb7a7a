"""Discovery over multicast DNS and DNS-SD (RFC 6762, RFC 6763). The one module that knows zeroconf.

Service types `_hive-node._tcp` and `_hive-conductor._tcp`; the TXT record holds the advert. A name that is withdrawn or
times out disappears from `seen`, and that is all: it evicts nobody. Resolution runs on zeroconf's own thread, so
nothing there may raise, and answers of other meshes or with a garbled TXT record are passed over.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import socket
import threading
from typing import Final

from zeroconf import Error as ZeroconfError
from zeroconf import InterfaceChoice, ServiceBrowser, ServiceInfo, ServiceListener, Zeroconf

from hive.discovery.base import Advert, Kind
from hive.errors import HiveError

SERVICE: Final[dict[Kind, str]] = {
    "node": "_hive-node._tcp.local.",
    "conductor": "_hive-conductor._tcp.local.",
}
_KIND: Final = {service: kind for kind, service in SERVICE.items()}
_RESOLVE_MS: Final = 2_000
_LABEL_BYTES: Final = 63


class MdnsDiscovery(ServiceListener):
    """Publishes and browses on the interfaces that `host` stands for: loopback, all (`0.0.0.0`, empty), or its own."""

    def __init__(self, mesh: str, host: str = "", browse: tuple[Kind, ...] = ()) -> None:
        """Open the sockets. Raises HiveError(unreachable) if multicast cannot be had here."""
        self._mesh = mesh
        self._host = host
        self._seen: dict[tuple[Kind, str], Advert] = {}
        self._published: dict[tuple[Kind, str], ServiceInfo] = {}
        self._lock = threading.Lock()
        self._closed = False
        try:
            self._zeroconf = Zeroconf(interfaces=_interfaces(host))
        except (OSError, ZeroconfError, RuntimeError) as error:
            raise HiveError("unreachable", f"Multicast DNS cannot be used: {error}.") from error
        services = [SERVICE[kind] for kind in browse]
        self._browser = ServiceBrowser(self._zeroconf, services, listener=self) if services else None

    def publish(self, advert: Advert) -> None:
        """Advertise, in place of what was advertised of this kind under this id."""
        info = _info(advert, self._host)
        key = (advert.kind, advert.id)
        with contextlib.suppress(ZeroconfError, OSError):
            if key in self._published:
                self._zeroconf.update_service(info)
            else:
                self._zeroconf.register_service(info, allow_name_change=False, cooperating_responders=True)
        self._published[key] = info

    def withdraw(self, kind: Kind, name: str) -> None:
        """Stop advertising."""
        info = self._published.pop((kind, name), None)
        if info is not None:
            with contextlib.suppress(ZeroconfError, OSError):
                self._zeroconf.unregister_service(info)

    def seen(self, kind: Kind, site: str = "") -> tuple[Advert, ...]:
        """Return what others advertise now."""
        with self._lock:
            found = sorted(self._seen.items())
        return tuple(advert for (of, _), advert in found if of == kind and site in ("", advert.site))

    def close(self) -> None:
        """Withdraw everything and stop listening. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        for kind, name in list(self._published):
            self.withdraw(kind, name)
        with contextlib.suppress(ZeroconfError, OSError, RuntimeError):
            self._zeroconf.close()

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        """Resolve what appeared; called by zeroconf."""
        with contextlib.suppress(ZeroconfError, OSError, RuntimeError):
            info = zc.get_service_info(type_, name, timeout=_RESOLVE_MS)
            advert = _advert(_KIND[type_], info) if info is not None else None
            if advert is not None and advert.mesh == self._mesh:
                with self._lock:
                    self._seen[_KIND[type_], name] = advert

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        """Resolve what changed; called by zeroconf."""
        self.add_service(zc, type_, name)

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        """Forget what is no longer advertised; called by zeroconf."""
        del zc
        with self._lock:
            self._seen.pop((_KIND[type_], name), None)


def instance_name(advert: Advert) -> str:
    """Return a DNS-SD instance name: one label of at most 63 bytes, unique for mesh and id."""
    plain = f"{advert.id} ({advert.mesh})".replace(".", "-")
    if len(plain.encode()) <= _LABEL_BYTES:
        return plain
    digest = hashlib.sha256(plain.encode()).hexdigest()[:8]
    return plain.encode()[: _LABEL_BYTES - 9].decode(errors="ignore") + "-" + digest


def _info(advert: Advert, host: str) -> ServiceInfo:
    text = {
        "mesh": advert.mesh,
        "id": advert.id,
        "inc": str(advert.incarnation),
        "site": advert.site,
        "cap": advert.capability,
        "digest": advert.digest,
        "port": str(advert.port),
        "key": advert.fingerprint,
        "v": f"{advert.versions[0]}-{advert.versions[1]}",
    }
    service = SERVICE[advert.kind]
    return ServiceInfo(
        service,
        f"{instance_name(advert)}.{service}",
        port=advert.port,
        properties=text,
        server=f"{socket.gethostname().split('.')[0]}-{hashlib.sha256(host.encode()).hexdigest()[:6]}.local.",
        parsed_addresses=list(advert.addresses) or _own_addresses(host),
    )


def _advert(kind: Kind, info: ServiceInfo) -> Advert | None:
    """Return the advert in a service record, None if it is not one of ours."""
    text = {
        k.decode(errors="replace"): (v or b"").decode(errors="replace") for k, v in info.properties.items()
    }
    try:
        low, _, high = text["v"].partition("-")
        return Advert(
            kind,
            text["mesh"],
            text["id"],
            text["site"],
            int(info.port or 0),
            int(text.get("inc", "0")),
            text.get("cap", ""),
            text.get("digest", ""),
            text.get("key", ""),
            (int(low), int(high)),
            tuple(info.parsed_addresses()),
        )
    except (KeyError, ValueError):
        return None


def _interfaces(host: str) -> InterfaceChoice | list[str]:
    if host in ("", "0.0.0.0", "::", "*"):  # noqa: S104 - compared with, not bound
        return InterfaceChoice.All
    if host == "localhost" or ipaddress.ip_address(host).is_loopback:
        return ["127.0.0.1"]
    return [host]


def _own_addresses(host: str) -> list[str]:
    """Return the addresses under which others on the LAN reach this machine."""
    if host in ("", "0.0.0.0", "::", "*"):  # noqa: S104 - compared with, not bound
        import ifaddr  # noqa: PLC0415 - comes with zeroconf

        found = [ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips if isinstance(ip.ip, str)]
        return [address for address in found if not ipaddress.ip_address(address).is_loopback] or [
            "127.0.0.1"
        ]
    return ["127.0.0.1" if host == "localhost" else host]
