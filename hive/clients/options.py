"""What `run`, `submit` and `map` take beside the capability and the input, for type checkers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict


class MapOptions(TypedDict, total=False):
    """What `map` takes beside the capability and the inputs; see `Wish` for what each means."""

    want: str | None
    input_type: str | Mapping[str, str] | None
    labels: Sequence[str]
    deadline_ms: int
    priority: int
    min_confidence: float
    durable: bool | None
    hold: bool


class Options(MapOptions, total=False):
    """What `run` and `submit` take beside the capability and the input; see `Wish` for what each means."""

    inputs: Mapping[str, object] | None
    idempotency_key: str | None
    traceparent: str | None
