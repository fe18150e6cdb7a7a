"""A conductor that keeps the wire's promises and has no mesh behind it: it answers by rule, on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, cast

from hive.errors import HiveError
from hive.ids import NO_TASK, TaskId
from hive.transport.base import Listener, Transport
from hive.transport.zeromq import ZmqTransport
from hive.types import TypeRegistry
from hive.values import decode_value, encode_value
from hive.wire.codec import decode, encode, pack_document
from hive.wire.messages import (
    EMPTY,
    VERSION,
    Cancel,
    Event,
    Flag,
    Header,
    Hello,
    Message,
    Outcome,
    Query,
    Receipt,
    Refuse,
    Reply,
    Submit,
    Watch,
    Welcome,
)

CAPABILITIES = {"text.classify_intent": 1, "sensor.detect_anomaly": 2, "text.hang": 3, "text.fail": 4}
LABELS = ("public", "internal", "pii", "phi")
ROWS = [
    {
        "capability": "text.classify_intent",
        "inputs": {"text": "text"},
        "output": "intent",
        "nodes": 2,
        "ready": 2,
    },
    {"capability": "sensor.detect_anomaly", "inputs": {"window": "sensor.window"}, "output": "anomaly"},
    {"capability": "text.hang", "inputs": {"text": "text"}, "output": "text"},
    {"capability": "text.fail", "inputs": {"text": "text"}, "output": "text"},
    {"capability": "text.pair", "inputs": {"left": "text", "right": "text"}, "output": "text"},
]
NODES = [{"id": "press-1/intent", "state": "ready", "site": "plant-a", "capability": "text.classify_intent"}]
PROVENANCE = {
    "plan": ["text.classify_intent"],
    "attempts": [
        [0, 1, "press-1/intent", "plant-a", "sha256:ab", "done", 120, 2500, "text.classify_intent", "plant-a"]
    ],
}
Key = tuple[str, TaskId]


class FakeConductor:
    """Listens at `endpoint` until closed.

    `refusals` are sent instead of accepting the next submissions, `mute` swallows that many outcomes after the
    task has ended (as a crash between commit and reply would), and `log` holds every message that arrived.
    """

    def __init__(self, endpoint: str = "tcp://127.0.0.1:*", transport: Transport | None = None) -> None:
        self.refusals: list[HiveError] = []
        self.busy: list[HiveError] = []  # what the next questions about a task are answered with
        self.mute = 0
        self.log: list[Message] = []
        self._types = TypeRegistry()
        self._outcomes: dict[Key, Outcome] = {}
        self._open: dict[Key, list[tuple[int, Header]]] = {}
        self._names: dict[int, str] = {}
        self._stopping = False
        self._transport = transport or ZmqTransport()
        self._listener: Listener = self._transport.listen(endpoint)
        self.endpoint = self._listener.endpoint
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def submitted(self) -> list[Submit]:
        return [message for message in self.log if isinstance(message, Submit)]

    def close(self) -> None:
        """Stop; a second time changes nothing."""
        self._stopping = True
        self._thread.join(5)
        self._listener.close()
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _loop(self) -> None:
        poller = self._transport.poller()
        poller.add(self._listener)
        while not self._stopping:
            poller.wait(20_000)
            self._listener.lost()
            while (item := self._listener.receive()) is not None:
                message = decode(item[1])
                self.log.append(message)
                if self.busy and message.header.task != NO_TASK and not isinstance(message, Submit):
                    self._refuse(item[0], message.header, self.busy.pop(0))
                    continue
                self._handlers()[type(message)](item[0], message)
        poller.remove(self._listener)

    def _handlers(self) -> dict[type, Callable[[int, Message], None]]:
        return {
            Hello: self._hello,
            Submit: self._submit,
            Cancel: self._cancel,
            Watch: self._watch,
            Query: self._query,
        }  # type: ignore[dict-item]

    def _send(self, session: int, message: Message) -> None:
        self._listener.send(session, encode(message))

    def _refuse(self, session: int, header: Header, error: HiveError) -> None:
        self._send(session, Refuse(header, error.code, error.detail, 0, error.context))

    def _hello(self, session: int, hello: Hello) -> None:
        if hello.mesh not in ("", "factory"):
            self._refuse(session, EMPTY, HiveError("mesh_mismatch", "This is mesh 'factory'."))
            return
        self._names[session] = hello.name
        ids = dict(CAPABILITIES)
        self._send(
            session,
            Welcome(
                EMPTY,
                VERSION,
                "fake",
                "plant-a",
                hello.name,
                "ready",
                (),
                ids,
                LABELS,
                max_body_bytes=1 << 20,
            ),
        )

    def _key(self, session: int, message: Submit | Cancel | Watch | Query) -> Key:
        return (message.principal or self._names[session], message.header.task)

    def _submit(self, session: int, m: Submit) -> None:
        key = self._key(session, m)
        if self.refusals:
            self._refuse(session, m.header, self.refusals.pop(0))
            return
        if m.retry_of and (error := self._not_again(key, m)) is not None:
            self._refuse(session, m.header, error)
            return
        if key not in self._outcomes and key not in self._open:
            self._open[key] = []
            outcome = self._answer(m)
            if isinstance(outcome, HiveError):
                del self._open[key]
                self._refuse(session, m.header, outcome)
                return
            if outcome is not None:
                del self._open[key]
                self._outcomes[key] = outcome
        if not m.header.flags & Flag.WAIT:
            self._send(session, Receipt(m.header, "queued"))
        elif self.mute:
            self.mute -= 1
        else:
            self._when_over(session, key, m.header)

    def _not_again(self, key: Key, m: Submit) -> HiveError | None:
        old = self._outcomes.get((key[0], TaskId(m.retry_of)))
        if old is None:
            return HiveError("task_unknown")
        return None if old.state == "failed" else HiveError("not_retryable", f"It is {old.state}.")

    def _when_over(self, session: int, key: Key, header: Header) -> None:
        if key in self._outcomes:
            self._end(session, key, header)
        else:
            self._open[key].append((session, header))

    def _end(self, session: int, key: Key, header: Header) -> None:
        known = self._outcomes[key]
        flags, labels = known.header.flags, known.header.labels
        head = header._replace(flags=flags, labels=labels)
        self._send(
            session,
            Outcome(
                head, known.state, known.capability, known.output_type, known.confidence, known.error,
                known.provenance, known.body,
            ),
        )  # fmt: skip

    def _cancel(self, session: int, m: Cancel) -> None:
        key = self._key(session, m)
        if key in self._open:
            error: dict[str, object] = {"code": "cancelled", "detail": "The task was cancelled."}
            self._outcomes[key] = Outcome(m.header, "cancelled", error=error)
            for waiter, header in self._open.pop(key):
                self._end(waiter, key, header)
        if key in self._outcomes:
            self._end(session, key, m.header)
        else:
            self._refuse(session, m.header, HiveError("task_unknown"))

    def _watch(self, session: int, m: Watch) -> None:
        key = self._key(session, m)
        if key not in self._outcomes and key not in self._open:
            self._refuse(session, m.header, HiveError("task_unknown"))
            return
        self._send(session, Event(m.header, "running", {"step": 0}))
        self._when_over(session, key, m.header)

    def _query(self, session: int, m: Query) -> None:
        if m.what == "task":
            self._task(session, m)
            return
        if m.what == "tasks":
            self._tasks(session, m)
            return
        views: dict[str, object] = {
            "nodes": NODES,
            "capabilities": ROWS,
            "status": {"site": "plant-a", "counts": {"tasks_done": len(self._outcomes)}},
            "explain": {
                "refused": None,
                "plan": [m.args.get("capability")],
                "steps": [],
                "have": m.args.get("have"),
            },
        }
        self._send(session, Reply(m.header, m.ask, views[m.what]))

    def _tasks(self, session: int, m: Query) -> None:
        owner, states = self._key(session, m)[0], m.args.get("states") or []
        assert isinstance(states, list)
        if not {"open", "done", "failed", "dead_lettered"}.issuperset(states):
            self._refuse(session, m.header, HiveError("bad_request", "`states` holds what is none."))
            return
        own = [key for key in (*self._outcomes, *self._open) if key[0] == owner]
        rows: list[dict[str, object]] = []
        for cursor, key in enumerate(own, 1):
            known = self._outcomes.get(key)
            state = known.state if known else "running"
            if not states or (state if known else "open") in states:
                code = known.error.get("code", "") if known else ""
                row = {"id": key[1].hex(), "state": state, "capability": known.capability if known else ""}
                row |= {"attempts": 1, "step": 0, "nodes": [], "age_ms": 5, "code": code, "durable": True}
                rows.append({**row, "cursor": cursor})
        before, limit = m.args.get("before", 0), m.args.get("limit", 100)
        assert isinstance(before, int)
        assert isinstance(limit, int)
        page = [row for row in reversed(rows) if not before or cast("int", row["cursor"]) < before][:limit]
        self._send(session, Reply(m.header, m.ask, page))

    def _task(self, session: int, m: Query) -> None:
        key = self._key(session, m)
        known = self._outcomes.get(key)
        view: dict[str, object] = {"id": m.header.task.hex(), "state": "running"}
        if known is not None:
            view |= {
                "state": known.state,
                "capability": known.capability,
                "output_type": known.output_type,
                "confidence": known.confidence,
                "unsure": bool(known.header.flags & Flag.UNSURE),
                "labels": [name for i, name in enumerate(LABELS) if known.header.labels >> i & 1],
                "error": known.error,
                "provenance": known.provenance,
            }
        elif key not in self._open:
            self._refuse(session, m.header, HiveError("task_unknown"))
            return
        self._send(session, Reply(m.header, m.ask, view, known.body if known else ()))

    def _answer(self, m: Submit) -> Outcome | HiveError | None:
        names = {number: name for name, number in CAPABILITIES.items()}
        capability = m.capability or names.get(m.header.capability, "")
        if m.retry_of:
            return self._done(m, "text.fail", "text", "at last")
        if m.want == "intent":
            capability = "text.classify_intent"
        if capability == "text.hang":
            return None
        if capability == "text.fail":
            error: dict[str, object] = {
                "code": "attempts_exhausted",
                "detail": "Two nodes tried.",
                "tries": 2,
            }
            return Outcome(m.header, "failed", capability, error=error, provenance=pack_document(PROVENANCE))
        if capability == "text.classify_intent":
            text = bytes(m.body[0]).decode()
            answer = {"intent": text.split()[0] if text else "none", "scores": {"lights": 0.9}}
            return self._done(m, capability, "intent", answer)
        if capability == "sensor.detect_anomaly":
            window = decode_value(self._types.get("sensor.window"), m.body)
            assert isinstance(window, dict)
            rows = len(window["values"])
            answer = {
                "anomalous": rows > 2,
                "score": float(rows),
                "threshold": 2.0,
                "context": {"seen": rows},
            }
            return self._done(m, capability, "anomaly", answer)
        if capability == "text.pair":
            return self._done(m, capability, "text", b"+".join(m.body).decode())
        return HiveError(
            "capability_unknown", f"Nothing offers {capability!r}.", candidates=sorted(CAPABILITIES)
        )

    def _done(self, m: Submit, capability: str, kind: str, value: object) -> Outcome:
        frames: Sequence[bytes] = encode_value(self._types.get(kind), value)
        unsure = int(Flag.UNSURE) if m.min_confidence > 0.9 else 0
        header = m.header._replace(flags=unsure, labels=m.header.labels or 2)
        return Outcome(header, "done", capability, kind, 0.875, {}, pack_document(PROVENANCE), tuple(frames))
