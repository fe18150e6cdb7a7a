"""Discovery over multicast DNS and DNS-SD (RFC 6762, RFC 6763). The one module that knows zeroconf.

Service types `_hive-node._tcp` and `_hive-conductor._tcp`; the TXT record holds the advert. A name that is withdrawn or
times out disappears from `seen`, and that is all: it evicts nobody. Nothing raises on zeroconf's own thread, and what
must wait for the network (resolving a name) happens on a thread of ours, so that a name which nobody resolves holds
nothing up. Answers of other meshes or with a garbled TXT record are passed over.

A browser asks a few times when it starts and then only listens. So that a network which was cut, or came up late, does
not hide a conductor for ever, this one asks again (with back-off) while it has found nothing, looks again at what it
has found, and follows the machine's interfaces.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import socket
import threading
import time
from typing import Final, NamedTuple

from zeroconf import Error as ZeroconfError
from zeroconf import InterfaceChoice, ServiceBrowser, ServiceInfo, ServiceListener, Zeroconf

from hive.discovery.addresses import is_any, is_loopback, own_addresses
from hive.discovery.base import Advert, Kind
from hive.discovery.text import from_text, to_text
from hive.errors import HiveError

SERVICE: Final[dict[Kind, str]] = {
    "node": "_hive-node._tcp.local.",
    "conductor": "_hive-conductor._tcp.local.",
}
_KIND: Final = {service: kind for kind, service in SERVICE.items()}
_RESOLVE_MS: Final = 1_000
_LABEL_BYTES: Final = 63
_MOST_NAMES: Final = 4_096
_LOOK_S: Final = 5.0
_AGAIN_S: Final = 60.0
"""How often what was found is looked at again; a service record lives for 120 s."""
_MOST_TRIES: Final = 8
_UNANSWERED: Final = 2
"""So many tries may fail before an advert is taken for stale; else a killed device would be shown for 75 minutes."""
_LONGEST_PAUSE_S: Final = 40.0
_TROUBLE: Final = (ZeroconfError, OSError, RuntimeError, ValueError, KeyError, AssertionError)
"""What zeroconf raises when the network is away, a name is strange, or it is being closed."""

_Name = tuple[Kind, str]


class _Look(NamedTuple):
    """When to look at a name (seconds, monotonic), and how often nobody has answered for it."""

    due_s: float = 0.0
    tries: int = 0


class MdnsDiscovery(ServiceListener):
    """Publishes and browses on the interfaces that `host` stands for: loopback, all (`0.0.0.0`, empty), or its own."""

    def __init__(self, mesh: str, host: str = "", browse: tuple[Kind, ...] = ()) -> None:
        """Open the sockets. Raises HiveError(unreachable) if multicast cannot be had here."""
        self._mesh = mesh
        self._host = host
        self._browse = browse
        # Two machines may have one name (clones, containers), and addresses belong to a name.
        self._server = f"{socket.gethostname().split('.')[0][:40]}-{secrets.token_hex(4)}.local."
        self._seen: dict[_Name, Advert] = {}
        self._looks: dict[_Name, _Look] = {}
        self._published: dict[_Name, tuple[Advert, ServiceInfo]] = {}
        self._lock = threading.Lock()
        self._publishing = threading.RLock()
        self._wake = threading.Event()
        self._closed = False
        self._addresses = own_addresses(host)
        try:
            self._zeroconf = Zeroconf(interfaces=_interfaces(host, self._addresses))
        except _TROUBLE as error:
            raise HiveError("unreachable", f"Multicast DNS cannot be used: {error}.") from error
        self._thread = threading.Thread(target=self._look_around, name="mdns", daemon=True)
        self._browser = self._browsing()
        self._thread.start()

    def publish(self, advert: Advert) -> None:
        """Advertise, in place of what was advertised of this kind under this id; not if it is too long for a record."""
        key = (advert.kind, advert.id)
        with self._publishing, contextlib.suppress(*_TROUBLE):
            info = self._info(advert)
            if self._closed:
                return
            if key in self._published:
                self._zeroconf.update_service(info)
            else:
                self._zeroconf.register_service(info, allow_name_change=False, cooperating_responders=True)
            self._published[key] = (advert, info)

    def withdraw(self, kind: Kind, name: str) -> None:
        """Stop advertising."""
        with self._publishing:
            published = self._published.pop((kind, name), None)
            if published is not None:
                with contextlib.suppress(*_TROUBLE):
                    self._zeroconf.unregister_service(published[1])

    def seen(self, kind: Kind, site: str = "") -> tuple[Advert, ...]:
        """Return what others advertise now."""
        with self._lock:
            found = sorted(self._seen.items())
        return tuple(advert for (of, _), advert in found if of == kind and site in ("", advert.site))

    def close(self) -> None:
        """Withdraw everything and stop listening. Safe to call twice."""
        with self._publishing:
            if self._closed:
                return
            self._closed = True
            self._wake.set()
            for kind, name in list(self._published):
                self.withdraw(kind, name)
            with contextlib.suppress(*_TROUBLE):
                self._zeroconf.close()

    # What zeroconf calls, on its own thread: only notes

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        """Note that a name appeared; called by zeroconf."""
        del zc
        kind = _KIND.get(type_)
        with self._lock:
            if kind is not None and ((kind, name) in self._looks or len(self._looks) < _MOST_NAMES):
                self._looks[kind, name] = _Look()
        self._wake.set()

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        """Note that a name changed; called by zeroconf."""
        self.add_service(zc, type_, name)

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        """Forget what is no longer advertised; called by zeroconf."""
        del zc
        kind = _KIND.get(type_)
        if kind is not None:
            with self._lock:
                self._seen.pop((kind, name), None)
                self._looks.pop((kind, name), None)

    # Our own thread

    def _look_around(self) -> None:
        ask_s, pause_s = time.monotonic() + _LOOK_S, _LOOK_S
        while not self._closed:
            self._wake.wait(_LOOK_S)
            self._wake.clear()
            self._resolve_due()
            self._follow_interfaces()
            if all(self.seen(kind) for kind in self._browse):
                pause_s = _LOOK_S
            elif time.monotonic() >= ask_s:
                self._ask_again()
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                ask_s = time.monotonic() + pause_s

    def _resolve_due(self) -> None:
        """Take what is known already; then ask for the rest one by one, what was asked for least first."""
        while not self._closed:
            now_s = time.monotonic()
            with self._lock:
                due = [name for name, look in self._looks.items() if look.due_s <= now_s]
                tries = {name: self._looks[name].tries for name in due}
            open_names = [name for name in due if not self._resolved(name, wait=False)]
            if not open_names:
                return
            first = min(open_names, key=tries.__getitem__)
            if not self._resolved(first, wait=True):
                self._later(first, tries[first])

    def _resolved(self, name: _Name, *, wait: bool) -> bool:
        """Learn what a name stands for, from what was heard or by asking the network; False if it is not known."""
        try:
            info = ServiceInfo(SERVICE[name[0]], name[1])
            if not (
                info.load_from_cache(self._zeroconf) or (wait and info.request(self._zeroconf, _RESOLVE_MS))
            ):
                return False
            advert = from_text(name[0], info.properties, int(info.port or 0), tuple(info.parsed_addresses()))
        except _TROUBLE:
            return False
        with self._lock:
            if name in self._looks:  # else it was withdrawn meanwhile
                self._looks[name] = _Look(time.monotonic() + _AGAIN_S)
                if advert is not None and advert.mesh == self._mesh:
                    self._seen[name] = advert
                else:
                    self._seen.pop(name, None)
        return True

    def _later(self, name: _Name, tries: int) -> None:
        """Ask again after a pause that grows; what nobody answers for any more is not seen."""
        pause_s = min(_LOOK_S * 2**tries, _AGAIN_S)
        with self._lock:
            if tries >= _UNANSWERED:
                self._seen.pop(name, None)
            if name in self._looks:
                self._looks[name] = _Look(time.monotonic() + pause_s, min(tries + 1, _MOST_TRIES))

    def _ask_again(self) -> None:
        """Begin to browse anew: that asks at once, and names known by now are noted again."""
        with self._publishing, contextlib.suppress(*_TROUBLE):
            if self._browser is not None and not self._closed:
                self._browser.cancel()
                self._browser = self._browsing()

    def _browsing(self) -> ServiceBrowser | None:
        services = [SERVICE[kind] for kind in self._browse]
        return ServiceBrowser(self._zeroconf, services, listener=self) if services else None

    def _follow_interfaces(self) -> None:
        """Use the interfaces that there are now, and say the new addresses, when an address came or went."""
        if not is_any(self._host) or (addresses := own_addresses(self._host)) == self._addresses:
            return
        self._addresses = addresses
        with self._publishing, contextlib.suppress(*_TROUBLE):
            if not self._closed:
                self._zeroconf.update_interfaces()
                for advert, _ in list(self._published.values()):
                    self.publish(advert)

    def _info(self, advert: Advert) -> ServiceInfo:
        service = SERVICE[advert.kind]
        return ServiceInfo(
            service,
            f"{instance_name(advert)}.{service}",
            port=advert.port,
            properties=to_text(advert),
            server=self._server,
            parsed_addresses=list(advert.addresses or self._addresses),
        )


def instance_name(advert: Advert) -> str:
    """Return a DNS-SD instance name: one label of at most 63 bytes, unique for mesh and id."""
    plain = f"{advert.id} ({advert.mesh})".replace(".", "-")
    if len(plain.encode()) <= _LABEL_BYTES:
        return plain
    digest = hashlib.sha256(plain.encode()).hexdigest()[:8]
    return plain.encode()[: _LABEL_BYTES - 9].decode(errors="ignore") + "-" + digest


def _interfaces(host: str, addresses: tuple[str, ...]) -> InterfaceChoice | list[str]:
    if is_any(host):
        return InterfaceChoice.All
    return ["127.0.0.1"] if is_loopback(host) else list(addresses)
