"""The ONNX engine: onnxruntime with one thread, little memory, and no way to read other files.

Given bytes, onnxruntime resolves external tensor data against the working directory, so a model could read files
of the machine. Such models are refused before onnxruntime sees them, by walking the protobuf fields of the file
(onnx.proto: TensorProto.external_data = 13, TensorProto.data_location = 14), whatever subgraph they hide in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import onnxruntime

from hive.errors import HiveError
from specialists.engine.base import Array
from specialists.engine.bound import RunBound

# The fields of onnx.proto that lead to tensors, by message: field number -> message that it holds.
_FIELDS: Final[dict[str, dict[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_BOUND_S: Final = 60.0
_NO_MEMORY: Final = "bad_alloc"
_EXTERNAL_DATA: Final = 13
_DATA_LOCATION: Final = 14
_MAX_DEPTH: Final = 64
# Protobuf wire types and the sizes of the fixed ones; groups (3, 4) are not used by ONNX.
_VARINT: Final = 0
_BYTES: Final = 2
_FIXED: Final = {1: 8, 5: 4}
_MORE: Final = 0x80
_VARINT_BITS: Final = 63


class OnnxEngine:
    """Runs an ONNX model from its bytes on one CPU thread, each run for `bound_s` at most."""

    def __init__(self, model: bytes, bound_s: float = _BOUND_S) -> None:
        """Load `model`; raise HiveError(model_invalid) if it is no ONNX model or refers to other files."""
        refuse_external_data(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 4
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        # The arena keeps freed memory in growing chunks; at this size plain allocation costs nothing measurable.
        options.enable_cpu_mem_arena = False
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises many unrelated classes
            raise HiveError(
                "model_invalid", f"onnxruntime cannot load the model: {_first_line(error)}"
            ) from error
        self._inputs = tuple(item.name for item in self._session.get_inputs())
        self._options = onnxruntime.RunOptions()
        self._bound = RunBound(bound_s, self._terminate)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the model's inputs."""
        return self._inputs

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        """Return the model's outputs.

        Raises HiveError: inference_failed if it fails on `feeds` or does not end in time, worker_memory if it takes
        more memory than the process may have.
        """
        if set(feeds) != set(self._inputs):
            raise HiveError("inference_failed", f"The model takes {list(self._inputs)}, not {list(feeds)}.")
        self._bound.begin()
        try:
            outputs = self._session.run(None, dict(feeds), self._options)
        except Exception as error:
            raise self._failure(error) from error
        finally:
            self._bound.over()
        if self._options.terminate:  # it ended by itself at the same moment
            self._options = onnxruntime.RunOptions()
        return [np.asarray(output) for output in outputs]

    def _terminate(self) -> None:
        self._options.terminate = True

    def _failure(self, error: Exception) -> HiveError:
        if self._options.terminate:
            self._options = onnxruntime.RunOptions()
            return HiveError("inference_failed", f"The run did not end within {self._bound.bound_s:g} s.")
        if isinstance(error, MemoryError) or _NO_MEMORY in str(error):
            return HiveError("worker_memory", "The run needs more memory than this worker may take.")
        return HiveError("inference_failed", f"The model failed: {_first_line(error)}")


def refuse_external_data(model: bytes) -> None:
    """Raise HiveError(model_invalid) if a tensor of `model` lies in another file, or if it is not a protobuf."""
    try:
        _walk(memoryview(model), "model", 0)
    except (IndexError, RecursionError) as error:
        raise HiveError("model_invalid", "The model file is not an ONNX protobuf, or is cut off.") from error


def _walk(data: memoryview, kind: str, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise RecursionError
    inner = _FIELDS.get(kind, {})
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        field, wire = key >> 3, key & 7
        if kind == "tensor" and field == _EXTERNAL_DATA:
            raise HiveError("model_invalid", "The model keeps tensors in other files. Save it as one file.")
        if wire == _VARINT:
            value, at = _varint(data, at)
            if kind == "tensor" and field == _DATA_LOCATION and value:
                raise HiveError(
                    "model_invalid", "The model keeps tensors in other files. Save it as one file."
                )
        elif wire == _BYTES:
            size, at = _varint(data, at)
            if at + size > len(data):
                raise IndexError
            if field in inner:
                _walk(data[at : at + size], inner[field], depth + 1)
            at += size
        elif wire in _FIXED:
            at += _FIXED[wire]
        else:
            raise IndexError
    if at > len(data):
        raise IndexError


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


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300]
