"""The capability graph and the cheapest way through it. The one module that knows networkx.

Data types and capabilities are vertices; a capability is an AND-vertex, usable once all its named inputs are there, so
ways are hyperpaths (Gallo, Longo, Pallottino and Nguyen, "Directed hypergraphs and applications", 1993). The search
goes over pairs of data type and labels: a value that carries labels which a step's site forbids cannot enter that
step, and a capability that is granted to remove a label yields a value without it. So the detour through a redaction
is found by the same search as every other way, and only where it is needed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import networkx as nx

from hive.types import TypeRegistry

MAX_STEPS: Final = 6
_MAX_VALUES: Final = 2_000


@dataclass(frozen=True, slots=True)
class Served:
    """A capability that a granted node serves: its inputs, its output, the labels that it may remove and may see."""

    capability: str
    inputs: tuple[tuple[str, str], ...]
    output: str
    removes: int = 0
    allowed_labels: int = 0
    rule: str = ""
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """A value to begin with."""

    name: str
    type: str
    labels: int


@dataclass(frozen=True, slots=True)
class Step:
    """One call: `inputs` are (name, type, source), source < 0 for task input -(source + 1), else an earlier step."""

    capability: str
    inputs: tuple[tuple[str, str, int], ...]
    output: str
    labels: int
    removes: int
    rule: str


@dataclass(frozen=True, slots=True)
class _Value:
    """Something that can be had: a given, or the output of a capability applied to other values."""

    type: str
    labels: int
    origin: int  # index of a given, or -1
    made_by: Served | None = None
    parts: tuple[_Value, ...] = ()

    def calls(self) -> list[_Value]:
        """Return the calls that make this value, each once, in an order in which they can run."""
        ordered: dict[_Value, None] = {}
        for part in self.parts:
            ordered.update(dict.fromkeys(part.calls()))
        if self.made_by is not None:
            ordered[self] = None
        return list(ordered)


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

    def reaches(self, givens: Sequence[Given], type_or_capability: tuple[str, str]) -> bool:
        """Say whether any way leads there at all, labels and AND-vertices aside; a quick no."""
        starts = [("type", given.type) for given in givens if ("type", given.type) in self.graph]
        target = type_or_capability
        return target in self.graph and any(nx.has_path(self.graph, start, target) for start in starts)

    def ways_to_type(self, givens: Sequence[Given], wanted: str) -> list[list[Step]]:
        """Return every cheapest way from the givens to a value of type `wanted`; empty if there is none."""
        for values in self._rounds(givens):
            fits = [v for v in values if v.made_by is not None and self.types.is_a(v.type, wanted)]
            if fits:
                return self._cheapest(fits)
        return []

    def ways_to_capability(self, givens: Sequence[Given], capability: str) -> list[list[Step]]:
        """Return every cheapest way whose last step is `capability`; empty if there is none."""
        for values in self._rounds(givens):
            fits = [v for v in values if v.made_by is not None and v.made_by.capability == capability]
            if fits:
                return self._cheapest(fits)
        return []

    def _rounds(self, givens: Sequence[Given]) -> Iterable[list[_Value]]:
        """Yield what one more round of applying every capability makes possible."""
        values = [_Value(given.type, given.labels, index) for index, given in enumerate(givens)]
        seen = {(value.type, value.labels) for value in values}
        for _ in range(MAX_STEPS):
            fresh = [made for item in self.served.values() for made in self._apply(item, values)]
            yield fresh
            new = [value for value in fresh if (value.type, value.labels) not in seen]
            seen |= {(value.type, value.labels) for value in new}
            values += new
            if not new or len(values) > _MAX_VALUES:
                return

    def _apply(self, item: Served, values: Sequence[_Value]) -> Iterable[_Value]:
        choices = [[v for v in values if self.types.is_a(v.type, kind)] for _, kind in item.inputs]
        for parts in itertools.product(*choices):
            labels = 0
            for part in parts:
                labels |= part.labels
            if labels & ~item.allowed_labels or any(item is part.made_by for part in parts):
                continue
            yield _Value(item.output, labels & ~item.removes, -1, item, parts)

    def _cheapest(self, fits: Sequence[_Value]) -> list[list[Step]]:
        fewest = min(len(value.calls()) for value in fits)
        ways = [_steps(value) for value in fits if len(value.calls()) == fewest]
        unique: dict[tuple[str, ...], list[Step]] = {}
        for way in ways:
            unique.setdefault(tuple(step.capability for step in way), way)
        return list(unique.values())


def _steps(value: _Value) -> list[Step]:
    calls = value.calls()
    steps = []
    for call in calls:
        item = call.made_by
        assert item is not None, "calls() returns only made values"
        inputs = tuple(
            (name, part.type, -part.origin - 1 if part.made_by is None else calls.index(part))
            for (name, _), part in zip(item.inputs, call.parts, strict=True)
        )
        labels = 0
        for part in call.parts:
            labels |= part.labels
        steps.append(Step(item.capability, inputs, item.output, labels, labels & item.removes, item.rule))
    return steps
