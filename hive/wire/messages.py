"""Every message of the wire protocol, as a closed union of frozen values.

A message is a fixed header, named fields and opaque body frames. What the names mean and how they lie in the
frames is specified in docs/reference/wire-protocol.md; this module holds only the values, codec.py the bytes.
"""

from __future__ import annotations

from dataclasses import field
from enum import IntEnum
from typing import Final, NamedTuple

from hive.gate import LinkPass
from hive.ids import NO_TASK, TaskId
from hive.record import record

VERSION: Final = 1
NO_DEADLINE_US: Final = -1


class Kind(IntEnum):
    """The first byte of every message."""

    HELLO = 1
    WELCOME = 2
    REFUSE = 3
    BYE = 4
    BEAT = 5
    CREDIT = 6
    OFFERS = 7
    SUBMIT = 16
    RECEIPT = 17
    OUTCOME = 18
    CANCEL = 19
    QUERY = 20
    REPLY = 21
    WATCH = 22
    EVENT = 23
    WORK = 32
    RUNNING = 33
    ANSWER = 34
    REVOKE = 35
    ACK = 36
    PARTIAL = 48
    CHUNK = 49
    BODY_REF = 50
    SEEN = 64
    VERDICT = 65
    PLAN_WANTED = 66
    PLAN = 67
    GENERATION = 68
    JOURNAL = 69


RESERVED: Final = frozenset({Kind.PARTIAL, Kind.CHUNK, Kind.BODY_REF})


class Flag:
    """Bits of the header's `flags`; plain ints, because an IntFlag costs 2 us wherever the hot path tests one."""

    WAIT: Final = 1
    """The sender of a SUBMIT wants the OUTCOME pushed."""
    DURABLE: Final = 2
    """Acknowledge a SUBMIT only after the commit."""
    HEDGE: Final = 4
    """This WORK runs beside another attempt of its step."""
    UNSURE: Final = 8
    """The answer lies below the confidence that was asked for, or the model says so."""
    HOLD: Final = 16
    """The task may wait for a site that cannot be reached now; without it, it is refused then, if not durable."""


class Header(NamedTuple):
    """The fixed part of every message; fields that a kind does not use are zero.

    `remaining_us` is the time left until the deadline when the message was sent (-1: none), `sent_us` the
    sender's monotonic clock: devices' clocks differ, so neither is an instant of the receiver. `capability`,
    `principal` and `origin` are ids that WELCOME assigns per session, 0 where the fields carry a name.
    """

    flags: int = 0
    priority: int = 0
    hops: int = 0
    trace_flags: int = 0
    step: int = 0
    capability: int = 0
    principal: int = 0
    origin: int = 0
    epoch: int = 0
    attempt: int = 0
    remaining_us: int = NO_DEADLINE_US
    sent_us: int = 0
    labels: int = 0
    task: TaskId = NO_TASK
    trace_id: bytes = bytes(16)
    span_id: bytes = bytes(8)


EMPTY: Final = Header()
AttemptRef = tuple[int, int]
"""(conductor epoch, attempt): names one attempt for ever."""


@record
class Offer:
    """A capability that a node (or a peer conductor) says it has: a claim, which policy may grant.

    `inputs` are (name, data type) in order, `digest` is `sha256:<hex>` of the manifest, `removes` the labels that
    it may say it removed, `run_bound_us` the longest time that one run may take, `types` further data types as the
    JSON objects of the manifest, and `idempotent` says that a second run of the same work changes nothing.

    The rest is a peer conductor's, which offers in sum what its nodes and the sites behind it can do: `path` are the
    sites that a task would pass, nearest first, `labels` those that it takes in from the receiver, `credit` the slots
    for this capability, `latency_us` what a run takes there, `load` how many of its slots are taken (0 to 1).
    """

    capability: str
    version: str
    inputs: tuple[tuple[str, str], ...]
    output: str
    digest: str
    specialist: str
    removes: tuple[str, ...] = ()
    run_bound_us: int = 1_000_000
    types: tuple[dict[str, object], ...] = ()
    path: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    credit: int = 0
    latency_us: int = 0
    load: float = 0.0
    idempotent: bool = False


