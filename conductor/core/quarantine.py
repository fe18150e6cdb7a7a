"""Nodes that come and go too often: set aside with back-off, then on probation before they are trusted again.

A loss within the window counts against a name; from `flap_losses` of them on a node that comes back as another boot is
quarantined, each time for twice as long. After that it is on probation: it has one attempt at a time until it has
answered `probation_answers`, and a loss meanwhile sends it back for twice as long at once. A node that comes back as
the same boot did not crash, its link broke: it serves at once, on probation.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from conductor.core.nodes import Node
    from conductor.core.state import State

_NAMES_MAX: Final = 10_000
_DOUBLINGS_MAX: Final = 10


class Flaps:
    """The losses of one name that count, and how often it was set aside for them without proving itself since."""

    __slots__ = ("level", "losses", "until_us")

    def __init__(self) -> None:
        """Start with none."""
        self.losses: deque[int] = deque(maxlen=64)
        self.level = 0
        self.until_us = 0


def flapped(s: State, node: Node) -> None:
    """Count the loss of a node, and set its name aside if that was one too many."""
    if node.pool is None:
        return  # a name that policy never granted anything: it can hold no work either
    settings = s.settings
    oldest = s.now_us - settings.flap_window_us
    if len(s.flaps) >= _NAMES_MAX:
        s.flaps = {name: f for name, f in s.flaps.items() if f.losses[-1] >= oldest or f.until_us > s.now_us}
    flaps = s.flaps.setdefault(node.id, Flaps())
    while flaps.losses and flaps.losses[0] < oldest:
        flaps.losses.popleft()
    if not flaps.losses and not node.probation:
        flaps.level = 0
    flaps.losses.append(s.now_us)
    if node.probation or len(flaps.losses) >= settings.flap_losses:
        set_aside_us = settings.quarantine_us << min(flaps.level, _DOUBLINGS_MAX)
        flaps.until_us = s.now_us + min(settings.quarantine_max_us, set_aside_us)
        flaps.level += 1


def quarantined_until(s: State, node_id: str) -> int:
    """Return until when a node that came and went too often is set aside; 0 if it never was."""
    flaps = s.flaps.get(node_id)
    return flaps.until_us if flaps is not None else 0


def on_probation(s: State, node: Node) -> None:
    """Give a node that was set aside one attempt at a time, until it has proved itself."""
    node.probation = s.settings.probation_answers
    if node.probation:
        node.credit = min(node.granted, 1)
        s.note("node", "probation", node.id)


def proved(s: State, node: Node) -> None:
    """Count an answer of a node on probation; the last one that is wanted gives it all of its slots."""
    node.probation -= 1
    if not node.probation:
        node.credit = node.granted
        s.note("node", "proved", node.id)
