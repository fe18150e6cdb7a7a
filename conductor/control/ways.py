"""The search for the cheapest ways from given values to a wanted one, over capabilities with several inputs. Pure.

A capability is an AND-vertex, usable once all its named inputs are there, so ways are hyperpaths (Gallo, Longo,
Pallottino and Nguyen, "Directed hypergraphs and applications", 1993). A value is what has a data type, labels and an
ancestry: which givens went into it. One that carries labels which a capability's site forbids cannot enter it, and a
capability that is granted to remove a label yields a value without it. So the detour through a redaction is found by
the same search as every other way, and only where it is needed. A way costs as many steps as it has calls; finding the
least in such a graph is NP-hard in general, so of equal values only the cheapest few are carried on.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from conductor.control.values import Given, Served, Step

MAX_STEPS: Final = 8
_MAX_EQUALS: Final = 4
_MAX_COMBINATIONS: Final = 600
_MAX_CALLS: Final = 5_000

IsA = Callable[[str, str], bool]
"""Says whether a value of the first type may stand where the second is asked for."""


MayEnter = Callable[[Served, int], bool]
"""Says whether data with these labels may be given to a capability."""


def is_allowed(item: Served, labels: int) -> bool:
    """Say whether a capability's own site may have data with these labels."""
    return not labels & ~item.allowed_labels


class Value:
    """Something that can be had: a given, or what a capability makes of other values. Compared by identity.

    `calls` are the calls that make it, each once, in an order in which they can run; `givens` the ones it is made of.
    """

    __slots__ = ("calls", "givens", "item", "labels", "name", "parts", "type")

    def __init__(self, given: Given, index: int) -> None:
        """Stand for given number `index`."""
        self.type, self.labels, self.name = given.type, given.labels, given.name
        self.givens: tuple[int, ...] = (index,)
        self.item: Served | None = None
        self.parts: tuple[Value, ...] = ()
        self.calls: tuple[Value, ...] = ()

    @classmethod
    def made(cls, item: Served, parts: tuple[Value, ...]) -> Value:
        """Return what `item` makes of `parts`."""
        value = cls.__new__(cls)
        value.type, value.labels = item.output, _labels(parts) & ~item.removes
        value.name = parts[0].name if len(parts) == 1 else ""
        value.givens = tuple(sorted({index for part in parts for index in part.givens}))
        value.item, value.parts = item, parts
        value.calls = (*dict.fromkeys(call for part in parts for call in part.calls), value)
        return value

    @property
    def kind(self) -> tuple[str, int, tuple[int, ...]]:
        """Return what makes one value as good as another for what comes after."""
        return self.type, self.labels, self.givens

    def uses(self, item: Served) -> bool:
        """Say whether `item` is among the calls that make this."""
        return any(call.item is item for call in self.calls)

    def fitting(self) -> tuple[int, tuple[tuple[int, ...], ...]]:
        """Return a key by which to choose among equal ways: names that differ first, then the givens' order."""
        strangers = sum(
            part.name != name
            for call in self.calls
            if call.item is not None
            for (name, _), part in zip(call.item.inputs, call.parts, strict=True)
        )
        return strangers, tuple(part.givens for call in self.calls for part in call.parts)


def cheapest_ways(
    givens: Sequence[Given],
    items: Sequence[Served],
    is_a: IsA,
    wanted: Callable[[Value], bool],
    may_enter: MayEnter = is_allowed,
) -> list[list[Step]]:
    """Return the ways with the fewest calls to a made value that is `wanted`, one for each choice of capabilities.

    Several inputs of one type come from different givens, and are told apart by their names where these are those of
    the givens, else by their order.
    """
    best: dict[tuple[str, ...], Value] = {}
    fewest = MAX_STEPS
    for depth, made in enumerate(_rounds(givens, items, is_a, may_enter), 1):
        for value in made:
            if not wanted(value) or len(value.calls) > fewest:
                continue
            if len(value.calls) < fewest:
                best.clear()
                fewest = len(value.calls)
            names = tuple(sorted(call.item.capability for call in value.calls if call.item is not None))
            known = best.get(names)
            if known is None or value.fitting() < known.fitting():
                best[names] = value
        if depth >= fewest:  # what later rounds make takes more calls than that
            break
    return [_steps(value) for _, value in sorted(best.items())]


def _rounds(
    givens: Sequence[Given], items: Sequence[Served], is_a: IsA, may_enter: MayEnter
) -> Iterator[list[Value]]:
    """Yield what one more round of calls makes, until a round brings nothing cheaper or the search grows too large."""
    kept: dict[tuple[str, int, tuple[int, ...]], list[Value]] = {}
    for index, given in enumerate(givens):
        value = Value(given, index)
        kept.setdefault(value.kind, []).append(value)
    tried: set[tuple[Served, tuple[Value, ...]]] = set()
    while len(tried) < _MAX_CALLS:
        values = [value for equals in kept.values() for value in equals]
        fresh = [
            Value.made(item, parts)
            for item in items
            for parts in _choices(item, values, is_a, may_enter)
            if (item, parts) not in tried
        ]
        tried.update((value.item, value.parts) for value in fresh if value.item is not None)
        fresh = [value for value in fresh if len(value.calls) <= MAX_STEPS]
        yield fresh
        cheaper = [_keep(kept.setdefault(value.kind, []), value) for value in fresh]
        if not any(cheaper):
            return


def _choices(
    item: Served, values: Sequence[Value], is_a: IsA, may_enter: MayEnter
) -> Iterable[tuple[Value, ...]]:
    """Return which values may be the inputs of a call: of the right types, labels and ancestry."""
    fits = [[v for v in values if is_a(v.type, kind) and not v.uses(item)] for _, kind in item.inputs]
    for parts in itertools.islice(itertools.product(*fits), _MAX_COMBINATIONS):
        if may_enter(item, _labels(parts)) and _told_apart(item, parts):
            yield parts


def _told_apart(item: Served, parts: Sequence[Value]) -> bool:
    """Say whether inputs of one type come from different givens: nobody compares a thing with itself."""
    by_kind: dict[str, set[tuple[int, ...]]] = {}
    for (_, kind), part in zip(item.inputs, parts, strict=True):
        others = by_kind.setdefault(kind, set())
        if part.givens in others:
            return False
        others.add(part.givens)
    return True


def _keep(equals: list[Value], value: Value) -> bool:
    """Keep a value if none of its kind is cheaper; say whether it was kept."""
    fewest = len(equals[0].calls) if equals else MAX_STEPS + 1
    if len(value.calls) > fewest or (len(value.calls) == fewest and len(equals) >= _MAX_EQUALS):
        return False
    if len(value.calls) < fewest:
        equals.clear()
    equals.append(value)
    return True


def _labels(parts: Sequence[Value]) -> int:
    labels = 0
    for part in parts:
        labels |= part.labels
    return labels


def _steps(value: Value) -> list[Step]:
    steps = []
    for call in value.calls:
        item = call.item
        assert item is not None, "only made values are calls"
        inputs = tuple(
            (name, part.type, value.calls.index(part) if part.item is not None else -part.givens[0] - 1)
            for (name, _), part in zip(item.inputs, call.parts, strict=True)
        )
        labels = _labels(call.parts)
        steps.append(Step(item.capability, inputs, item.output, labels, labels & item.removes, item.rule))
    return steps
