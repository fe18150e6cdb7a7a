"""Between messages and frames: `[kind, version, header] [msgpack map] [body frames...]`.

A sans-IO trust boundary: bytes in, a checked message or a HiveError out. The one module that knows msgpack.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from operator import attrgetter
from typing import Final

import msgpack

from hive.errors import HiveError
from hive.wire import messages as m
from hive.wire.spec import MAX_FRAMES, SPEC, WITH_BODY, checked

HEADER: Final = struct.Struct("<BBBBBBHHHHxxIIqqQ16s16s8s")
_HEADER_FIELDS: Final = struct.Struct("<xxBBBBHHHHxxIIqqQ16s16s8s")  # the same without kind and version
HEADER_BYTES: Final = HEADER.size
MIN_FRAMES: Final = 2
MAX_MAP_BYTES: Final = 1 << 20
MAX_BODY_BYTES: Final = 16 << 20
TENSOR_EXT: Final = 1
Ext = msgpack.ExtType
"""msgpack's extension value, for the documents of hive/values.py."""

_NOTHING: Final[dict[str, object]] = {}
_CLASS: Final[dict[int, type]] = {
    m.Kind[_name].value: cls
    for cls in SPEC
    for _name in ["".join("_" + c if c.isupper() and i else c for i, c in enumerate(cls.__name__)).upper()]
}
_KIND: Final[dict[type, int]] = {cls: kind for kind, cls in _CLASS.items()}


def _field_defaults(cls: type) -> tuple[tuple[str, object], ...]:
    defaults = []
    for item in fields(cls):
        if item.name in ("header", "body"):
            continue
        default = item.default_factory() if item.default_factory is not MISSING else item.default
        defaults.append((item.name, default))
    return tuple(defaults)


_DEFAULTS: Final = {cls: _field_defaults(cls) for cls in (*SPEC, m.Offer)}
_Values = Callable[[object], tuple[object, ...]]


def _values_of(names: tuple[str, ...]) -> _Values:
    """Return what reads these attributes in one call; attrgetter returns a bare value for a single name."""
    if len(names) == 1:
        one = attrgetter(names[0])
        return lambda message: (one(message),)
    return attrgetter(*names) if names else lambda _: ()


_FIELDS: Final = {
    cls: (
        tuple(name for name, _ in defaults),
        tuple(default for _, default in defaults),
        _values_of(tuple(name for name, _ in defaults)),
    )
    for cls, defaults in _DEFAULTS.items()
}
_NEEDED: Final = {
    cls: frozenset(name for name, default in defaults if default is MISSING)
    for cls, defaults in _DEFAULTS.items()
}


def pack_document(value: object) -> bytes:
    """Return `value` as msgpack. Raise HiveError(input_invalid) for what msgpack cannot carry."""
    try:
        return _packer.pack(value)  # type: ignore[no-any-return]
    except (TypeError, ValueError, OverflowError) as error:
        _packer.reset()
        raise HiveError("input_invalid", f"The document cannot be encoded: {error}.") from error


def unpack_document(
    frame: bytes, max_bytes: int = MAX_BODY_BYTES, ext_hook: Callable[[int, bytes], object] = Ext
) -> object:
    """Return the msgpack value in `frame`. Raise HiveError: frame_malformed, too_large.

    A timestamp becomes a float: what comes out can be written as JSON, but for bytes and what `ext_hook` makes.
    """
    if len(frame) > max_bytes:
        raise HiveError("too_large", f"A document of {len(frame)} bytes; the limit is {max_bytes}.")
    try:
        return msgpack.unpackb(frame, timestamp=1, ext_hook=ext_hook)
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException, RecursionError) as error:
        raise HiveError(
            "frame_malformed", f"A frame is not the msgpack document it should be: {error}."
        ) from error


def _no_extension(code: int, data: bytes) -> object:
    raise ValueError(f"extension type {code} with {len(data)} bytes, where none may be")


_packer = msgpack.Packer(use_bin_type=True, autoreset=True, default=None)


def _offer_map(offer: m.Offer) -> dict[str, object]:
    return {
        name: getattr(offer, name) for name, default in _DEFAULTS[m.Offer] if getattr(offer, name) != default
    }


