"""The fields of every kind: their names and what each may hold. The specification's tables are made from this."""

from __future__ import annotations

from typing import Final

from hive.gate import LinkPass
from hive.wire import messages as m
from hive.wire.checks import (
    TIME_MAX,
    U16_MAX,
    U32_MAX,
    U64_MAX,
    Check,
    anything,
    blob,
    document,
    flag,
    ids,
    integer,
    number,
    record,
    sequence,
    text,
)

MAX_FRAMES: Final = 34
WITH_BODY: Final = frozenset({m.Submit, m.Outcome, m.Reply, m.Work, m.Answer})


def checked(raw: dict[object, object], spec: dict[str, Check]) -> dict[str, object]:
    """Return the known fields of `raw`, each checked; unknown keys are ignored (a newer peer may add some)."""
    known: dict[str, object] = {}
    for key, value in raw.items():
        check = spec.get(key)  # type: ignore[call-overload]
        if check is not None:
            try:
                known[key] = check(value)  # type: ignore[index]
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
    return known


_REF = record(integer(0, U32_MAX), integer(0, U32_MAX))
_INPUTS = sequence(record(text, text, integer(0, MAX_FRAMES)), most=MAX_FRAMES)
_PAIRS = sequence(record(text, text), most=64)
_TIME = integer(0, TIME_MAX)


def _offer(value: object) -> object:
    """offer (a map)"""  # noqa: D403, D415 - the form of the field, see checks.form
    if type(value) is not dict:
        raise ValueError(f"want a map, got {value!r:.60}")
    return m.Offer(**checked(value, OFFER))  # type: ignore[arg-type]


OFFER: Final[dict[str, Check]] = {
    "capability": text,
    "version": text,
    "inputs": _PAIRS,
    "output": text,
    "digest": text,
    "specialist": text,
    "removes": sequence(text, most=64),
    "run_bound_us": _TIME,
    "types": sequence(document, most=64),
    "path": sequence(text, most=64),
    "labels": sequence(text, most=64),
    "credit": integer(0, U16_MAX),
    "latency_us": _TIME,
    "load": number,
    "idempotent": flag,
}
_OFFERS = sequence(_offer)
_NAMES = sequence(text, most=1024)
_LINK_FIELDS = record(text, text, text, _NAMES, integer(0, U64_MAX), _NAMES, _NAMES, flag)


def _link(value: object) -> object:
    """rule of policy.links (an array)"""  # noqa: D403, D415 - the form of the field, see checks.form
    return LinkPass(*_LINK_FIELDS(value))  # type: ignore[misc]


SPEC: Final[dict[type, dict[str, Check]]] = {
    m.Hello: {
        "role": text,
        "name": text,
        "mesh": text,
        "site": text,
        "incarnation": integer(0, U64_MAX),
        "version_min": integer(0, 255),
        "version_max": integer(0, 255),
        "features": sequence(text, most=64),
        "credit": integer(0, U16_MAX),
        "token": text,
        "offers": _OFFERS,
        "held": sequence(_REF),
        "unacked": sequence(_REF),
        "pid": integer(0, U32_MAX),
        "agent_pid": integer(0, U32_MAX),
        "host": text,
        "labels": sequence(text, most=64),
        "accepts": sequence(text, most=64),
    },
    m.Welcome: {
        "version": integer(0, 255),
        "conductor": text,
        "site": text,
        "principal": text,
        "state": text,
        "features": sequence(text, most=64),
        "capabilities": ids,
        "labels": sequence(text, most=64),
        "beat_us": _TIME,
        "max_body_bytes": _TIME,
        "drop": sequence(_REF),
    },
    m.Refuse: {"code": text, "detail": text, "about": integer(0, 255), "context": document},
    m.Bye: {"reason": text},
    m.Beat: {"turns": _TIME, "inflight": integer(0, U32_MAX), "busy_us": _TIME, "draining": flag},
    m.Credit: {"slots": integer(0, U16_MAX)},
    m.Offers: {"offers": _OFFERS},
    m.Submit: {
        "capability": text,
        "want": text,
        "inputs": _INPUTS,
        "min_confidence": number,
        "key": text,
        "principal": text,
        "retry_of": blob,
    },
    m.Receipt: {"state": text},
    m.Outcome: {
        "state": text,
        "capability": text,
        "output_type": text,
        "confidence": number,
        "error": document,
        "provenance": blob,
    },
    m.Cancel: {"principal": text},
    m.Query: {"ask": integer(0, U32_MAX), "what": text, "args": document, "principal": text},
    m.Reply: {"ask": integer(0, U32_MAX), "result": anything},
    m.Watch: {"principal": text},
    m.Event: {"what": text, "about": document},
    m.Work: {
        "inputs": _INPUTS,
        "capability": text,
        "principal": text,
        "via": sequence(text, most=64),
        "min_confidence": number,
        "unsure": flag,
    },
    m.Running: {"bound_us": _TIME},
    m.Answer: {
        "confidence": number,
        "removed": integer(0, U64_MAX),
        "queued_us": _TIME,
        "run_us": _TIME,
        "provenance": blob,
    },
    m.Revoke: {"reason": text},
    m.Ack: {"answers": _TIME},
    m.Seen: {"ask": integer(0, U32_MAX), "name": text, "site": text, "offers": _OFFERS, "role": text},
    m.Verdict: {
        "ask": integer(0, U32_MAX),
        "name": text,
        "allowed_labels": integer(0, U64_MAX),
        "grants": sequence(document),
        "refused": document,
    },
    m.PlanWanted: {
        "ask": integer(0, U32_MAX),
        "capability": text,
        "want": text,
        "have": _PAIRS,
        "labels": integer(0, U64_MAX),
        "principal": text,
        "via": sequence(text, most=64),
    },
    m.Plan: {
        "ask": integer(0, U32_MAX),
        "generation": integer(0, U32_MAX),
        "steps": sequence(document, most=64),
        "refused": document,
        "default_labels": integer(0, U64_MAX),
    },
    m.Generation: {
        "generation": integer(0, U32_MAX),
        "allowed_labels": integer(0, U64_MAX),
        "rule": text,
        "labels": sequence(text, most=64),
        "quotas": sequence(record(text, integer(0, U32_MAX))),
        "sites": sequence(record(text, integer(0, U64_MAX), text)),
        "links": sequence(_link),
    },
    m.Journal: {"entries": sequence(anything, most=1 << 16), "counts": document, "dropped": _TIME},
}
