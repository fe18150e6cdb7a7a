"""From a torch module to a quantized ONNX file."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn

OPSET: Final = 17
Array = npt.NDArray[np.generic]
Feeds = Mapping[str, Array]


def to_onnx(
    model: nn.Module, sample: Feeds, outputs: Sequence[str], dynamic: Mapping[str, Mapping[int, str]]
) -> onnx.ModelProto:
    """Return `model` as float32 ONNX; `dynamic` names the axes that may vary, by input and output."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # The older exporter, on purpose: the quantizer reads its graphs without changes.
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            model.eval(),
            tuple(torch.from_numpy(value) for value in sample.values()),
            str(path),
            input_names=list(sample),
            output_names=list(outputs),
            dynamic_axes={name: dict(axes) for name, axes in dynamic.items()},
            opset_version=OPSET,
            dynamo=False,
        )
        return onnx.load(path)


def static_int8(
    model: onnx.ModelProto,
    samples: Iterable[Feeds],
    exclude: Sequence[str] = (),
    kinds: Sequence[str] | None = None,
) -> onnx.ModelProto:
    """Return `model` with int8 weights and activation scales fixed from `samples` (so batches change no answer)."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = _prepared(model, Path(folder))
        target = Path(folder) / "int8.onnx"
        quantize_static(
            prepared,
            target,
            _Reader(samples),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=list(exclude),
            op_types_to_quantize=None if kinds is None else list(kinds),
        )
        return onnx.load(target)


def dynamic_int8(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return `model` with int8 weights and activation scales taken from each run."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = _prepared(model, Path(folder))
        target = Path(folder) / "int8.onnx"
        quantize_dynamic(prepared, target, weight_type=QuantType.QInt8, per_channel=True)
        return onnx.load(target)


def parameters_of(model: Path) -> int:
    """Return how many numbers the tensors of an exact (unquantized) ONNX file hold.

    A quantized file packs several into one and adds scales, so a student is counted before it is quantized.
    """
    return sum(int(np.prod(tensor.dims)) for tensor in onnx.load(model).graph.initializer)


def plain_bytes(model: onnx.ModelProto) -> bytes:
    """Return the file content of `model` without names of tools, notes or intermediate shapes."""
    model.doc_string = model.producer_name = model.producer_version = ""
    del model.graph.value_info[:]
    del model.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def _prepared(model: onnx.ModelProto, folder: Path) -> Path:
    del model.graph.value_info[:]
    source, target = folder / "fp32.onnx", folder / "prepared.onnx"
    onnx.save(model, source)
    quant_pre_process(source, target, skip_symbolic_shape=True)
    ready = onnx.load(target)
    # The quantizer refuses shapes that the exporter noted before it folded constants.
    del ready.graph.value_info[:]
    onnx.save(ready, target)
    return target


class _Reader(CalibrationDataReader):
    def __init__(self, samples: Iterable[Feeds]) -> None:
        self._samples = iter(samples)

    def get_next(self) -> Feeds | None:
        return next(self._samples, None)
