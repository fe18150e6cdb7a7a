"""What the gateway is shown of nodes that are only advertised."""

from __future__ import annotations

from conductor.control.planner import Planner
from conductor.control.view import ControlView
from conductor.core.nodes import Node
from conductor.core.queries import node_view
from conductor.core.settings import Settings
from hive.config import parse_config
from hive.config_source import parse_source
from hive.discovery.base import Advert
from hive.wire.messages import EMPTY, Hello, Offer

PLANNER = Planner(parse_config(parse_source("mesh: m\nsites: {plant: {}}\n", "m.yaml")), "plant", 1)
ADVERT = Advert("node", "m", "press-1/echo", "plant", 0, 7, "mesh.echo", "sha256:ab")


def test_an_advert_is_a_joining_node_without_process_or_credit() -> None:
    (row,) = ControlView(PLANNER, lambda: (ADVERT,)).adverts()
    said = {name: row[name] for name in ("id", "incarnation", "site", "capability", "digest")}
    assert said == {
        "id": "press-1/echo",
        "incarnation": 7,
        "site": "plant",
        "capability": "mesh.echo",
        "digest": "sha256:ab",
    }
    assert (row["state"], row["pid"], row["credit"], row["inflight"]) == ("joining", 0, 0, 0)


def test_its_row_has_the_fields_of_a_connected_node() -> None:
    offer = Offer("mesh.echo", "1.0.0", (("text", "text"),), "text", "sha256:ab", "mesh-echo@1.0.0", ())
    hello = Hello(EMPTY, role="node", name="press-1/echo", mesh="m", site="plant", offers=(offer,))
    connected = node_view(Node(hello, 1, "tcp://127.0.0.1:1", 0, Settings()), "mesh.echo")
    (row,) = ControlView(PLANNER, lambda: (ADVERT,)).adverts()
    assert {name: type(value) for name, value in row.items()} == {n: type(v) for n, v in connected.items()}


def test_what_strangers_advertise_is_shown_up_to_a_bound() -> None:
    assert len(ControlView(PLANNER, lambda: (ADVERT,) * 5_000).adverts()) == 256


def test_without_discovery_nothing_is_advertised() -> None:
    assert ControlView(PLANNER).adverts() == []
