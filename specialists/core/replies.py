"""How a node's messages are filled in: the attempt's names and trace, our flags, our clock."""

from __future__ import annotations

from typing import Final

from hive.core.outbox import bitmap
from hive.wire.messages import EMPTY, NO_DEADLINE_US, Answer, Flag, Header, Kind, Refuse
from specialists.core.batching import Item
from specialists.core.events import Done, Failed

_UNSURE: Final = int(Flag.UNSURE)


def plain_header(now_us: int) -> Header:
    """Return the header of a message that is about no attempt."""
    return EMPTY._replace(sent_us=now_us)


def reply_header(asked: Header, flags: int, now_us: int) -> Header:
    """Return the header of a reply to `asked`. By position: this is on the hot path."""
    return Header(
        flags,
        asked.priority,
        asked.hops,
        asked.trace_flags,
        asked.step,
        asked.capability,
        asked.principal,
        asked.origin,
        asked.epoch,
        asked.attempt,
        NO_DEADLINE_US,
        now_us,
        asked.labels,
        asked.task,
        asked.trace_id,
        asked.span_id,
    )


def answer_to(item: Item, result: Done, labels: dict[str, int], run_us: int, now_us: int) -> Answer:
    """Return the answer to an attempt. An unsure model has removed no label, whatever it says."""
    return Answer(
        reply_header(item.work.header, _UNSURE if result.unsure else 0, now_us),
        result.confidence,
        bitmap(removed_by(result), labels),
        item.started_us - item.arrived_us,
        run_us,
        result.body,
    )


def removed_by(result: Done) -> tuple[str, ...]:
    """Return the labels that count as removed."""
    return () if result.unsure else result.removes


def refusal_of(item: Item, why: Failed, now_us: int) -> Refuse:
    """Return the refusal of an attempt; it returns the slot."""
    return Refuse(reply_header(item.work.header, 0, now_us), why.code, why.detail, Kind.WORK, why.context)
