"""How a task came to its outcome, for whoever asks: its plan, its attempts at every site, what crossed an edge."""

from __future__ import annotations

from itertools import islice
from typing import Final

from conductor.core.journey import Journey
from conductor.core.tasks import Task
from hive.errors import HiveError
from hive.wire.codec import pack_document, unpack_document

_PROVENANCE_MAX: Final = 64 << 10
_ROWS_MAX: Final = 64
_ATTEMPT: Final = (int, int, str, str, str, str, int, int, str, str)
_HEDGE: Final = (str, int)
_CROSSING: Final = (str, str, list, int, str)
_NO_TRACE: Final = bytes(16)


def provenance(task: Task, site: str) -> bytes:
    """Return plan and attempts as a msgpack document, packed once for a finished task.

    An attempt says which `site`'s conductor gave it; those that a linked site made follow the one that went there.
    """
    if task.provenance:
        return task.provenance
    plan = [step.capability for step in task.route.steps] if task.route else []
    attempts: list[object] = []
    hedges: list[object] = [(site, a.number) for a in task.attempts if a.hedge]
    for a in task.attempts:
        row = (a.step, a.number, a.node.id, a.node.site, a.node.digest, a.ended, a.queued_us, a.run_us)
        attempts.append((*row, a.node.offer.capability, site))
        if a.provenance:
            beyond = _unpacked(a.provenance)
            attempts += _rows(beyond.get("attempts"), _ATTEMPT)
            hedges += _rows(beyond.get("hedges"), _HEDGE)
    document: dict[str, object] = {"plan": plan, "attempts": attempts}
    if task.forgotten:
        document["forgotten"] = task.forgotten
    if hedges:
        document["hedges"] = hedges
    if task.header.trace_id != _NO_TRACE:
        document["trace"] = task.header.trace_id.hex()
    if task.journey is not None:
        _beyond(task, task.journey, document)
    packed = pack_document(document)
    if task.closed:
        task.provenance = packed
    return packed


def _beyond(task: Task, journey: Journey, document: dict[str, object]) -> None:
    """Add what crossed the edge of this site, and the edges behind it by what they say, in the order of the way."""
    crossings: list[object] = []
    own = iter(journey.crossed)
    for attempt in task.attempts:
        if attempt.node.peer is not None:
            crossings += [tuple(crossed) for crossed in islice(own, 1)]
            crossings += _rows(_unpacked(attempt.provenance).get("crossings"), _CROSSING)
    if journey.returned is not None:
        crossings.append(tuple(journey.returned))
    if crossings:
        document["crossings"] = crossings
    if journey.via:
        document["via"] = list(journey.via)
    if journey.alone:
        document["alone"] = list(dict.fromkeys(journey.alone))


def _rows(said: object, kinds: tuple[type, ...]) -> list[object]:
    """Return the rows of a peer's list that are what they should be; it may have written anything."""
    rows = said if isinstance(said, list) else []
    return [row for row in rows[:_ROWS_MAX] if isinstance(row, list) and _fits(row, kinds)]


def _fits(row: list[object], kinds: tuple[type, ...]) -> bool:
    """Say whether a row has these types, a list in it being one of names."""
    if len(row) != len(kinds) or not all(map(isinstance, row, kinds)):
        return False
    return all(isinstance(name, str) for item in row if isinstance(item, list) for name in item)


def _unpacked(provenance: bytes) -> dict[str, object]:
    """Return a peer's provenance, nothing if it makes no sense."""
    if not provenance:
        return {}
    try:
        said = unpack_document(provenance, _PROVENANCE_MAX)
    except HiveError:
        return {}
    return said if isinstance(said, dict) else {}
