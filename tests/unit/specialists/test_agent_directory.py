"""Which endpoints an agent's workers are told to try, and what is advertised of them."""

from __future__ import annotations

from hive.discovery.base import Advert
from hive.discovery.static import StaticDiscovery
from specialists.agent_directory import Directory

S = 1_000_000
HERE = Advert("conductor", "factory", "plant-a", "plant-a", 8421, addresses=("10.0.0.1",))
NODE = Advert("node", "factory", "press-1/echo", "plant-a", incarnation=3)


def test_what_is_advertised_for_the_site_is_found_and_remembered() -> None:
    discovery = StaticDiscovery("factory", {"plant-b": "tcp://10.0.0.9:1"})
    directory = Directory("plant-a", discovery, fallbacks=("tcp://f:1",))
    assert directory.conductors(0) == ()
    discovery.publish(HERE)
    assert directory.conductors(1) == ("tcp://10.0.0.1:8421",)
    discovery.withdraw("conductor", "plant-a")
    assert directory.conductors(60 * S) == ("tcp://10.0.0.1:8421",)
    directory.close()


def test_a_conductor_that_moved_is_tried_before_where_it_was() -> None:
    discovery = StaticDiscovery("factory", {"plant-a": "tcp://10.0.0.1:1"})
    directory = Directory("plant-a", discovery)
    found = directory.conductors(0)
    for port in (2, 3, 4):
        discovery.publish(Advert("conductor", "factory", "plant-a", "plant-a", port, addresses=("10.0.0.1",)))
        found = directory.conductors(0)
    assert found == ("tcp://10.0.0.1:4", "tcp://10.0.0.1:3")
    directory.close()


def test_the_list_comes_first_and_fallbacks_only_when_nothing_is_found() -> None:
    discovery = StaticDiscovery("factory", {"plant-a": "tcp://10.0.0.1:1"})
    directory = Directory("plant-a", discovery, listed=("tcp://l:1",), fallbacks=("tcp://f:1",))
    assert directory.conductors(0) == ("tcp://l:1", "tcp://10.0.0.1:1")
    directory.close()
    empty = Directory("plant-a", StaticDiscovery("factory", {}), fallbacks=("tcp://f:1",))
    assert [empty.conductors(at) for at in (0, 3 * S - 1, 3 * S)] == [(), (), ("tcp://f:1",)]
    empty.close()
    assert Directory("plant-a", None, fallbacks=("tcp://f:1",)).conductors(0) == ("tcp://f:1",)


def test_adverts_are_made_and_withdrawn_in_turn() -> None:
    class Recorder(StaticDiscovery):
        def __init__(self) -> None:
            super().__init__("factory", {})
            self.history: list[tuple[str, object]] = []

        def publish(self, advert: Advert) -> None:
            self.history.append(("publish", advert))

        def withdraw(self, kind: str, name: str) -> None:
            self.history.append((f"withdraw {kind}", name))

        def close(self) -> None:
            self.history.append(("close", None))

    recorder = Recorder()
    directory = Directory("plant-a", recorder)
    directory.publish(NODE)
    directory.withdraw(NODE.id)
    directory.close()
    assert recorder.history == [("publish", NODE), ("withdraw node", NODE.id), ("close", None)]
