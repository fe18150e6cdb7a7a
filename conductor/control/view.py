"""What the gateway may see of the control plane: types, capabilities and the graph, as JSON, DOT and SVG."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from conductor.control import draw
from conductor.control.planner import Planner
from hive.discovery.base import Advert
from hive.types import TypeRegistry

_MOST_ADVERTS: Final = 256
"""Anyone on the LAN may advertise; what is shown of it is bounded."""


class ControlView:
    """Snapshots of a Planner and of what is advertised."""

    def __init__(self, planner: Planner, advertised: Callable[[], tuple[Advert, ...]] = tuple) -> None:
        """Look at `planner`; `advertised` returns the adverts of nodes, none by default."""
        self._planner = planner
        self._advertised = advertised

    @property
    def types(self) -> TypeRegistry:
        """Return every data type that the site knows."""
        return self._planner.types

    def capabilities(self) -> Sequence[Mapping[str, object]]:
        """Return what can be asked for, with inputs, output, and which labels each may remove."""
        labels = self._planner.labels
        return [
            {
                "capability": item.capability,
                "inputs": dict(item.inputs),
                "output": item.output,
                "removes": list(labels.unpack(item.removes)),
                "digests": list(item.digests),
                "rule": item.rule,
            }
            for _, item in sorted(self._planner.graph.served.items())
        ]

    def adverts(self) -> Sequence[Mapping[str, object]]:
        """Return a row per advertised node, in the form of the dispatcher's rows. Nothing is given work for it."""
        return [advert_row(advert) for advert in self._advertised()[:_MOST_ADVERTS]]

    def graph_json(self) -> Mapping[str, object]:
        """Return vertices and edges."""
        graph = self._planner.graph.graph
        used = draw.used_vertices(graph)
        return {
            "site": self._planner.site,
            "generation": self._planner.generation,
            "vertices": [{"kind": kind, "name": name} for kind, name in sorted(used)],
            "edges": [
                {"from": source[1], "to": target[1], "kind": data["kind"], "name": data.get("name")}
                for source, target, data in sorted(
                    graph.edges(data=True), key=lambda edge: (edge[0], edge[1])
                )
                if source in used and target in used
            ],
        }

    def graph_dot(self) -> str:
        """Return the graph in Graphviz' language."""
        return draw.dot(self._planner.graph.graph)

    def graph_svg(self) -> str:
        """Return a drawing of the graph."""
        return draw.svg(self._planner.graph.graph)


def advert_row(advert: Advert) -> dict[str, object]:
    """Return a node that is only advertised as a row of `hive nodes`: without a session, process or credit."""
    return {
        "id": advert.id,
        "incarnation": advert.incarnation,
        "site": advert.site,
        "specialist": "",
        "capability": advert.capability,
        "digest": advert.digest,
        "state": "joining",
        "pid": 0,
        "agent_pid": 0,
        "host": "",
        "endpoint": "",
        "inflight": 0,
        "credit": 0,
        "probation": 0,
        "faults": 0,
        "run_us": 0,
    }