def encode(message: m.Message) -> list[bytes]:
    """Return the frames of `message`; fields at their default are left out, an empty map is an empty frame."""
    cls = type(message)
    named = {}
    names, defaults, values_of = _FIELDS[cls]
    values = values_of(message)
    if values != defaults:
        named = {n: v for n, v, d in zip(names, values, defaults, strict=True) if v != d}
    if "offers" in named:
        named["offers"] = [_offer_map(offer) for offer in message.offers]  # type: ignore[union-attr]
    head = HEADER.pack(_KIND[cls], m.VERSION, *message.header)
    frames = [head, pack_document(named) if named else b""]
    if cls in WITH_BODY:
        frames += message.body  # type: ignore[union-attr]
    return frames


def kind_of(frames: Sequence[bytes]) -> int:
    """Return the first byte, 0 when there is none; for refusals of what cannot be decoded."""
    return frames[0][0] if frames and frames[0] else 0


def peek_header(frames: Sequence[bytes]) -> m.Header:
    """Return the header if it can be read at all, else an empty one; for refusals of a bad message."""
    if frames and len(frames[0]) == HEADER_BYTES:
        return m.Header._make(_HEADER_FIELDS.unpack(frames[0]))
    return m.EMPTY


def decode(frames: Sequence[bytes], max_body_bytes: int = MAX_BODY_BYTES) -> m.Message:
    """Return the message in `frames`.

    Raises HiveError: frame_malformed (wrong length, bad map, missing or wrong field, body where none may be),
    version_unsupported, kind_unknown (unknown or reserved), too_large (body over `max_body_bytes`).
    """
    count = len(frames)
    if not MIN_FRAMES <= count <= MAX_FRAMES:
        raise HiveError("frame_malformed", f"{count} frames; a message has {MIN_FRAMES} to {MAX_FRAMES}.")
    head = frames[0]
    if len(head) != HEADER_BYTES:
        raise HiveError(
            "frame_malformed", f"The first frame has {len(head)} bytes; it must have {HEADER_BYTES}."
        )
    kind, version = head[0], head[1]
    if version != m.VERSION:
        raise HiveError(
            "version_unsupported", f"Version {version} is not spoken here; version {m.VERSION} is."
        )
    cls = _CLASS.get(kind)
    if cls is None:
        what = "reserved" if kind in m.RESERVED else "unknown"
        raise HiveError("kind_unknown", f"Message kind {kind} is {what} in version {version}.")
    named = _named(cls, frames[1]) if frames[1] or _NEEDED[cls] else _NOTHING
    # tuple.__new__ spares the call of Header._make; the struct yields just its fields.
    header = tuple.__new__(m.Header, _HEADER_FIELDS.unpack(head))
    if count == MIN_FRAMES:
        return cls(header, **named)  # type: ignore[no-any-return]
    if cls not in WITH_BODY:
        raise HiveError("frame_malformed", f"{cls.__name__.upper()} carries no body, but {count - 2} frames.")
    body = tuple(frames[2:])
    size = sum(map(len, body))
    if size > max_body_bytes:
        raise HiveError("too_large", f"A body of {size} bytes; the limit is {max_body_bytes}.")
    return cls(header, **named, body=body)  # type: ignore[no-any-return]


def _named(cls: type, frame: bytes) -> dict[str, object]:
    """Return the checked fields in the second frame of a message of type `cls`."""
    raw = unpack_document(frame, MAX_MAP_BYTES, _no_extension) if frame else {}
    if type(raw) is not dict:
        raise HiveError("frame_malformed", f"The second frame of {cls.__name__.upper()} must hold a map.")
    try:
        named = checked(raw, SPEC[cls])
    except (ValueError, TypeError) as error:
        raise HiveError("frame_malformed", f"{cls.__name__.upper()}: {error}.") from None
    if not named.keys() >= _NEEDED[cls]:
        missing = ", ".join(sorted(_NEEDED[cls] - named.keys()))
        raise HiveError("frame_malformed", f"{cls.__name__.upper()} lacks {missing}.")
    return named
