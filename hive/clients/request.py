"""What a caller asks for, checked and turned into a SUBMIT or into the JSON of the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

from hive.errors import HiveError
from hive.ids import TaskId, new_task_id, task_id_for_key
from hive.labels import LabelTable
from hive.record import record
from hive.trace import NO_TRACE, parse_traceparent
from hive.types import DataType, TypeRegistry, parse_data_type
from hive.wire.messages import Flag, Header, Submit

DEFAULT_DEADLINE_MS: Final = 30_000
MAX_DEADLINE_MS: Final = 7 * 24 * 3600 * 1000
MAX_KEY: Final = 256
MAX_PRIORITY: Final = 9
_TEXT: Final = "text"
_DURABLE: Final = int(Flag.DURABLE)
_HOLD: Final = int(Flag.HOLD)
_WAIT: Final = int(Flag.WAIT)

Inputs = tuple[tuple[str, str, int], ...]
Frames = tuple[bytes, ...]


@record
class Wish:
    """One task as its caller describes it.

    Either `capability` or `want` (a data type) says what is wanted. `input` is the value of a single input,
    `inputs` holds several by name. `input_type` names the type of the input (a mapping for several) where it is
    not the declared one, or where only `want` is given; a string is a `text` unless it says otherwise. A `durable` task
    is accepted only once it is stored, and then has its outcome whatever dies; by default it is one if nobody waits for
    it, or if it has an `idempotency_key`. With `hold` the
    task waits, within its deadline, for a site that cannot be reached, instead of being refused with `link_down`.
    `traceparent` is the W3C trace context that goes with the task to whoever works on it.
    """

    capability: str | None = None
    input: object = None
    want: str | None = None
    inputs: Mapping[str, object] | None = None
    input_type: str | Mapping[str, str] | None = None
    labels: Sequence[str] = ()
    deadline_ms: int = DEFAULT_DEADLINE_MS
    priority: int = 5
    min_confidence: float = 0.0
    idempotency_key: str | None = None
    durable: bool | None = None
    hold: bool = False
    traceparent: str | None = None

    def check(self) -> None:
        """Raise HiveError(bad_request) for a wish that no mesh could fulfil, naming the argument."""
        if bool(self.capability) == bool(self.want):
            raise HiveError("bad_request", "Give either `capability` or `want` (a data type), and not both.")
        if self.inputs is not None and self.input is not None:
            raise HiveError("bad_request", "Give either `input` or `inputs`, and not both.")
        if not 0 < self.deadline_ms <= MAX_DEADLINE_MS:
            raise HiveError(
                "bad_request", f"`deadline_ms` is {self.deadline_ms}: it must be 1 to {MAX_DEADLINE_MS}."
            )
        if not 0 <= self.priority <= MAX_PRIORITY:
            raise HiveError(
                "bad_request", f"`priority` is {self.priority}: it must be 0 to 9, 9 is served first."
            )
        if not 0 <= self.min_confidence <= 1:
            raise HiveError("bad_request", f"`min_confidence` is {self.min_confidence}: it must be 0 to 1.")
        if self.idempotency_key is not None and not 0 < len(self.idempotency_key) <= MAX_KEY:
            raise HiveError("bad_request", f"`idempotency_key` must have 1 to {MAX_KEY} characters.")
        if isinstance(self.labels, str):
            raise HiveError("bad_request", "`labels` is a list of names, such as ['pii'].")
        if self.traceparent is not None:
            parse_traceparent(self.traceparent)

    def task_id(self) -> TaskId:
        """Return the id to submit under: its key's, or a fresh one."""
        return task_id_for_key(self.idempotency_key) if self.idempotency_key else new_task_id()

    def as_json(self) -> dict[str, object]:
        """Return the body of `POST /v1/tasks`, without what is at its default."""
        body: dict[str, object] = {
            name: value
            for name, value, default in (
                ("capability", self.capability, None),
                ("want", self.want, None),
                ("input_type", self.input_type, None),
                ("labels", list(self.labels), []),
                ("deadline_ms", self.deadline_ms, DEFAULT_DEADLINE_MS),
                ("priority", self.priority, 5),
                ("min_confidence", self.min_confidence, 0.0),
                ("idempotency_key", self.idempotency_key, None),
                ("durable", self.durable, None),
                ("hold", self.hold, False),
                ("traceparent", self.traceparent, None),
            )
            if value != default
        }
        if self.inputs is not None:
            body["inputs"] = _jsonable(self.inputs)
        elif self.input is not None:
            body["input"] = _jsonable(self.input)
        return body


def page_of(states: Sequence[str], limit: int, before: int) -> dict[str, object]:
    """Return the arguments of a question for a list of tasks, without what is at its default."""
    wanted: dict[str, object] = {"states": list(states), "limit": limit, "before": before}
    return {name: value for name, value in wanted.items() if value}


