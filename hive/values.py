"""Values of data types: between Python objects, their JSON form and body frames.

Encodings: `utf8` is one frame of UTF-8 text; `document` is a msgpack map, followed by one raw little-endian
float32 frame per tensor, which the map refers to by extension type 1 (`ndim` u8, then each dimension as u32);
`utf8+document` is the text, then the document without its text field.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from hive.errors import HiveError
from hive.types import DataType
from hive.wire.codec import TENSOR_EXT, Ext, pack_document, unpack_document

Value = object
Float32 = npt.NDArray[np.float32]
_MAX_DIMS = 4


def encode_value(kind: DataType, value: Value) -> list[bytes]:
    """Return the body frames of `value`; raise HiveError(input_invalid) if it is not of this type's form."""
    if kind.encoding == "utf8":
        return [_text(kind, value)]
    if not isinstance(value, Mapping):
        raise HiveError("input_invalid", f"A {kind.name} is an object, not {type(value).__name__}.")
    document = dict(value)
    head = [_text(kind, document.pop(kind.text_field, None))] if kind.encoding == "utf8+document" else []
    tensors = []
    for name in kind.tensors:
        if name not in document:
            raise HiveError("input_invalid", f"A {kind.name} needs {name!r}, an array of numbers.")
        tensor = to_tensor(document[name], f"{kind.name}.{name}")
        document[name] = Ext(TENSOR_EXT, struct.pack(f"<B{tensor.ndim}I", tensor.ndim, *tensor.shape))
        tensors.append(tensor.tobytes())
    return [*head, pack_document(document), *tensors]


def decode_value(kind: DataType, frames: Sequence[bytes]) -> Value:
    """Return the value in `frames`; tensors become float32 arrays. Raise HiveError(input_invalid) if malformed.

    Frames after those that the type needs are ignored: they belong to a subtype.
    """
    if not frames:
        raise HiveError("input_invalid", f"A {kind.name} has no frames.")
    if kind.encoding == "utf8":
        return _decode_text(kind, frames[0])
    rest = list(frames)
    text = _decode_text(kind, rest.pop(0)) if kind.encoding == "utf8+document" else None
    if not rest:
        raise HiveError("input_invalid", f"A {kind.name} lacks its document frame.")
    try:
        document = unpack_document(rest.pop(0))
    except HiveError as error:
        raise HiveError("input_invalid", f"{kind.name}: {error.detail}") from error
    if not isinstance(document, dict):
        raise HiveError("input_invalid", f"The document of a {kind.name} must be a map.")
    for name in kind.tensors:
        document[name] = _decode_tensor(
            f"{kind.name}.{name}", document.get(name), rest.pop(0) if rest else None
        )
    if text is not None:
        document[kind.text_field] = text
    return document


def to_tensor(value: object, where: str) -> Float32:
    """Return a JSON array (null = missing) or an array as little-endian float32, missing as NaN."""
    try:
        rows = np.asarray(_nulls_to_nan(value), dtype="<f4")
    except (ValueError, TypeError, OverflowError) as error:
        raise HiveError(
            "input_invalid", f"{where} must hold numbers or null, in rows of one length."
        ) from error
    if not 1 <= rows.ndim <= _MAX_DIMS:
        raise HiveError(
            "input_invalid", f"{where} has {rows.ndim} dimensions; 1 to {_MAX_DIMS} are possible."
        )
    return np.ascontiguousarray(rows)


def to_json(value: Value) -> Value:
    """Return `value` with arrays as lists and NaN as null, ready for a JSON encoder."""
    if isinstance(value, np.ndarray):
        return to_json(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def _nulls_to_nan(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, list | tuple):
        return [_nulls_to_nan(item) for item in value]
    if isinstance(value, bool | str):
        raise TypeError("not a number")
    return math.nan if value is None else value


def _text(kind: DataType, value: object) -> bytes:
    if not isinstance(value, str):
        raise HiveError("input_invalid", f"A {kind.name} needs a string, not {type(value).__name__}.")
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise HiveError(
            "input_invalid", f"The {kind.name} holds a lone surrogate at {error.start}."
        ) from error


def _decode_text(kind: DataType, frame: bytes) -> str:
    try:
        return frame.decode("utf-8")
    except UnicodeDecodeError as error:
        raise HiveError("input_invalid", f"The {kind.name} is not UTF-8 at byte {error.start}.") from error


def _decode_tensor(where: str, reference: object, frame: bytes | None) -> Float32:
    if not isinstance(reference, Ext) or reference.code != TENSOR_EXT or frame is None:
        raise HiveError("input_invalid", f"{where} must refer to a tensor frame.")
    data = reference.data
    ndim = data[0] if data else 0
    if not 1 <= ndim <= _MAX_DIMS or len(data) != 1 + 4 * ndim:
        raise HiveError("input_invalid", f"{where}: the shape of the tensor is malformed.")
    shape = struct.unpack_from(f"<{ndim}I", data, 1)
    if math.prod(shape) * 4 != len(frame):
        raise HiveError("input_invalid", f"{where}: {len(frame)} bytes do not fill the shape {shape}.")
    return np.frombuffer(frame, dtype="<f4").reshape(shape)
