"""What the API takes and returns, for the check of requests and for the OpenAPI page. The one pydantic module here."""

from __future__ import annotations

import json
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, from_json

from hive.clients.request import DEFAULT_DEADLINE_MS, MAX_DEADLINE_MS, MAX_KEY, MAX_PRIORITY, Wish
from hive.errors import HiveError
from hive.trace import traceparent_or_none

State = Literal["queued", "running", "done", "failed", "dead_lettered", "cancelled", "expired", "refused"]
_STRICT: Final = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)
_MODEL = TypeVar("_MODEL", bound=BaseModel)
_SHOWN: Final = 5


class TaskIn(BaseModel):
    """A task. Either `capability` or `want` says what is wanted."""

    model_config = ConfigDict(
        **_STRICT,
        json_schema_extra={
            "examples": [
                {
                    "capability": "text.classify_intent",
                    "input": "switch the light on",
                    "labels": ["internal"],
                },
                {
                    "capability": "sensor.detect_anomaly",
                    "input": {
                        "source": "pump-7",
                        "start": "2026-01-01T00:00:00Z",
                        "channels": ["temperature", "pressure"],
                        "interval_s": 60,
                        "values": [[41.5, 2.0], [41.7, None]],
                        "context": None,
                    },
                },
            ]
        },
    )

    capability: str | None = Field(None, max_length=200, description="The capability to call.")
    want: str | None = Field(None, max_length=200, description="The data type that is wanted, instead.")
    input: Any = Field(None, description="The value of a single input, in the JSON form of its data type.")
    inputs: dict[str, Any] | None = Field(None, description="The values of several inputs, by name.")
    input_type: str | dict[str, str] | None = Field(
        None,
        description="The input's data type where it is not the declared one; by name for several inputs.",
    )
    labels: list[str] = Field([], max_length=64, description="The data's labels; else the site's default.")
    deadline_ms: int = Field(
        DEFAULT_DEADLINE_MS, ge=1, le=MAX_DEADLINE_MS, description="How long it may take, from now."
    )
    priority: int = Field(5, ge=0, le=MAX_PRIORITY, description="0 to 9, higher is served first.")
    min_confidence: float = Field(0.0, ge=0, le=1, description="Below it, an answer is marked `unsure`.")
    idempotency_key: str | None = Field(
        None, min_length=1, max_length=MAX_KEY, description="The same key and request again is the same task."
    )
    durable: bool | None = Field(
        None,
        description="Acknowledge only after the store has committed. Default: true without `?wait=1`, "
        "or with an idempotency key.",
    )
    hold: bool = Field(
        False,
        description="Wait, within the deadline, for a site that cannot be reached, instead of a refusal.",
    )
    traceparent: str | None = Field(
        None, max_length=512, description="W3C trace context; without it, the request's header of that name."
    )
    id: str | None = Field(
        None,
        pattern=r"^[0-9a-fA-F]{32}$",
        description="The task's id, chosen by the caller so that a repeated request is recognised.",
    )

    def wish(self, traceparent: str | None = None) -> Wish:
        """Return what is asked for. Raises HiveError(bad_request) where fields contradict each other.

        `traceparent` is the request's header, which counts where the task has none.
        """
        wish = Wish(
            self.capability, self.input, self.want, self.inputs, self.input_type, self.labels, self.deadline_ms,
            self.priority, self.min_confidence, self.idempotency_key, self.durable, self.hold,
            self.traceparent or traceparent_or_none(traceparent),
        )  # fmt: skip
        if self.id is not None and self.idempotency_key is not None:
            raise HiveError("bad_request", "Give either `id` or `idempotency_key`: the key decides the id.")
        return wish


_QUOTED: Final = {name: f'"{name}"'.encode() for name in TaskIn.model_fields}


class TaskOut(BaseModel):
    """An accepted task."""

    id: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015"])
    state: State


