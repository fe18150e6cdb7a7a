"""The capability graph. The one module that knows networkx.

Data types and capabilities are vertices; `is_a` edges join types. The graph says which capabilities can matter for a
wish at all, and is what is drawn; the way itself is found in `conductor.control.ways`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import networkx as nx

from conductor.control.values import Given, Served, Step
from conductor.control.ways import MayEnter, cheapest_ways, is_allowed
from hive.types import TypeRegistry


class CapabilityGraph:
    """An immutable picture of what the site can do."""

    def __init__(self, types: TypeRegistry, served: Iterable[Served]) -> None:
        """Build the graph from granted capabilities; data types that only a node names must be in `types`."""
        self.types = types
        self.served: Mapping[str, Served] = {entry.capability: entry for entry in served}
        self.graph = nx.DiGraph()
        for entry in types.all():
            self.graph.add_node(("type", entry.name))
            if entry.is_a:
                self.graph.add_edge(("type", entry.name), ("type", entry.is_a), kind="is_a")
        for item in self.served.values():
            for name, kind in item.inputs:
                self.graph.add_edge(("type", kind), ("capability", item.capability), kind="input", name=name)
            self.graph.add_edge(("capability", item.capability), ("type", item.output), kind="output")

    def ways_to_type(
        self, givens: Sequence[Given], wanted: str, may_enter: MayEnter = is_allowed
    ) -> list[list[Step]]:
        """Return every cheapest way from the givens to a value of type `wanted`; empty if there is none."""
        items = self._that_matter(("type", wanted))
        is_a = self.types.is_a
        return cheapest_ways(givens, items, is_a, lambda v: is_a(v.type, wanted), may_enter)

    def ways_to_capability(
        self, givens: Sequence[Given], capability: str, may_enter: MayEnter = is_allowed
    ) -> list[list[Step]]:
        """Return every cheapest way whose last step is `capability`; empty if there is none."""
        last = self.served.get(capability)
        items = self._that_matter(("capability", capability))
        return cheapest_ways(givens, items, self.types.is_a, lambda v: v.item is last, may_enter)

    def _that_matter(self, target: tuple[str, str]) -> list[Served]:
        """Return the capabilities from which any way leads to the target, labels and AND-vertices aside, by name."""
        if target not in self.graph:
            return []
        before = nx.ancestors(self.graph, target) | {target}
        return [item for name, item in sorted(self.served.items()) if ("capability", name) in before]
