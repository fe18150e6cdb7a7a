"""Tasks that wait for one capability at one priority, in order, and by the labels of their data.

A node that may have only some labels is not led past every task that it may not have: they stand in other groups.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from heapq import merge
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conductor.core.tasks import Task


class Line:
    """A queue that can be read as a whole or by what a reader may have; adding and removing cost the same always."""

    __slots__ = ("_back", "_front", "_groups", "_labels")

    def __init__(self) -> None:
        """Start empty."""
        self._groups: dict[int, OrderedDict[Task, int]] = {}  # labels -> tasks with their places, in order
        self._labels: dict[Task, int] = {}
        self._front = self._back = 0

    def add(self, task: Task, labels: int, *, first: bool = False) -> None:
        """Let a task wait behind all others, or before them."""
        group = self._groups.setdefault(labels, OrderedDict())
        self._labels[task] = labels
        if first:
            self._front -= 1
            group[task] = self._front
            group.move_to_end(task, last=False)
        else:
            self._back += 1
            group[task] = self._back

    def remove(self, task: Task) -> None:
        """Let a task wait no longer."""
        labels = self._labels.pop(task)
        group = self._groups[labels]
        del group[task]
        if not group:
            del self._groups[labels]

    def permitted(self, allowed: int) -> Iterator[Task]:
        """Yield the tasks with no other labels than these, in order."""
        return self._merged([group for labels, group in self._groups.items() if not labels & ~allowed])

    def _merged(self, groups: list[OrderedDict[Task, int]]) -> Iterator[Task]:
        if len(groups) == 1:
            return iter(groups[0])
        placed = [((place, task) for task, place in group.items()) for group in groups]
        return (task for _, task in merge(*placed))

    def __iter__(self) -> Iterator[Task]:
        """Yield every task, in order."""
        return self._merged(list(self._groups.values()))

    def __contains__(self, task: Task) -> bool:
        """Say whether a task waits here."""
        return task in self._labels

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._labels)