@record
class Hello:
    """Opens a session: who the sender says it is, what it speaks, offers and still holds.

    `role` is node, client, gateway, control or peer. `held` are attempts it still works on and `unacked` answers
    that it sent and saw no ACK for: with both, a reconnect reconciles instead of guessing. `labels` names the bits of
    a peer's bitmaps, `accepts` the labels that may be at its site at all.
    """

    header: Header
    role: str
    name: str
    mesh: str
    site: str = ""
    incarnation: int = 0
    version_min: int = VERSION
    version_max: int = VERSION
    features: tuple[str, ...] = ()
    credit: int = 0
    token: str = ""
    offers: tuple[Offer, ...] = ()
    held: tuple[AttemptRef, ...] = ()
    unacked: tuple[AttemptRef, ...] = ()
    pid: int = 0
    agent_pid: int = 0
    host: str = ""
    labels: tuple[str, ...] = ()
    accepts: tuple[str, ...] = ()


@record
class Welcome:
    """Accepts a HELLO. `drop` names held attempts and answers that are no longer wanted."""

    header: Header
    version: int
    conductor: str
    site: str
    principal: str
    state: str
    features: tuple[str, ...] = ()
    capabilities: dict[str, int] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    beat_us: int = 100_000
    max_body_bytes: int = 0
    drop: tuple[AttemptRef, ...] = ()


@record
class Refuse:
    """Says no, with a code of the error catalogue. `about` is the kind that is refused.

    A node's refusal of WORK returns the slot's credit; a conductor's refusal of SUBMIT means that nothing was
    accepted.
    """

    header: Header
    code: str
    detail: str = ""
    about: int = 0
    context: dict[str, object] = field(default_factory=dict)


@record
class Bye:
    """The sender leaves on purpose; whatever it holds goes back to the other side."""

    header: Header
    reason: str = ""


@record
class Beat:
    """Proof that the sender's work loop turned. `busy_us` bounds the silence that may follow."""

    header: Header
    turns: int = 0
    inflight: int = 0
    busy_us: int = 0
    draining: bool = False


@record
class Credit:
    """Sets the number of slots that the sender grants in all (not a difference)."""

    header: Header
    slots: int


@record
class Offers:
    """Replaces everything that a peer conductor offered before."""

    header: Header
    offers: tuple[Offer, ...] = ()


@record
class Submit:
    """Asks for a task. The wish is `header.capability`, or `capability` by name, or the data type `want`.

    `inputs` are (name, data type, number of body frames); empty means the one input of the capability, of its
    declared type, with all the frames. `principal` is honoured only from a gateway. `retry_of` is the id of a durable
    task of the sender that failed or was set aside: it is tried again, with what it was given, as a task of its own.
    """

    header: Header
    capability: str = ""
    want: str = ""
    inputs: tuple[tuple[str, str, int], ...] = ()
    min_confidence: float = 0.0
    key: str = ""
    principal: str = ""
    retry_of: bytes = b""
    body: tuple[bytes, ...] = ()


@record
class Receipt:
    """The task was accepted and will have exactly one outcome."""

    header: Header
    state: str


@record
class Outcome:
    """The one final result of a task. `provenance` is a msgpack document, see the specification."""

    header: Header
    state: str
    capability: str = ""
    output_type: str = ""
    confidence: float = 0.0
    error: dict[str, object] = field(default_factory=dict)
    provenance: bytes = b""
    body: tuple[bytes, ...] = ()


@record
class Cancel:
    """Asks to cancel a task; answered by its OUTCOME, or by REFUSE(task_unknown)."""

    header: Header
    principal: str = ""


@record
class Query:
    """Asks a question about the mesh; `ask` numbers it, `what` names it."""

    header: Header
    ask: int
    what: str
    args: dict[str, object] = field(default_factory=dict)
    principal: str = ""


@record
class Reply:
    """Answers a QUERY; `result` is a JSON-like value. Bodies are those of a finished task."""

    header: Header
    ask: int
    result: object = None
    body: tuple[bytes, ...] = ()


