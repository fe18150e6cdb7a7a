"""mDNS beside neighbours who send rubbish: what is true is still found, and no thread dies of it."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from uuid import uuid4

import pytest
from zeroconf import ServiceInfo, Zeroconf

from hive.discovery.base import Advert
from hive.discovery.mdns import SERVICE, MdnsDiscovery, instance_name
from tests.fakes.waiting import until

pytestmark = [pytest.mark.integration]

# pytest turns an exception in any thread into a failure of the test that runs then.


@pytest.fixture
def mesh() -> str:
    return f"m-{uuid4().hex[:8]}"


@pytest.fixture
def finder(mesh: str) -> Iterator[MdnsDiscovery]:
    found = MdnsDiscovery(mesh, "127.0.0.1", ("conductor",))
    yield found
    found.close()


@pytest.fixture
def neighbour() -> Iterator[Zeroconf]:
    zeroconf = Zeroconf(interfaces=["127.0.0.1"])
    yield zeroconf
    zeroconf.close()


def announce(neighbour: Zeroconf, name: str, text: dict[bytes, bytes | None]) -> None:
    service = SERVICE["conductor"]
    info = ServiceInfo(
        service,
        f"{name}.{service}",
        port=1,
        properties=text,
        server="n.local.",
        parsed_addresses=["127.0.0.1"],
    )
    neighbour.register_service(info, cooperating_responders=True)


def test_garbled_records_and_other_meshes_are_passed_over(
    finder: MdnsDiscovery, neighbour: Zeroconf, mesh: str
) -> None:
    good: dict[bytes, bytes | None] = {b"mesh": mesh.encode(), b"id": b"x", b"site": b"s", b"v": b"1-1"}
    announce(neighbour, "other", good | {b"mesh": b"another"})
    announce(neighbour, "empty", {})
    announce(neighbour, "bytes", good | {b"id": b"\xff\xfe", b"v": b"\x00"})
    announce(neighbour, "version", good | {b"v": b"latest"})
    announce(neighbour, "number", good | {b"inc": b"9" * 200 + b"x"})
    announce(neighbour, "true", good)
    until(lambda: len(finder.seen("conductor")) > 0)
    assert [(advert.id, advert.port) for advert in finder.seen("conductor")] == [("x", 1)]


def test_packets_of_random_bytes_and_names_that_nobody_resolves_do_no_harm(
    finder: MdnsDiscovery, mesh: str
) -> None:
    chance = random.Random(7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        for size in range(0, 2_000, 20):
            sender.sendto(chance.randbytes(size), ("224.0.0.251", 5353))
        for number in range(20):
            sender.sendto(pointer(f"ghost-{number}"), ("224.0.0.251", 5353))
    publisher = MdnsDiscovery(mesh, "127.0.0.1")
    publisher.publish(Advert("conductor", mesh, "plant-a", "plant-a", 8421, addresses=("127.0.0.1",)))
    until(lambda: len(finder.seen("conductor")) == 1, 50)
    assert finder.seen("conductor")[0].endpoints == ("tcp://127.0.0.1:8421",)
    publisher.close()


def pointer(name: str) -> bytes:
    """Return a response that only says that a service of this name exists (RFC 1035, sections 4.1 and 3.3.12)."""
    service = (
        b"".join(bytes([len(p)]) + p.encode() for p in SERVICE["conductor"].rstrip(".").split(".")) + b"\0"
    )
    target = bytes([len(name)]) + name.encode() + service
    header = bytes.fromhex("000084000000000100000000")
    return header + service + bytes.fromhex("000c000100001194") + len(target).to_bytes(2, "big") + target


def test_an_advert_that_does_not_fit_is_not_made_and_the_next_one_is(
    finder: MdnsDiscovery, mesh: str
) -> None:
    publisher = MdnsDiscovery(mesh, "127.0.0.1")
    publisher.publish(Advert("conductor", mesh, "x" * 300, "plant-a", 1))
    publisher.publish(Advert("conductor", mesh, "y" * 200, "plant-a", 2, addresses=("127.0.0.1",)))
    until(lambda: len(finder.seen("conductor")) == 1)
    assert [advert.id for advert in finder.seen("conductor")] == ["y" * 200]
    publisher.close()
    publisher.publish(Advert("conductor", mesh, "late", "plant-a", 3))


def test_a_long_name_becomes_one_label_that_stays_unique() -> None:
    names = {instance_name(Advert("node", "m", "é" * 60 + str(n), "s")) for n in range(3)}
    assert len(names) == 3
    assert all(len(name.encode()) <= 63 and "." not in name for name in names)


def test_an_advert_that_nobody_answers_for_any_more_is_not_seen_for_long(
    finder: MdnsDiscovery, mesh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = MdnsDiscovery(mesh, "127.0.0.1")
    advert = Advert("conductor", mesh, "plant-a", "plant-a", 8421, addresses=("127.0.0.1",))
    publisher.publish(advert)
    until(lambda: len(finder.seen("conductor")) == 1)
    # A device that was killed says no goodbye, and its record stays in caches for 75 minutes.
    monkeypatch.setattr(finder, "_resolved", lambda _name, **_: False)
    monkeypatch.setattr("hive.discovery.mdns._LOOK_S", 0.0)
    # Other meshes of this machine are heard too, and passed over.
    (name,) = (name for name in finder._looks if name[1].startswith(instance_name(advert)))
    finder.add_service(finder._zeroconf, SERVICE["conductor"], name[1])
    until(lambda: finder.seen("conductor") == ())
    publisher.close()
