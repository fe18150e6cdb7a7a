# ruff: noqa: INP001 - a script, no package
"""Write the parts of docs/reference that the code already says: tables and test vectors.

`python scripts/reference.py` rewrites what stands between a page's `<!-- begin NAME -->` and `<!-- end NAME -->`,
and wire-vectors.json. tests/docs/test_reference.py fails while a page is not what this writes.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import Enum
from pathlib import Path

from pydantic import TypeAdapter

from conductor.core import states as conductor_states
from conductor.core.retry_classes import CLASSES
from hive.config_tuning import Tuning
from hive.core import forward, link_states
from hive.errors import CATALOGUE
from hive.types import BUILTIN, TypeRegistry
from hive.values import encode_value
from hive.wire import codec, spec
from hive.wire import messages as m
from hive.wire.checks import Check, form
from specialists.core import states as node_states
from specialists.forge import recipe
from specialists.load import KINDS

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
VECTORS = "wire-vectors.json"

_HEADER_FORMS = {
    "B": (1, "u8"),
    "H": (2, "u16"),
    "I": (4, "u32"),
    "q": (8, "i64"),
    "Q": (8, "u64"),
    "x": (1, "zero"),
}
_HEADER_NOTES = {
    "kind": "see [Kinds](#kinds)",
    "version": f"{m.VERSION}",
    "flags": "bits: "
    + ", ".join(f"{bit} {name}" for name, bit in vars(m.Flag).items() if isinstance(bit, int)),
    "priority": "0 to 9, higher first, 5 where nobody cares",
    "hops": "conductors that the task has passed",
    "trace_flags": "W3C trace context",
    "step": "index of the step in the task's plan",
    "capability": "id from WELCOME; 0: named in the fields, or meant by the session",
    "principal": "reserved, 0",
    "origin": "reserved, 0",
    "epoch": "grows with every start of the conductor",
    "attempt": "number of the attempt within the epoch, from 1; in what a client sends, see [Requests](#requests)",
    "remaining_us": "time to the deadline when this was sent; -1: none",
    "sent_us": "the sender's monotonic clock when this was sent",
    "labels": "bitmap by WELCOME.labels",
    "task": "chosen by the caller; zero where no task is meant",
    "trace_id": "W3C trace context",
    "span_id": "W3C trace context: the parent span",
}
_DIRECTIONS = {
    "HELLO": "dialling side → conductor",
    "WELCOME": "conductor → dialling side",
    "REFUSE": "both",
    "BYE": "both",
    "BEAT": "node → conductor, peer → peer",
    "CREDIT": "node → conductor",
    "OFFERS": "peer → peer",
    "SUBMIT": "client → conductor",
    "RECEIPT": "conductor → client",
    "OUTCOME": "conductor → client",
    "CANCEL": "client → conductor",
    "QUERY": "client → conductor",
    "REPLY": "conductor → client",
    "WATCH": "client → conductor",
    "EVENT": "conductor → client",
    "WORK": "conductor → node, peer → peer",
    "RUNNING": "node → conductor",
    "ANSWER": "node → conductor, peer → peer",
    "REVOKE": "conductor → node, peer → peer",
    "ACK": "conductor → node, peer → peer",
    "SEEN": "dispatcher → control",
    "VERDICT": "control → dispatcher",
    "PLAN_WANTED": "dispatcher → control",
    "PLAN": "control → dispatcher",
    "GENERATION": "control → dispatcher",
    "JOURNAL": "dispatcher → control",
}


def transitions(table: Mapping[tuple[Enum, object], Enum]) -> Callable[[], str]:
    """Return what draws a table of transitions: one row per state, what may happen to it and what it becomes."""

    def draw() -> str:
        rows = ["| state | on | becomes |", "|---|---|---|"]
        for (state, event), target in table.items():
            word = event.value if isinstance(event, Enum) else event
            rows.append(f"| {state.value} | {word} | {target.value} |")
        return "\n".join(rows)

    return draw


def errors_table() -> str:
    """Return the error catalogue."""
    rows = ["| code | HTTP | exit | again | who | step | what it means |", "|---|---|---|---|---|---|---|"]
    rows += [
        f"| `{e.code}` | {e.http_status} | {e.exit_status} | {'yes' if e.retryable else 'no'} | {e.fault} "
        f"| {CLASSES[e.code].value} | {e.sentence} |"
        for e in CATALOGUE.values()
    ]
    return "\n".join(rows)


def types_table() -> str:
    """Return how each built-in type travels and what it must and may hold."""
    rows = [
        "| type | version | is a | encoding | tensors | must hold | may hold |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in BUILTIN:
        properties, required = entry.schema.get("properties", {}), entry.schema.get("required", [])
        assert isinstance(properties, dict)
        assert isinstance(required, list)
        optional = [name for name in properties if name not in required]
        cells = [f"`{entry.name}`", str(entry.version), f"`{entry.is_a}`" if entry.is_a else ""]
        cells += [f"`{entry.encoding}`", *(_names(group) for group in (entry.tensors, required, optional))]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def tuning_table() -> str:
    """Return the names that an operator may tune, with their bounds."""
    rows = ["| name | default | bounds | meaning |", "|---|---|---|---|"]
    for name, entry in TypeAdapter(Tuning).json_schema()["properties"].items():
        signs = (("minimum", "from"), ("exclusiveMinimum", "above"), ("maximum", "to"))
        form = " ".join(f"{word} {entry[key]:,g}" for key, word in signs if key in entry)
        meaning = str(entry["description"]).rpartition(" Default: ")[0]
        rows.append(f"| `{name}` | {entry['examples'][0]:,} | {form} | {meaning} |")
    return "\n".join(rows)


def recipe_table(part: type[recipe.Part]) -> Callable[[], str]:
    """Return what writes the keys of a part of a recipe, with their forms, defaults and meanings."""

    def table() -> str:
        rows = ["| key | form | default | meaning |", "|---|---|---|---|"]
        schema = part.model_json_schema()
        for name, entry in schema["properties"].items():
            value = entry.get("default")
            default = "" if value in (None, "", []) or isinstance(value, dict) else f"`{json.dumps(value)}`"
            if name in schema.get("required", []):
                default = "required"
            rows.append(f"| `{name}` | {_form(entry)} | {default} | {entry.get('description', '')} |")
        return "\n".join(rows)

    return table


def _form(entry: Mapping[str, object]) -> str:
    """Return a word for what a JSON schema admits."""
    if "enum" in entry:
        choices = entry["enum"]
        assert isinstance(choices, list)
        return ", ".join(f"`{choice}`" for choice in choices)
    if "anyOf" in entry:
        kinds = entry["anyOf"]
        assert isinstance(kinds, list)
        return " or ".join(_form(kind) for kind in kinds if kind.get("type") != "null")
    words = {
        "string": "text",
        "integer": "whole number",
        "boolean": "true or false",
        "array": "list",
        "object": "map",
    }
    return words.get(str(entry.get("type", "")), "map")


def header_table() -> str:
    """Return the byte offsets of the first frame."""
    names = iter(("kind", "version", *m.Header._fields))
    rows = ["| offset | size | form | name | meaning |", "|---|---|---|---|---|"]
    offset = 0
    for count, letter in re.findall(r"(\d*)([a-zA-Z])", _runs(codec.HEADER.format)):
        size, kind = (int(count), "bytes") if letter == "s" else _HEADER_FORMS[letter]
        if letter == "x":
            size *= int(count or 1)
        name = "" if letter == "x" else next(names)
        note = "padding, ignored when received" if letter == "x" else _HEADER_NOTES[name]
        rows.append(f"| {offset} | {size} | {kind} | {f'`{name}`' if name else ''} | {note} |")
        offset += size
    assert offset == codec.HEADER_BYTES
    return "\n".join(rows)


def limits_table() -> str:
    """Return the limits of version 1."""
    rows = [
        ("frames of a message", f"{codec.MIN_FRAMES} to {codec.MAX_FRAMES}"),
        ("first frame", f"exactly {codec.HEADER_BYTES} bytes"),
        ("second frame", f"at most {codec.MAX_MAP_BYTES} bytes"),
        ("body frames together", f"at most {codec.MAX_BODY_BYTES} bytes; WELCOME may say less"),
        ("string", "at most 4096 characters"),
        ("array", "at most 4096 items where nothing else is said"),
    ]
    return "\n".join(["| what | limit |", "|---|---|", *(f"| {what} | {limit} |" for what, limit in rows)])


def specialist_kinds() -> str:
    """Return what each kind of specialist does and which settings it reads, then those that several kinds share."""
    parts = []
    for name, factory in KINDS.items():
        does = (sys.modules[factory.__module__].__doc__ or "").partition("\n")[0].partition(": ")[2]
        parts += [f"### `{name}`", does, *_paragraphs(factory)]
    written = "\n".join(parts)
    for name, cls in _classes("specialists.kinds.").items():
        if re.search(rf"\b{name}\b", written):
            parts += [f"### What {name} reads", *_paragraphs(cls)]
    return "\n\n".join(parts)


def _classes(prefix: str) -> dict[str, type]:
    """Return the classes that the loaded modules below `prefix` define, by name."""
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith(prefix)]
    classes = [cls for module in modules for cls in vars(module).values() if isinstance(cls, type)]
    return {cls.__name__: cls for cls in classes if cls.__module__.startswith(prefix)}


def _paragraphs(cls: object) -> list[str]:
    return [_flat(part) for part in inspect.cleandoc(cls.__doc__ or "").split("\n\n")]


def kinds_section() -> str:
    """Return every kind with its fields."""
    by_kind = {kind: cls for cls, kind in codec._KIND.items()}  # noqa: SLF001 - the tables are generated from it
    parts = []
    for kind in m.Kind:
        cls = by_kind.get(kind)
        if cls is None:
            continue
        body = "carries a body" if cls in spec.WITH_BODY else "no body"
        parts.append(f"### {kind.name} ({kind.value})\n\n*{_DIRECTIONS[kind.name]}, {body}.* {_doc(cls)}")
        parts.append(_fields_table(cls, spec.SPEC[cls]))
    parts.append(f"### The offer map\n\n{_doc(m.Offer)}")
    parts.append(_fields_table(m.Offer, spec.OFFER))
    reserved = ", ".join(f"{kind.name} ({kind.value})" for kind in sorted(m.RESERVED))
    parts.append(
        f"### Reserved\n\n{reserved}: for streamed results, bodies in pieces and bodies kept elsewhere. "
        "In version 1 they are refused with `kind_unknown`, like every number that is not listed here."
    )
    return "\n\n".join(parts)


def vectors_section() -> str:
    """Return the exchange that the vectors spell out."""
    rows = ["| vector | kind | from | what happens |", "|---|---|---|---|"]
    rows += [
        f"| `{v['name']}` | {v['kind']} | {v['from']} | {v['about']} |"
        for v in vectors()["messages"]
        if "from" in v
    ]
    return "\n".join(rows)


def vectors() -> dict[str, list[dict[str, object]]]:
    """Return the test vectors: messages, what must be refused, and values of data types."""
    return {
        "messages": [_message_vector(*entry) for entry in _exchange()],
        "refused": [
            {"name": name, "code": code, "frames": [frame.hex() for frame in frames]}
            for name, code, frames in _bad()
        ],
        "values": [
            {
                "type": name,
                "json": value,
                "frames": [f.hex() for f in encode_value(TypeRegistry().get(name), value)],
            }
            for name, value in _VALUES
        ],
    }


_TASK = m.TaskId(bytes(range(16)))
_TRACE = bytes.fromhex("4bf92f3577b34da6a3ce929d0e0e4736")
_SPAN = bytes.fromhex("00f067aa0ba902b7")
_DIGEST = "sha256:" + "ab" * 32
_VALUES: tuple[tuple[str, object], ...] = (
    ("text", "Grüße"),
    (
        "text.redacted",
        {"text": "I am [NAME]", "spans": [{"start": 5, "end": 8, "type": "name", "score": 0.5}]},
    ),
    ("intent", {"intent": "light_on", "scores": {"light_on": 0.75}}),
    (
        "sensor.window",
        {"source": "pump-7", "channels": ["t", "p"], "interval_s": 60, "values": [[1.0, 2.0], [3.0, None]]},
    ),
)


def _exchange() -> list[tuple[str, str, str, m.Message]]:
    """Return (name, sender, what happens, message): a node and a client with one conductor, then the rest."""
    told = m.Header(epoch=3, sent_us=7_000_000)
    asked = m.Header(
        flags=m.Flag.WAIT, priority=5, trace_flags=1, remaining_us=2_000_000, sent_us=500, labels=2,
        task=_TASK, trace_id=_TRACE, span_id=_SPAN,
    )  # fmt: skip
    given = asked._replace(capability=1, epoch=3, attempt=9, remaining_us=1_999_000, sent_us=7_000_100)
    back = given._replace(flags=0, remaining_us=-1, sent_us=91_000)
    offer = m.Offer(
        "text.classify_intent",
        "1.0.0",
        (("text", "text"),),
        "intent",
        _DIGEST,
        "intent-tiny",
        idempotent=True,
    )
    node = m.Hello(
        m.Header(sent_us=90_000), "node", "press-1/intent-tiny", "factory", site="plant-a", incarnation=77, credit=8,
        offers=(offer,), held=((3, 4),), unacked=((3, 5), (3, 6)), pid=4711, agent_pid=4710, host="press-1",
    )  # fmt: skip
    welcome = m.Welcome(
        told, 1, "plant-a/conductor", "plant-a", "press-1/intent-tiny", "joining",
        capabilities={"text.classify_intent": 1}, labels=("public", "internal", "pii", "phi"),
        max_body_bytes=8 << 20, drop=((3, 5),),
    )  # fmt: skip
    provenance = codec.pack_document(
        {
            "plan": ["text.classify_intent"],
            "attempts": [
                (
                    0,
                    9,
                    "press-1/intent-tiny",
                    "plant-a",
                    _DIGEST,
                    "answered",
                    12,
                    480,
                    "text.classify_intent",
                    "plant-a",
                )
            ],
        }
    )
    value = codec.pack_document({"intent": "light_on", "scores": {"light_on": 0.75}})
    body = (b"turn on the light",)
    return [
        ("hello-node", "node", "comes back with one attempt held and two answers unacknowledged", node),
        ("welcome-joining", "conductor", "one of the two answers is no longer wanted", welcome),
        ("welcome-ready", "conductor", "policy granted the claim", m.Welcome(told, 1, "plant-a/conductor", "plant-a",
         "press-1/intent-tiny", "ready")),
        ("beat", "node", "its loop has turned 4,000 times", m.Beat(m.Header(sent_us=90_500), 4000, 1)),
        ("ack", "conductor", "2 answers of this session have arrived", m.Ack(told, 2)),
        ("hello-client", "client", "greets", m.Hello(m.EMPTY, "client", "line-3", "factory")),
        ("submit", "client", "asks for a capability by name and waits", m.Submit(asked, "text.classify_intent",
         inputs=(("text", "text", 1),), min_confidence=0.5, body=body)),
        ("work", "conductor", "gives the step to the node", m.Work(given, body=body)),
        ("running", "node", "may be silent for 0.4 s", m.Running(m.Header(sent_us=90_900), 400_000)),
        ("answer", "node", "answers and returns the slot", m.Answer(back, 0.75, queued_us=12, run_us=480,
         body=(value,))),
        ("outcome", "conductor", "the one outcome", m.Outcome(asked._replace(flags=0, sent_us=7_001_000), "done",
         "text.classify_intent", "intent", 0.75, provenance=provenance, body=(value,))),
        ("work-hedge", "conductor", "gives the same step to a second node, because the first is slow",
         m.Work(given._replace(flags=given.flags | m.Flag.HEDGE, attempt=10), body=body)),
        ("work-of-two-inputs", "conductor", "a step with two named inputs", m.Work(given, (("text", "text", 1),
         ("hint", "intent", 1)), (b"on", value))),
        ("refuse-work", "node", "refuses at once", m.Refuse(back, "deadline_too_short", "5 us are left.", 32)),
        ("revoke", "conductor", "the attempt is no longer wanted", m.Revoke(given, "cancelled")),
        ("refuse-submit", "conductor", "nothing was accepted", m.Refuse(asked, "queue_full", "10000 tasks wait.", 16,
         {"retry_after_ms": 100})),
        ("receipt", "conductor", "accepted, for who does not wait", m.Receipt(asked._replace(flags=0), "queued")),
        ("watch", "client", "wants to see every change", m.Watch(asked)),
        ("event", "conductor", "an attempt started", m.Event(asked, "running", {"step": 0, "attempt": 9})),
        ("cancel", "client", "wants no outcome but `cancelled`", m.Cancel(asked)),
        ("query", "client", "asks for the nodes", m.Query(m.EMPTY, 1, "nodes")),
        ("reply", "conductor", "there are none", m.Reply(m.EMPTY, 1, [])),
        ("credit", "node", "takes four at once from now on", m.Credit(m.EMPTY, 4)),
        ("beat-draining", "node", "wants no more work", m.Beat(m.EMPTY, 4100, 0, 0, draining=True)),
        ("bye", "node", "leaves", m.Bye(m.EMPTY, "drained")),
        *_between_sites(asked, told, value),
    ]  # fmt: skip


def _between_sites(asked: m.Header, told: m.Header, value: bytes) -> list[tuple[str, str, str, m.Message]]:
    """Return what two linked conductors say to each other about one task."""
    offer = m.Offer(
        "text.classify_intent", "1.0.0", (("text", "text"),), "intent", "", "", run_bound_us=50_000, path=("cloud",),
        labels=("public", "internal"), credit=64, latency_us=512, load=0.25,
    )  # fmt: skip
    names = ("public", "internal", "pii", "phi")
    edge = m.Hello(
        told, "peer", "plant-b", "factory", "plant-b", 3, held=((7, 2),), labels=names, accepts=names[:3],
    )  # fmt: skip
    cloud = m.Hello(
        told._replace(epoch=7), "peer", "cloud", "factory", "cloud", 7, offers=(offer,), unacked=((3, 8),),
        labels=names, accepts=names[:2],
    )  # fmt: skip
    given = asked._replace(flags=0, epoch=3, attempt=9, capability=4, hops=1, sent_us=7_000_500)
    work = m.Work(
        given, (), (b"turn on the light",), "text.classify_intent", "line-3", ("plant-b",), min_confidence=0.5,
    )  # fmt: skip
    provenance = codec.pack_document(
        {
            "plan": ["text.classify_intent"],
            "attempts": [(0, 5, "rack-1/intent-tiny", "cloud", _DIGEST, "answered", 12, 480,
                          "text.classify_intent", "cloud")],
            "crossings": [("cloud", "plant-b", ["internal"], len(value), "plant-b-data")],
            "via": ["plant-b"],
        }
    )  # fmt: skip
    back = given._replace(remaining_us=m.NO_DEADLINE_US, sent_us=7_002_000)
    context: dict[str, object] = {"rule": "cloud-data", "site": "cloud", "labels": ["pii"]}
    may_not = m.Refuse(
        back, "label_forbidden", "pii: it may not be at 'cloud', by 'cloud-data'.", 32, context
    )
    return [
        ("hello-peer", "peer", "a plant dials the cloud, and still works on one attempt of it", edge),
        ("hello-back", "peer", "the cloud says what the plant may ask for, and has one answer to say again", cloud),
        ("offers", "peer", "nothing is offered any more", m.Offers(told)),
        ("work-to-site", "peer", "gives a step to another site", work),
        ("answer-of-site", "peer", "the step's answer, with the way that it took", m.Answer(back, 0.75, 0, 0, 900,
         (value,), provenance)),
        ("refuse-of-site", "peer", "the gate of the other side", may_not),
    ]  # fmt: skip


def _bad() -> list[tuple[str, str, list[bytes]]]:
    """Return (name, code, frames) that a receiver refuses."""
    head = codec.encode(m.Beat(m.EMPTY))[0]
    credit = bytes([m.Kind.CREDIT]) + head[1:]
    return [
        ("one frame", "frame_malformed", [head]),
        ("short header", "frame_malformed", [head[:-1], b""]),
        ("long header", "frame_malformed", [head + b"\0", b""]),
        ("version 2", "version_unsupported", [head[:1] + b"\2" + head[2:], b""]),
        ("kind 0", "kind_unknown", [b"\0" + head[1:], b""]),
        ("reserved kind", "kind_unknown", [bytes([m.Kind.CHUNK]) + head[1:], b""]),
        ("body where none may be", "frame_malformed", [head, b"", b"x"]),
        ("fields are no map", "frame_malformed", [head, b"\x90"]),
        ("truncated map", "frame_malformed", [head, b"\x81\xa5turns"]),
        ("bytes after the map", "frame_malformed", [head, b"\x80\x80"]),
        ("needed field is missing", "frame_malformed", [credit, b""]),
        ("field of the wrong form", "frame_malformed", [credit, codec.pack_document({"slots": "4"})]),
        ("field out of range", "frame_malformed", [credit, codec.pack_document({"slots": 1 << 16})]),
        (
            "extension type in the map",
            "frame_malformed",
            [credit, codec.pack_document({"slots": codec.Ext(9, b"")})],
        ),
    ]


def _message_vector(name: str, sender: str, about: str, message: m.Message) -> dict[str, object]:
    header = {key: _json(value) for key, value in message.header._asdict().items()}
    named = {item.name: getattr(message, item.name) for item in fields(message)}
    return {
        "name": name,
        "kind": m.Kind(codec.kind_of(codec.encode(message))).name,
        "from": sender,
        "about": about,
        "header": {key: value for key, value in header.items() if value != _json(m.EMPTY._asdict()[key])},
        "fields": {key: _json(value) for key, value in named.items() if key not in ("header", "body")},
        "frames": [frame.hex() for frame in codec.encode(message)],
    }


def _json(value: object) -> object:
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, m.Offer):
        return {item.name: _json(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    return value


def _runs(layout: str) -> str:
    """Join runs of padding, so that they make one row."""
    return re.sub(r"x+", lambda run: f"{len(run[0])}x", layout)


def _names(names: object) -> str:
    assert isinstance(names, list | tuple)
    return ", ".join(f"`{name}`" for name in names)


def _doc(cls: type) -> str:
    return _flat(cls.__doc__ or "")


def _flat(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text.strip())


def _fields_table(cls: type, checks: dict[str, Check]) -> str:
    if not checks:
        return "No fields."
    defaults = dict(codec._DEFAULTS[cls])  # noqa: SLF001
    rows = ["| field | form | if absent |", "|---|---|---|"]
    for name, check in checks.items():
        absent = "**refused**" if name in codec._NEEDED[cls] else f"`{_default(defaults[name])}`"  # noqa: SLF001
        rows.append(f"| `{name}` | {form(check)} | {absent} |")
    return "\n".join(rows)


def _default(value: object) -> str:
    return "empty bytes" if value == b"" else json.dumps(value)


def write() -> dict[Path, str]:
    """Return what every generated file should hold."""
    blocks = {
        "config.md": {"tuning": tuning_table},
        "errors.md": {"errors": errors_table},
        "manifest.md": {"kinds": specialist_kinds},
        "recipes.md": {
            "recipe": recipe_table(recipe.Recipe),
            "data": recipe_table(recipe.DataPart),
            "teacher": recipe_table(recipe.TeacherPart),
            "card": recipe_table(recipe.CardPart),
        },
        "states.md": {
            "task": transitions(conductor_states.TASK),
            "node": transitions(conductor_states.NODE),
            "worker": transitions(node_states.NODE_TRANSITIONS),
            "attempt": transitions(node_states.ITEM_TRANSITIONS),
            "link": transitions(link_states.TRANSITIONS),
            "entry": transitions(forward.TRANSITIONS),
        },
        "types.md": {"types": types_table},
        "wire-protocol.md": {
            "header": header_table,
            "limits": limits_table,
            "kinds": kinds_section,
            "vectors": vectors_section,
        },
    }
    files = {REFERENCE / VECTORS: json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"}
    for page, makers in blocks.items():
        text = (REFERENCE / page).read_text(encoding="utf-8")
        for name, make in makers.items():
            begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
            before, _, rest = text.partition(begin)
            old, found, after = rest.partition(end)
            if not found:
                raise SystemExit(f"{page} lacks {begin} ... {end}; it has {len(old)} bytes after the first")
            text = f"{before}{begin}\n\n{make()}\n\n{end}{after}"
        files[REFERENCE / page] = text
    return files


if __name__ == "__main__":
    for path, text in write().items():
        path.write_text(text, encoding="utf-8")