@record
class Watch:
    """Asks for an EVENT at each change of a task, and for its OUTCOME."""

    header: Header
    principal: str = ""


@record
class Event:
    """A task changed: `what` is a state or an attempt's end, `about` says which and why."""

    header: Header
    what: str
    about: dict[str, object] = field(default_factory=dict)


@record
class Work:
    """One attempt of one step for a node. `inputs` as in SUBMIT; empty means the one declared input.

    The rest is for a peer conductor: the capability's name, who asked, `via`, the sites that the task has passed,
    from where it began to the sender, the confidence that is wanted, and whether it comes because an answer was unsure.
    """

    header: Header
    inputs: tuple[tuple[str, str, int], ...] = ()
    body: tuple[bytes, ...] = ()
    capability: str = ""
    principal: str = ""
    via: tuple[str, ...] = ()
    min_confidence: float = 0.0
    unsure: bool = False


@record
class Running:
    """A node starts a run that may keep it silent for `bound_us`."""

    header: Header
    bound_us: int


@record
class Answer:
    """A node's result of an attempt; returns the slot. `removed` is the bitmap of labels that it removed.

    A peer conductor's carries the labels of the output in its header and says in `provenance` how it came about.
    """

    header: Header
    confidence: float = 0.0
    removed: int = 0
    queued_us: int = 0
    run_us: int = 0
    body: tuple[bytes, ...] = ()
    provenance: bytes = b""


@record
class Revoke:
    """The conductor no longer wants an attempt. The node still answers or refuses it, which returns the slot."""

    header: Header
    reason: str = ""


@record
class Ack:
    """The conductor has `answers` answers and refusals of this session, and its own loop turns."""

    header: Header
    answers: int = 0


@record
class Seen:
    """Dispatcher to control: a node or a peer conductor claims this. `ask` numbers the claim."""

    header: Header
    ask: int
    name: str
    site: str
    offers: tuple[Offer, ...] = ()
    role: str = "node"


@record
class Verdict:
    """Control to dispatcher: what policy grants of a claim; `grants` holds one entry per granted offer."""

    header: Header
    ask: int
    name: str
    allowed_labels: int = 0
    grants: tuple[dict[str, object], ...] = ()
    refused: dict[str, object] = field(default_factory=dict)


@record
class PlanWanted:
    """Dispatcher to control: a table miss. The task waits as `planning`. `via` are the sites that it has passed."""

    header: Header
    ask: int
    capability: str = ""
    want: str = ""
    have: tuple[tuple[str, str], ...] = ()
    labels: int = 0
    principal: str = ""
    via: tuple[str, ...] = ()


@record
class Plan:
    """Control to dispatcher: the compiled way, or the refusal. `generation` dates it."""

    header: Header
    ask: int
    generation: int
    steps: tuple[dict[str, object], ...] = ()
    refused: dict[str, object] = field(default_factory=dict)
    default_labels: int = 0


@record
class Generation:
    """Control to dispatcher: the graph or policy changed; older plans are void for new tasks.

    `allowed_labels` is what may be at the conductor's own site at all; until the first GENERATION nothing may.
    `sites` are (name, labels that may be there, rule) of every site, `links` the rules of what may go between them.
    """

    header: Header
    generation: int
    allowed_labels: int = 0
    rule: str = ""
    labels: tuple[str, ...] = ()
    quotas: tuple[tuple[str, int], ...] = ()
    sites: tuple[tuple[str, int, str], ...] = ()
    links: tuple[LinkPass, ...] = ()


@record
class Journal:
    """Dispatcher to control: decisions, never payload content. `counts` are counters since the start."""

    header: Header
    entries: tuple[object, ...] = ()
    counts: dict[str, object] = field(default_factory=dict)
    dropped: int = 0


Message = (
    Hello
    | Welcome
    | Refuse
    | Bye
    | Beat
    | Credit
    | Offers
    | Submit
    | Receipt
    | Outcome
    | Cancel
    | Query
    | Reply
    | Watch
    | Event
    | Work
    | Running
    | Answer
    | Revoke
    | Ack
    | Seen
    | Verdict
    | PlanWanted
    | Plan
    | Generation
    | Journal
)
