"""What an ONNX file says of itself, read from its protobuf fields before onnxruntime sees it.

Given bytes, onnxruntime resolves external tensor data against the working directory, so a model could read files of
the machine: such models are refused, whatever subgraph the reference hides in. And some operators look at the whole
batch at once, so that an answer would hang on its neighbours. Field numbers are those of onnx.proto.
"""

from __future__ import annotations

from typing import Final

from hive.errors import HiveError

WHOLE_BATCH: Final = frozenset({"DynamicQuantizeLinear", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul"})
"""Operators that take one activation scale over everything that they are fed."""

# The fields that lead to tensors and nodes, by message: field number -> message that it holds.
_FIELDS: Final[dict[str, dict[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_EXTERNAL_DATA: Final = 13
_DATA_LOCATION: Final = 14
_OP_TYPE: Final = 4
_MAX_DEPTH: Final = 64
# Protobuf wire types and the sizes of the fixed ones; groups (3, 4) are not used by ONNX.
_VARINT: Final = 0
_BYTES: Final = 2
_FIXED: Final = {1: 8, 5: 4}
_MORE: Final = 0x80
_VARINT_BITS: Final = 63


def operators(model: bytes) -> frozenset[str]:
    """Return the names of the operators that `model` uses, in any subgraph or function.

    Raises HiveError(model_invalid) if a tensor lies in another file, or if `model` is no whole ONNX protobuf.
    """
    found: set[str] = set()
    try:
        _walk(memoryview(model), "model", 0, found)
    except (IndexError, RecursionError) as error:
        raise HiveError("model_invalid", "The model file is not an ONNX protobuf, or is cut off.") from error
    return frozenset(found)


def _walk(data: memoryview, kind: str, depth: int, found: set[str]) -> None:
    if depth > _MAX_DEPTH:
        raise RecursionError
    inner = _FIELDS.get(kind, {})
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        field, wire = key >> 3, key & 7
        if kind == "tensor" and field == _EXTERNAL_DATA:
            raise _elsewhere()
        if wire == _VARINT:
            value, at = _varint(data, at)
            if kind == "tensor" and field == _DATA_LOCATION and value:
                raise _elsewhere()
        elif wire == _BYTES:
            size, at = _varint(data, at)
            if at + size > len(data):
                raise IndexError
            if field in inner:
                _walk(data[at : at + size], inner[field], depth + 1, found)
            elif kind == "node" and field == _OP_TYPE:
                found.add(bytes(data[at : at + size]).decode("utf-8", "replace"))
            at += size
        elif wire in _FIXED:
            at += _FIXED[wire]
        else:
            raise IndexError
    if at > len(data):
        raise IndexError


def _elsewhere() -> HiveError:
    return HiveError("model_invalid", "The model keeps tensors in other files. Save it as one file.")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < _MORE:
            return value, at
        shift += 7
        if shift > _VARINT_BITS:
            raise IndexError
