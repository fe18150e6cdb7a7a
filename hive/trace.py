"""W3C trace context: a caller's trace goes with its task to every site and node that has a part in it.

Hive makes no spans of its own yet, so it hands the caller's span on unchanged, as the recommendation asks of those who
take no part (https://www.w3.org/TR/trace-context/#traceparent-header).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from hive.errors import HiveError

_FORM: Final = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_NO_ID: Final = bytes(16)
_NO_SPAN: Final = bytes(8)


class Trace(NamedTuple):
    """The trace that a task belongs to (16 bytes), the span that asked for it (8 bytes), and the flags."""

    trace_id: bytes = _NO_ID
    span_id: bytes = _NO_SPAN
    flags: int = 0


NO_TRACE: Final = Trace()


def parse_traceparent(text: str) -> Trace:
    """Return what a `traceparent` says; raise HiveError(bad_request) for one that is none.

    A version that is newer than 00 may say more, which is left out.
    """
    found = _FORM.fullmatch(text)
    if found is not None:
        version, trace_id, span_id, flags, more = found.groups()
        trace = Trace(bytes.fromhex(trace_id), bytes.fromhex(span_id), int(flags, 16))
        if trace.trace_id != _NO_ID and trace.span_id != _NO_SPAN and not (version == "00" and more):
            return trace
    raise HiveError(
        "bad_request",
        f"{text[:100]!r} is no `traceparent`: write 00, 32, 16 and 2 hexadecimal digits in lower case, with hyphens.",
    )


def traceparent_or_none(text: str | None) -> str | None:
    """Return a `traceparent` header if it is one: W3C asks to go on without the trace if it is not."""
    if text is None:
        return None
    try:
        parse_traceparent(text)
    except HiveError:
        return None
    return text