class TaskRow(BaseModel):
    """One task of a list."""

    id: str
    state: State
    capability: str
    attempts: int
    step: int
    nodes: list[str]
    age_ms: int
    code: str = Field(description="The code of its error; empty without one.")
    durable: bool
    cursor: int = Field(description="Give that of the last row as `before` to get the next page.")


class Attempt(BaseModel):
    """One try of a step on one node."""

    step: int
    attempt: int
    node: str
    site: str
    model_digest: str
    ended: str
    queued_ms: float
    run_ms: float
    capability: str
    conductor: str = Field(
        description="The site whose conductor gave it; those of other sites follow the first."
    )
    hedge: bool = Field(False, description="It ran beside a slow attempt; the first answer counts.")


class Crossing(BaseModel):
    """A body that went from one site to another, and the rule of policy that let it."""

    source: str = Field(alias="from")
    target: str = Field(alias="to")
    labels: list[str]
    bytes: int
    rule: str


class Provenance(BaseModel):
    """How the answer came about."""

    plan: list[str]
    attempts: list[Attempt]
    crossings: list[Crossing]
    alone: list[str] = Field(description="Sites that would have been asked, had they been reachable.")
    via: list[str] = Field(description="Sites that the task had passed when it came here.")
    trace: str | None = Field(description="The id of the trace that the caller named: 32 hexadecimal digits.")


class ResultOut(TaskOut):
    """The outcome of a task, or where it stands."""

    capability: str | None
    output_type: str | None
    output: Any
    confidence: float | None
    unsure: bool
    labels: list[str]
    error: dict[str, Any] | None
    provenance: Provenance


class Problem(BaseModel):
    """RFC 9457. `code` is stable; further members say more, such as `rule`, `labels` or `retry_after_ms`."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:hive:error:queue_full"])
    title: str
    status: int
    detail: str
    code: str
    instance: str


def parse_json(raw: bytes) -> object:
    """Return the JSON value in `raw`; raise HiveError(bad_request) for anything else: NaN, too deep, not UTF-8.

    A field of a task that is given twice is refused too: readers differ in which one counts (RFC 8259, 4).
    """
    try:
        value: Any = from_json(raw, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise HiveError("bad_request", f"The body is not JSON: {error}.") from None
    # Most bodies pass by this count; the parser that sees every pair takes ten times as long as the first one.
    many = isinstance(value, list)
    names = _QUOTED if many else _QUOTED.keys() & value.keys() if isinstance(value, dict) else ()
    most = len(value) if many else 1
    if b"\\u" in raw or any(raw.count(_QUOTED[name]) > most for name in names):
        _refuse_twins(raw)
    return value


def _refuse_twins(raw: bytes) -> None:
    """Raise HiveError(bad_request) for a field that is given twice in one task."""
    pairs = json.loads(raw, object_pairs_hook=tuple)
    for item in pairs if isinstance(pairs, list) else (pairs,):
        seen: set[str] = set()
        for name, _ in item if isinstance(item, tuple) else ():
            if name in seen:
                raise HiveError("bad_request", f"`{name}` is given twice; remove one.", field=name)
            seen.add(name)


def parse(model: type[_MODEL], value: object) -> _MODEL:
    """Return `value` as a `model`; raise HiveError(bad_request) that names each wrong field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise _bad_request(model, found) from None


def _bad_request(model: type[BaseModel], found: list[ErrorDetails]) -> HiveError:
    rows = [{"field": _field(item), "problem": _problem(model, item)} for item in found[:_SHOWN]]
    detail = "; ".join(
        f"`{row['field']}`: {row['problem']}" if row["field"] else row["problem"] for row in rows
    )
    return HiveError("bad_request", f"{detail}.", fields=rows)


def _field(item: ErrorDetails) -> str:
    return ".".join(str(part) for part in item["loc"] if part not in ("str", "dict[str,str]"))


def _problem(model: type[BaseModel], item: ErrorDetails) -> str:
    if item["type"] == "extra_forbidden":
        return f"unknown field; known are {', '.join(model.model_fields)}"
    if item["type"] == "model_type":
        return "The body must be a JSON object"
    return item["msg"]
