"""The registry of data types: names with a schema, a wire encoding and an `is_a` parent.

A value of a subtype may stand wherever its parent is wanted. On the wire that costs nothing: the frames of a
subtype begin with the frames of its parent (see hive/values.py), so a reader of the parent stops early.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from hive.errors import HiveError

Encoding = Literal["utf8", "document", "utf8+document"]
ENCODINGS: Final = ("utf8", "document", "utf8+document")
_KEYS: Final = frozenset({"name", "version", "is_a", "encoding", "schema", "tensors", "text_field"})


@dataclass(frozen=True, slots=True)
class DataType:
    """A named kind of value.

    `schema` is the JSON Schema (draft 2020-12) of its JSON form, `tensors` names the fields that travel as raw
    float32 frames (a JSON array of rows, null where missing), and `text_field` the field of a `utf8+document` that
    is the first frame.
    """

    name: str
    encoding: Encoding
    schema: Mapping[str, object] = field(default_factory=dict)
    is_a: str = ""
    version: int = 1
    tensors: tuple[str, ...] = ()
    text_field: str = "text"

    def as_json(self) -> dict[str, object]:
        """Return the entry as the API and manifests show it."""
        entry: dict[str, object] = {
            "name": self.name,
            "version": self.version,
            "is_a": self.is_a or None,
            "encoding": self.encoding,
            "tensors": list(self.tensors),
            "schema": dict(self.schema),
        }
        if self.encoding == "utf8+document":
            entry["text_field"] = self.text_field
        return entry


def _object(
    required: Mapping[str, object], optional: Mapping[str, object] | None = None
) -> dict[str, object]:
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required)}


_STRING: Final[dict[str, object]] = {"type": "string"}
_NUMBER: Final[dict[str, object]] = {"type": "number"}
_PROBABILITY: Final[dict[str, object]] = {"type": "number", "minimum": 0, "maximum": 1}
_SCORES: Final[dict[str, object]] = {"type": "object", "additionalProperties": _PROBABILITY}
_SENTENCES: Final[dict[str, object]] = {"type": "array", "items": _STRING}
_CONTEXT: Final[dict[str, object]] = {"type": ["object", "null"]}
# What a specialist's answer may say of its input: it is unlike the data that the specialist was made from.
_ABOUT_INPUT: Final[dict[str, object]] = {"unfamiliar": {"type": "boolean"}}
_SPAN = _object(
    {"start": {"type": "integer"}, "end": {"type": "integer"}, "type": _STRING}, {"score": _PROBABILITY}
)
_REDACTED_SPAN = _object(
    {"start": {"type": "integer"}, "end": {"type": "integer"}, "type": _STRING},
    {"score": _PROBABILITY, "token": _STRING},
)
_STRINGS: Final[dict[str, object]] = {"type": "array", "items": _STRING}
_OF_A_CLASS: Final[dict[str, object]] = {"scores": _SCORES, "likely": _STRINGS, **_ABOUT_INPUT}
_SLOT = _object(
    {"start": {"type": "integer"}, "end": {"type": "integer"}, "type": _STRING},
    {"score": _PROBABILITY, "value": _STRING},
)
_CHANNEL = _object({"name": _STRING, "score": _NUMBER})

BUILTIN: Final = (
    DataType("text", "utf8", {"type": "string"}),
    DataType(
        "text.redacted",
        "utf8+document",
        _object(
            {"text": _STRING},
            {
                "spans": {"type": "array", "items": _REDACTED_SPAN},
                "types": _STRINGS,
                "tokens": _STRINGS,
                **_ABOUT_INPUT,
            },
        ),
        is_a="text",
    ),
    DataType("intent", "document", _object({"intent": _STRING}, _OF_A_CLASS)),
    DataType(
        "command",
        "document",
        _object(
            {"intent": _STRING, "slots": {"type": "array", "items": _SLOT}},
            {"scores": _SCORES, **_ABOUT_INPUT},
        ),
    ),
    DataType("spans", "document", _object({"spans": {"type": "array", "items": _SPAN}}, _ABOUT_INPUT)),
    DataType("route", "document", _object({"route": _STRING}, _OF_A_CLASS)),
    DataType("category", "document", _object({"category": _STRING}, _OF_A_CLASS)),
    DataType(
        "embedding", "document", _object({"vector": {"type": "array"}}, _ABOUT_INPUT), tensors=("vector",)
    ),
    DataType(
        "sensor.window",
        "document",
        _object(
            {
                "source": _STRING,
                "channels": {"type": "array", "items": _STRING, "minItems": 1},
                "interval_s": {"type": "number", "exclusiveMinimum": 0},
                "values": {"type": "array"},
            },
            {"start": _STRING, "context": _CONTEXT},
        ),
        tensors=("values",),
    ),
    DataType(
        "anomaly",
        "document",
        _object(
            {"anomalous": {"type": "boolean"}, "score": _NUMBER, "threshold": _NUMBER},
            {
                "channels": {"type": "array", "items": _CHANNEL},
                "begins": {"type": ["integer", "null"]},
                "context": _CONTEXT,
                **_ABOUT_INPUT,
            },
        ),
    ),
    DataType(
        "alert",
        "document",
        _object(
            {"kind": _STRING, "severity": _STRING, "sentence": _STRING},
            {
                "channel": _STRING,
                "start": {"type": "integer"},
                "end": {"type": "integer"},
                "scores": _SCORES,
                **_ABOUT_INPUT,
            },
        ),
    ),
    DataType("record", "document", {"type": "object"}),
    DataType("machine.record", "document", {"type": "object"}),
    DataType("transaction", "document", {"type": "object"}),
    DataType(
        "risk",
        "document",
        _object(
            {"probability": _PROBABILITY},
            {
                "mode": _STRING,
                "reasons": _SENTENCES,
                "risky": {"type": "boolean"},
                "threshold": _PROBABILITY,
                **_ABOUT_INPUT,
            },
        ),
    ),
    DataType(
        "estimate",
        "document",
        _object(
            {"value": _NUMBER, "low": _NUMBER, "high": _NUMBER},
            {"reasons": _SENTENCES, **_ABOUT_INPUT},
        ),
    ),
)


class TypeRegistry:
    """The data types that a process knows; grows by what manifests add, never changes an entry."""

    def __init__(self, extra: Iterable[DataType] = ()) -> None:
        """Start with the built-in types and `extra`."""
        self._types = {entry.name: entry for entry in BUILTIN}
        for entry in extra:
            self.add(entry)

    def add(self, entry: DataType) -> None:
        """Add a type. The same entry again is fine; another of that name raises HiveError(config_invalid)."""
        known = self._types.get(entry.name)
        if known == entry:
            return
        if known is not None:
            raise HiveError("config_invalid", f"Data type {entry.name!r} is already defined differently.")
        if entry.is_a and entry.is_a not in self._types:
            raise HiveError(
                "config_invalid", f"Data type {entry.name!r} is_a {entry.is_a!r}, which is not defined."
            )
        self._types[entry.name] = entry

    def get(self, name: str) -> DataType:
        """Return a type or raise HiveError(type_unknown)."""
        entry = self._types.get(name)
        if entry is None:
            raise HiveError(
                "type_unknown", f"No data type {name!r}; known: {', '.join(sorted(self._types))}."
            )
        return entry

    def all(self) -> tuple[DataType, ...]:
        """Return every type, by name."""
        return tuple(self._types[name] for name in sorted(self._types))

    def ancestors(self, name: str) -> tuple[str, ...]:
        """Return `name` and everything that it is, nearest first."""
        chain = [name]
        while parent := self.get(chain[-1]).is_a:
            chain.append(parent)
        return tuple(chain)

    def is_a(self, name: str, wanted: str) -> bool:
        """Say whether a value of type `name` may stand where `wanted` is asked for."""
        return wanted in self.ancestors(name)


def parse_data_type(raw: Mapping[str, object]) -> DataType:
    """Return the type that a manifest or an offer describes; raise HiveError(manifest_invalid) if it is wrong."""
    name, encoding = raw.get("name"), raw.get("encoding", "document")
    schema, tensors = raw.get("schema", {}), raw.get("tensors", ())
    if unknown := raw.keys() - _KEYS:
        raise HiveError(
            "manifest_invalid", f"Data type {name!r} has unknown fields: {', '.join(sorted(unknown))}."
        )
    if not isinstance(name, str) or not name:
        raise HiveError("manifest_invalid", "A data type needs a `name`, a string such as `text.summary`.")
    if encoding not in ENCODINGS:
        raise HiveError(
            "manifest_invalid", f"Data type {name!r}: `encoding` must be one of {', '.join(ENCODINGS)}."
        )
    if not isinstance(schema, dict) or not isinstance(tensors, list | tuple):
        raise HiveError(
            "manifest_invalid", f"Data type {name!r}: `schema` is an object, `tensors` a list of names."
        )
    version = raw.get("version", 1)
    if type(version) is not int or version < 1:
        raise HiveError("manifest_invalid", f"Data type {name!r}: `version` must be a whole number from 1.")
    return DataType(
        name=name,
        encoding=encoding,
        schema=schema,
        is_a=str(raw.get("is_a") or ""),
        version=version,
        tensors=tuple(str(t) for t in tensors),
        text_field=str(raw.get("text_field", "text")),
    )