class Catalog:
    """What a caller knows of the mesh's capabilities and data types; learnt from its conductor."""

    def __init__(self, types: TypeRegistry | None = None) -> None:
        """Start with the built-in types."""
        self.types = types or TypeRegistry()
        self._inputs: dict[str, tuple[tuple[str, str], ...]] = {}

    def learn(self, rows: Iterable[Mapping[str, object]]) -> None:
        """Take in the rows of a QUERY `capabilities`."""
        for row in rows:
            for raw in cast("Iterable[dict[str, object]]", row.get("types") or ()):
                self.types.add(parse_data_type(raw))
            inputs = cast("Mapping[str, str]", row.get("inputs") or {})
            if inputs:
                self._inputs[str(row["capability"])] = tuple(inputs.items())

    def inputs(self, capability: str | None) -> tuple[tuple[str, str], ...] | None:
        """Return the (name, type) pairs of a capability, None if it is not known."""
        return self._inputs.get(capability or "")

    def encode(self, wish: Wish) -> tuple[Inputs, Frames]:
        """Return the `inputs` and the body of the wish's SUBMIT.

        Raises HiveError: input_invalid, type_unknown, capability_unknown, bad_request (a name missing or wrong).
        """
        declared = self.inputs(wish.capability)
        if wish.inputs is not None:
            return self._encode_named(wish.inputs, wish, declared)
        if isinstance(wish.input_type, Mapping):
            raise HiveError("bad_request", "`input_type` is one name here; a mapping belongs to `inputs`.")
        if declared is not None and len(declared) != 1:
            names = ", ".join(name for name, _ in declared)
            raise HiveError(
                "input_invalid",
                f"{wish.capability} has several inputs: give `inputs` with {names} (--input NAME=... for each).",
            )
        kind = self._kind(wish, declared, wish.input, wish.input_type)
        frames = self.frames(kind, wish.input)
        if wish.capability and (wish.input_type is None or (declared and declared[0][1] == kind.name)):
            return (), frames
        return ((declared[0][0] if declared else "input", kind.name, len(frames)),), frames

    def frames(self, kind: DataType, value: object) -> Frames:
        """Return the body frames of one value. Raises HiveError(input_invalid)."""
        if kind.encoding == "utf8" and isinstance(value, str):
            try:
                return (value.encode("utf-8"),)
            except UnicodeEncodeError as error:
                detail = f"The {kind.name} holds a lone surrogate at {error.start}."
                raise HiveError("input_invalid", detail) from error
        from hive.values import encode_value  # noqa: PLC0415 - numpy only where a document is sent

        return tuple(encode_value(kind, value))

    def _encode_named(
        self, values: Mapping[str, object], wish: Wish, declared: tuple[tuple[str, str], ...] | None
    ) -> tuple[Inputs, Frames]:
        given = wish.input_type if isinstance(wish.input_type, Mapping) else {}
        known = dict(declared) if declared else {}
        if declared is not None and known.keys() != values.keys():
            raise HiveError(
                "input_invalid", f"{wish.capability} takes {sorted(known)}, not {sorted(values)}."
            )
        inputs: list[tuple[str, str, int]] = []
        frames: list[bytes] = []
        for name, value in values.items():
            one = ((name, known[name]),) if name in known else None
            kind = self._kind(wish, one, value, given.get(name))
            part = self.frames(kind, value)
            inputs.append((name, kind.name, len(part)))
            frames += part
        return tuple(inputs), tuple(frames)

    def _kind(
        self, wish: Wish, declared: tuple[tuple[str, str], ...] | None, value: object, stated: str | None
    ) -> DataType:
        if stated is not None:
            return self.types.get(stated)
        if declared is not None:
            return self.types.get(declared[0][1])
        if isinstance(value, str):
            return self.types.get(_TEXT)
        if wish.capability:
            known = ", ".join(sorted(self._inputs)) or "nothing yet"
            raise HiveError(
                "capability_unknown", f"The mesh does not offer {wish.capability!r}; it offers {known}."
            )
        raise HiveError("bad_request", "Say what the input is: `input_type`, such as 'sensor.window'.")


def submit_of(
    wish: Wish,
    encoded: tuple[Inputs, Frames],
    header: Header,
    labels: LabelTable,
    capabilities: Mapping[str, int],
    principal: str = "",
) -> Submit:
    """Return the SUBMIT of a checked wish. `header` holds number, task id, times and WAIT (`submit_header`).

    Where the session has an id for the capability, that saves the name's bytes. Raises HiveError(bad_request).
    """
    number = capabilities.get(wish.capability, 0) if wish.capability else 0
    durable = not header.flags & _WAIT if wish.durable is None else wish.durable
    flags = header.flags | (_DURABLE if durable else 0) | (_HOLD if wish.hold else 0)
    mask = labels.mask(wish.labels) if wish.labels else 0
    h = header
    trace = parse_traceparent(wish.traceparent) if wish.traceparent else NO_TRACE
    # By position: _replace costs three times as much, and this is on the hot path.
    asked = Header(
        flags, wish.priority, h.hops, trace.flags, h.step, number, h.principal, h.origin,
        h.epoch, h.attempt, h.remaining_us, h.sent_us, mask, h.task, trace.trace_id, trace.span_id,
    )  # fmt: skip
    return Submit(
        asked,
        "" if number else wish.capability or "",
        wish.want or "",
        encoded[0],
        wish.min_confidence,
        wish.idempotency_key or "",
        principal,
        body=encoded[1],
    )


def submit_header(number: int, task: TaskId, remaining_us: int, now_us: int, *, wait: bool) -> Header:
    """Return the part of a SUBMIT's header that does not depend on the wish."""
    flags = _WAIT if wait else 0
    return Header(flags, attempt=number, task=task, remaining_us=remaining_us, sent_us=now_us)


def _jsonable(value: object) -> object:
    if isinstance(value, str):
        return value
    from hive.values import to_json  # noqa: PLC0415 - numpy only where a document is sent

    return to_json(value)
