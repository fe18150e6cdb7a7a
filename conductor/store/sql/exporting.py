"""A store as lines of JSON: what was asked and what it came to; bodies only with labels that may leave."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, cast

from conductor.core.records import OPEN
from conductor.store.sql.database import Database, Row
from conductor.store.sql.schema import INPUT, RESULT
from conductor.store.sql.statements import statements
from hive.wire.codec import unpack_document

_PAGE: Final = 200
_KINDS: Final = {INPUT: "inputs", RESULT: "results"}


def exported(
    database: Database, labels: frozenset[str] | None, states: frozenset[str]
) -> Iterator[dict[str, object]]:
    """Yield each task, in `states` if there are any, in the order in which they were accepted.

    Bodies are there only if every one of their labels is among `labels`; None leaves all of them out.
    """
    text = statements(database.dialect)
    after = 0
    while page := database.rows(text["export page"], (after, _PAGE)):
        bodies = _bodies(database.rows(text["export bodies"], (after, page[-1][0])), labels) if labels else {}
        after = page[-1][0]
        for row in page:
            task = _task(row)
            if not states or task["state"] in states:
                yield {**task, **bodies.get(row[0], {})} if labels is not None else task


def _task(row: Row) -> dict[str, object]:
    _, principal, ident, key, capability, labels, created_us, state, code, closed_us, attempts = row
    return {
        "task": bytes(ident).hex(),
        "principal": principal,
        "key": key,
        "capability": capability,
        "labels": json.loads(labels),
        "state": state or OPEN,
        "code": code or "",
        "attempts": attempts,
        "created": _at(created_us),
        "closed": _at(closed_us) if closed_us is not None else None,
    }


def _bodies(rows: Sequence[Row], labels: frozenset[str]) -> dict[int, dict[str, object]]:
    found: defaultdict[int, dict[str, object]] = defaultdict(dict)
    for seq, kind, _, name, data_type, names, packed in rows:
        if kind not in _KINDS:
            continue
        carried = json.loads(names)
        shown: dict[str, object] = {"name": name, "type": data_type, "labels": carried}
        if labels.issuperset(carried):
            frames = cast("list[bytes]", unpack_document(bytes(packed), len(packed)))
            shown["frames_base64"] = [base64.b64encode(frame).decode() for frame in frames]
        cast("list[object]", found[seq].setdefault(_KINDS[kind], [])).append(shown)
    return found


def _at(store_us: int) -> str:
    """Return an instant of the store's timeline as wall time, which it is unless a clock was moved since the boot."""
    return datetime.fromtimestamp(store_us / 1e6, UTC).isoformat(timespec="milliseconds")
