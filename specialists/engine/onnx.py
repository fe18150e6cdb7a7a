"""The ONNX engine: onnxruntime with one thread, little memory, and no way to read other files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import onnxruntime

from hive.errors import HiveError
from specialists.engine.base import Array
from specialists.engine.bound import RunBound
from specialists.engine.onnx_file import operators

_BOUND_S: Final = 60.0
_NO_MEMORY: Final = "bad_alloc"


class OnnxEngine:
    """Runs an ONNX model from its bytes on one CPU thread, each run for `bound_s` at most."""

    def __init__(self, model: bytes, bound_s: float = _BOUND_S) -> None:
        """Load `model`; raise HiveError(model_invalid) if it is no ONNX model or refers to other files."""
        operators(model)  # refuses what onnxruntime must not see
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


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300]
