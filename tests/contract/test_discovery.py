"""What every discovery does, whatever carries it: in memory, as a list, and over real multicast on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from hive.discovery.base import Advert, Discovery
from hive.discovery.mdns import MdnsDiscovery
from hive.discovery.static import StaticDiscovery
from tests.fakes.discovery import FakeLan
from tests.fakes.waiting import until

Ends = tuple[Discovery, Discovery]
"""The publisher's end and the finder's; the list has one end only."""


@pytest.fixture
def mesh() -> str:
    return f"m-{uuid4().hex[:8]}"  # runs beside each other share the loopback


@pytest.fixture(params=["memory", "static", "mdns"])
def ends(request: pytest.FixtureRequest, mesh: str) -> Iterator[Ends]:
    makers: dict[str, Callable[[], Ends]] = {
        "memory": lambda: _on_one_lan(FakeLan(), mesh),
        "static": lambda: (one := StaticDiscovery(mesh, {}), one),
        "mdns": lambda: (
            MdnsDiscovery(mesh, "127.0.0.1"),
            MdnsDiscovery(mesh, "127.0.0.1", ("node", "conductor")),
        ),
    }
    made = makers[request.param]()
    yield made
    for end in made:
        end.close()


def _on_one_lan(lan: FakeLan, mesh: str) -> Ends:
    return lan.join(mesh), lan.join(mesh)


def conductor(mesh: str, site: str = "plant-a", port: int = 8421) -> Advert:
    return Advert("conductor", mesh, site, site, port, 11, addresses=("127.0.0.1",))


def node(mesh: str, incarnation: int = 1) -> Advert:
    digest = "sha256:" + "ab" * 32
    return Advert(
        "node", mesh, "press-1/echo", "plant-a", 0, incarnation, "mesh.echo", digest, addresses=("127.0.0.1",)
    )


def test_what_is_published_is_seen_whole_under_its_kind_and_site(ends: Ends, mesh: str) -> None:
    here, there = ends
    here.publish(node(mesh))
    here.publish(conductor(mesh))
    here.publish(conductor(mesh, "plant-b", 8500))
    until(lambda: len(there.seen("conductor")) == 2 and len(there.seen("node")) == 1)
    assert there.seen("node") == (node(mesh),)
    assert there.seen("conductor") == (conductor(mesh), conductor(mesh, "plant-b", 8500))
    assert there.seen("conductor", "plant-b")[0].endpoints == ("tcp://127.0.0.1:8500",)
    assert there.seen("conductor", "plant-c") == ()


def test_the_same_id_again_replaces_the_advert(ends: Ends, mesh: str) -> None:
    here, there = ends
    here.publish(node(mesh, 1))
    until(lambda: there.seen("node") == (node(mesh, 1),))
    here.publish(node(mesh, 2))
    until(lambda: there.seen("node") == (node(mesh, 2),))


def test_meshes_on_one_lan_do_not_mix(ends: Ends, mesh: str) -> None:
    here, there = ends
    here.publish(replace(conductor(mesh), mesh="another", id="theirs"))
    here.publish(conductor(mesh))
    until(lambda: len(there.seen("conductor")) > 0)
    assert there.seen("conductor") == (conductor(mesh),)


def test_ids_that_no_dns_label_can_hold_stay_apart_and_whole(ends: Ends, mesh: str) -> None:
    here, there = ends
    long = [replace(node(mesh), id="presse-ö/" + "é" * 70 + end) for end in ".a"]
    for advert in long:
        here.publish(advert)
    until(lambda: len(there.seen("node")) == len(long))
    assert set(there.seen("node")) == set(long)
    here.withdraw("node", long[0].id)
    until(lambda: there.seen("node") == (long[1],))


def test_what_is_withdrawn_disappears_and_withdrawing_nothing_is_fine(ends: Ends, mesh: str) -> None:
    here, there = ends
    here.withdraw("node", "press-1/echo")
    here.publish(node(mesh))
    here.publish(conductor(mesh))
    until(lambda: len(there.seen("node") + there.seen("conductor")) == 2)
    here.withdraw("node", "press-1/echo")
    until(lambda: there.seen("node") == ())
    assert there.seen("conductor") == (conductor(mesh),)


def test_closing_withdraws_everything_and_may_be_done_twice(ends: Ends, mesh: str) -> None:
    here, there = ends
    here.publish(node(mesh))
    until(lambda: len(there.seen("node")) == 1)
    here.close()
    here.close()
    until(lambda: there.seen("node") == ())
