"""What a caller gets back: a task's handle and its one final result, the same from every way of asking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from hive.errors import HiveError, error_of
from hive.ids import TaskId, parse_task_id
from hive.labels import LabelTable
from hive.types import DataType, TypeRegistry
from hive.wire.codec import unpack_document
from hive.wire.messages import Flag, Outcome, Reply

FINAL_STATES: Final = frozenset({"done", "failed", "dead_lettered", "cancelled", "expired", "refused"})
_UNSURE: Final = int(Flag.UNSURE)
_CROSSING: Final = ("from", "to", "labels", "bytes", "rule")


@dataclass(frozen=True, slots=True)
class Task:
    """A task that was accepted: its id (32 hexadecimal digits) and its state at that moment."""

    id: str
    state: str = "queued"

    def as_json(self) -> dict[str, object]:
        """Return the JSON of the API's 202 answer."""
        return {"id": self.id, "state": self.state}


def task_id_of(task: Task | str) -> TaskId:
    """Return the id of a task that is named by its handle or its id. Raises HiveError(bad_request)."""
    return parse_task_id(task.id if isinstance(task, Task) else task)


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a task, or where it stands while `final` is False.

    `output` is None unless the state is `done`; tensors are float32 arrays from a `tcp://` client and lists from
    an `http://` one. `confidence` lies in [0, 1]. `error` holds `code`, `detail` and their context when the state
    is a failure. `labels` are those that the output carries.
    """

    id: str
    state: str
    capability: str = ""
    output_type: str = ""
    output: object = None
    confidence: float | None = None
    unsure: bool = False
    labels: tuple[str, ...] = ()
    error: dict[str, object] | None = None
    raw_provenance: bytes | Mapping[str, object] = field(default=b"", repr=False)

    @property
    def ok(self) -> bool:
        """Say whether there is an answer."""
        return self.state == "done"

    @property
    def final(self) -> bool:
        """Say whether this is the outcome, which never changes."""
        return self.state in FINAL_STATES

    @property
    def provenance(self) -> Mapping[str, object]:
        """The plan; every attempt: which node of which site ran which model, how it ended, how long it took.

        `crossings` are the bodies that went from one site to another, each with its labels and the rule that let it.
        `alone` names sites that would have been asked, had they been reachable; an attempt's `conductor` is the site
        that gave it, `via` the sites that the task had passed when it came, `trace` the id of the caller's trace.
        """
        raw = self.raw_provenance
        return provenance_json(raw) if isinstance(raw, bytes) else raw

    def check(self) -> Result:
        """Return this result if there is an answer; raise its error as a HiveError otherwise."""
        if self.ok:
            return self
        if not self.final:
            raise HiveError("expired", f"Task {self.id} is still {self.state}.", task=self.id)
        error = dict(self.error or {})
        code, detail = str(error.pop("code", "internal")), str(error.pop("detail", f"The task {self.state}."))
        raise error_of(code, detail, {**error, "task": self.id})

    def as_json(self) -> dict[str, object]:
        """Return the JSON object of the API: arrays as lists, missing numbers as null."""
        output = self.output
        if output is not None and not isinstance(output, str):
            from hive.values import to_json  # noqa: PLC0415 - numpy only where a document is shown

            output = to_json(output)
        return {
            "id": self.id,
            "state": self.state,
            "capability": self.capability or None,
            "output_type": self.output_type or None,
            "output": output,
            "confidence": self.confidence,
            "unsure": self.unsure,
            "labels": list(self.labels),
            "error": self.error,
            "provenance": self.provenance,
        }


def result_of(outcome: Outcome, labels: LabelTable, types: TypeRegistry) -> Result:
    """Return the result that an OUTCOME carries. Raises HiveError(type_unknown) for an output of an unknown type."""
    header = outcome.header
    done = outcome.state == "done"
    return Result(
        header.task.hex(),
        outcome.state,
        outcome.capability,
        outcome.output_type,
        decode_output(types.get(outcome.output_type), outcome.body) if done else None,
        outcome.confidence if done else None,
        bool(header.flags & _UNSURE),
        labels.unpack(header.labels),
        outcome.error or None,
        outcome.provenance,
    )


def result_of_view(reply: Reply, types: TypeRegistry) -> Result:
    """Return where a task stands, from the REPLY to a QUERY `task`. Raises HiveError as `result_of` does."""
    view = cast("Mapping[str, object]", reply.result)
    state, output_type = str(view["state"]), str(view.get("output_type") or "")
    done = state == "done"
    raw = view.get("provenance")
    return Result(
        str(view["id"]),
        state,
        str(view.get("capability") or ""),
        output_type,
        decode_output(types.get(output_type), reply.body) if done else None,
        float(str(view.get("confidence"))) if done else None,
        bool(view.get("unsure")),
        tuple(cast("Sequence[str]", view.get("labels") or ())),
        cast("dict[str, object] | None", view.get("error") or None),
        raw if isinstance(raw, bytes) else b"",
    )


def result_of_json(raw: Mapping[str, object]) -> Result:
    """Return the result that the API's JSON describes."""
    confidence = raw.get("confidence")
    return Result(
        str(raw["id"]),
        str(raw["state"]),
        str(raw.get("capability") or ""),
        str(raw.get("output_type") or ""),
        raw.get("output"),
        float(confidence) if isinstance(confidence, int | float) else None,
        bool(raw.get("unsure")),
        tuple(cast("Sequence[str]", raw.get("labels") or ())),
        cast("dict[str, object] | None", raw.get("error") or None),
        cast("Mapping[str, object]", raw.get("provenance") or {}),
    )


def failed_result(ident: str, error: HiveError) -> Result:
    """Return the result of one of many tasks that was refused or not answered."""
    described: dict[str, object] = {"code": error.code, "detail": error.detail, **error.context}
    state = "expired" if error.code == "expired" else "refused"
    return Result(ident, state, error=described)


def decode_output(kind: DataType, frames: Sequence[bytes]) -> object:
    """Return the value in `frames`, without numpy where the type needs none."""
    if kind.encoding == "utf8" and frames:
        return str(frames[0], "utf-8")
    if kind.encoding == "document" and not kind.tensors and frames:
        return unpack_document(frames[0])
    from hive.values import decode_value  # noqa: PLC0415 - numpy only where tensors may be

    return decode_value(kind, frames)


def provenance_json(raw: bytes) -> dict[str, object]:
    """Return the provenance document of an OUTCOME as the API shows it, times in milliseconds."""
    packed = cast("dict[str, list[object]]", unpack_document(raw)) if raw else {}
    attempts = cast("list[list[object]]", packed.get("attempts", []))
    crossings = cast("list[list[object]]", packed.get("crossings", []))
    return {
        "plan": list(packed.get("plan", [])),
        "attempts": [_attempt_json(row, packed.get("hedges", [])) for row in attempts],
        "crossings": [dict(zip(_CROSSING, row, strict=True)) for row in crossings],
        "alone": list(packed.get("alone", [])),
        "via": list(packed.get("via", [])),
        "trace": packed.get("trace"),
    }


def _attempt_json(row: Sequence[object], hedges: Sequence[object]) -> dict[str, object]:
    step, attempt, node, site, digest, ended, queued_us, run_us, capability, conductor = row[:10]
    return {
        "step": step,
        "attempt": attempt,
        "node": node,
        "site": site,
        "model_digest": digest,
        "ended": ended,
        "queued_ms": round(float(str(queued_us)) / 1000, 3),
        "run_ms": round(float(str(run_us)) / 1000, 3),
        "capability": capability,
        "conductor": conductor,
        "hedge": [conductor, attempt] in hedges,
    }
