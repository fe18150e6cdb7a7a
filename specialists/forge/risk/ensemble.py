"""Boosted trees as ONNX, so that teacher and student are served, sized and timed in the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

_OPSETS: Final = {"": 17, "ai.onnx.ml": 3}
_IR_VERSION: Final = 9
Model: TypeAlias = HistGradientBoostingClassifier | HistGradientBoostingRegressor


def ensemble(models: Sequence[Model], width: int) -> onnx.ModelProto:
    """Return one model: `row` [n, width], NaN where missing, to `scores` [n, models], each the sum of its trees.

    The trees are read from scikit-learn's own arrays. Its thresholds are doubles; they are rounded down to float32,
    which sends every float32 value the same way.
    """
    table: dict[str, list[int] | list[float] | list[str]] = {name: [] for name in _COLUMNS}
    tree = 0
    for target, model in enumerate(models):
        for (predictor,) in model._predictors:  # noqa: SLF001 - scikit-learn has no public way to the trees
            _add(table, predictor.nodes, tree, target)
            tree += 1
    base = [float(np.ravel(model._baseline_prediction)[0]) for model in models]  # noqa: SLF001
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["row"],
        ["scores"],
        domain="ai.onnx.ml",
        n_targets=len(models),
        aggregate_function="SUM",
        post_transform="NONE",
        base_values=base,
        **{name: values for name, values in table.items() if values},
    )
    graph = helper.make_graph(
        [node],
        "boosted",
        [helper.make_tensor_value_info("row", TensorProto.FLOAT, ["batch", width])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", len(models)])],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)


def node_count(models: Sequence[Model]) -> int:
    """Return how many nodes all trees have: the numbers that such a model consists of."""
    return sum(len(predictor.nodes) for model in models for (predictor,) in model._predictors)  # noqa: SLF001


_COLUMNS: Final = (
    "nodes_treeids",
    "nodes_nodeids",
    "nodes_featureids",
    "nodes_values",
    "nodes_modes",
    "nodes_truenodeids",
    "nodes_falsenodeids",
    "nodes_missing_value_tracks_true",
    "target_treeids",
    "target_nodeids",
    "target_ids",
    "target_weights",
)


def _add(
    table: Mapping[str, list[int] | list[float] | list[str]],
    nodes: npt.NDArray[np.void],
    tree: int,
    target: int,
) -> None:
    leaf = nodes["is_leaf"].astype(bool)
    count = len(nodes)
    thresholds = _down(np.where(leaf, 0.0, nodes["num_threshold"]))
    columns: dict[str, Sequence[object]] = {
        "nodes_treeids": [tree] * count,
        "nodes_nodeids": list(range(count)),
        "nodes_featureids": np.where(leaf, 0, nodes["feature_idx"]).tolist(),
        "nodes_values": thresholds.tolist(),
        "nodes_modes": ["LEAF" if end else "BRANCH_LEQ" for end in leaf],
        "nodes_truenodeids": np.where(leaf, 0, nodes["left"]).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, nodes["right"]).tolist(),
        "nodes_missing_value_tracks_true": np.where(leaf, 0, nodes["missing_go_to_left"]).tolist(),
        "target_treeids": [tree] * int(leaf.sum()),
        "target_nodeids": np.flatnonzero(leaf).tolist(),
        "target_ids": [target] * int(leaf.sum()),
        "target_weights": nodes["value"][leaf].tolist(),
    }
    for name, values in columns.items():
        table[name].extend(values)  # type: ignore[arg-type]


def _down(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the largest float32 numbers that are not above `values`."""
    rounded = values.astype(np.float32)
    above = rounded.astype(np.float64) > values
    return np.where(above, np.nextafter(rounded, np.float32(-np.inf)), rounded)
