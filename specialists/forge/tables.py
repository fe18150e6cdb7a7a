"""Embedding tables in few bits: int8 or int4 in blocks with a scale each, looked up by one node of onnxruntime.

Only what is looked up is ever made exact, so a table costs its size and hardly any time, whatever its words weigh.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

Bits = Literal[4, 8]
_DOMAIN: Final = "com.microsoft"
_MIN_ROWS: Final = 256
_BLOCKS: Final = (128, 64, 32, 16)
_HALF: Final = 16
Floats = npt.NDArray[np.float32]


def small_tables(model: onnx.ModelProto, bits: Bits) -> onnx.ModelProto:
    """Return `model` with its embedding tables in `bits` bits; other tensors stay as they are.

    A table is a float32 initializer [rows, width] of many rows that only Gather nodes on axis 0 read.
    """
    small = onnx.ModelProto()
    small.CopyFrom(model)
    tables = [item for item in small.graph.initializer if _is_table(small, item)]
    for table in tables:
        _replace(small, table, bits)
    if tables and not any(entry.domain == _DOMAIN for entry in small.opset_import):
        small.opset_import.append(helper.make_opsetid(_DOMAIN, 1))
    return small


def in_blocks(values: Floats, bits: Bits, block: int) -> tuple[npt.NDArray[np.uint8], Floats]:
    """Return `values` [rows, width] as unsigned numbers around the middle, and the scale of each block of a row.

    Numbers of 4 bits are packed two in a byte, the first one in the low half.
    """
    middle = 1 << (bits - 1)
    blocks = values.reshape(len(values), -1, block)
    scales = np.abs(blocks).max(axis=2, keepdims=True) / (middle - 1)
    scales = np.where(scales == 0, 1, scales).astype(np.float32)
    codes = np.clip(np.rint(blocks / scales) + middle, 0, 2 * middle - 1).astype(np.uint8)
    codes = codes.reshape(values.shape)
    packed = codes if bits == 8 else (codes[:, 0::2] | (codes[:, 1::2] << 4)).astype(np.uint8)
    return packed, scales[:, :, 0]


def _is_table(model: onnx.ModelProto, item: onnx.TensorProto) -> bool:
    readers = [node for node in model.graph.node if item.name in node.input]
    return (
        item.data_type == onnx.TensorProto.FLOAT
        and len(item.dims) == 2
        and item.dims[0] >= _MIN_ROWS
        and item.dims[1] % _HALF == 0
        and all(
            node.op_type == "Gather" and _axis(node) == 0 and node.input[0] == item.name for node in readers
        )
    )


def _axis(node: onnx.NodeProto) -> int:
    return next((int(a.i) for a in node.attribute if a.name == "axis"), 0)


def _replace(model: onnx.ModelProto, table: onnx.TensorProto, bits: Bits) -> None:
    values = numpy_helper.to_array(table).astype(np.float32)
    block = next(size for size in _BLOCKS if values.shape[1] % size == 0 and (bits == 8 or size <= 32))
    packed, scales = in_blocks(values, bits, block)
    names = (f"{table.name}.codes", f"{table.name}.scales")
    for node in model.graph.node:
        if table.name in node.input:
            new = helper.make_node(
                "GatherBlockQuantized",
                [names[0], node.input[1], names[1]],
                list(node.output),
                name=f"{node.name}.small",
                domain=_DOMAIN,
                gather_axis=0,
                quantize_axis=1,
                block_size=block,
                bits=bits,
            )
            node.CopyFrom(new)
    model.graph.initializer.remove(table)
    model.graph.initializer.extend(
        [numpy_helper.from_array(packed, names[0]), numpy_helper.from_array(scales, names[1])]
    )
