"""A specialist of records without a trained model: a manifest, and an engine that adds up the columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from specialists.engine.base import Array
from specialists.kinds.base import Parts
from specialists.manifest import read_manifest

COLUMNS: Final = [
    {
        "type": "number",
        "name": "torque_nm",
        "title": "torque",
        "unit": "Nm",
        "median": 40.0,
        "scale": 10.0,
        "usual": [30.0, 50.0],
        "low": 4.0,
        "high": 76.0,
    },
    {
        "type": "number",
        "name": "speed",
        "title": "speed",
        "unit": "",
        "median": 1500.0,
        "scale": 100.0,
        "usual": [1400.0, 1600.0],
        "low": 1200.0,
        "high": 2800.0,
    },
    {"type": "category", "name": "grade", "title": "grade", "values": ["low", "high"], "common": "low"},
]
DERIVED: Final = [
    {
        "op": "product",
        "of": ["torque_nm", "speed"],
        "median": 60000.0,
        "scale": 10000.0,
        "low": 10000.0,
        "high": 100000.0,
    }
]


class Summing:
    """Gives the sum of the scaled numbers, twice for the product, plus 1 where the grade is high; as modes, both."""

    inputs = ("row",)

    def __init__(self, *, modes: bool = True) -> None:
        """Answer with modes, or without."""
        self._modes = modes

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        """Rows are [torque, speed, product, torque missing, speed missing, grade: none, low, high]."""
        rows = feeds["row"].astype(np.float64)
        score = rows[:, 0] + rows[:, 1] + 2 * rows[:, 2] + rows[:, 7]
        return [np.column_stack([score, rows[:, :2]]) if self._modes else score[:, None]]


def parts_of(folder: Path, engine: Summing | None = None, **changes: object) -> Parts:
    """Return what a kind is built from, `changes` made to the manifest's settings as `calibration__slope=2`."""
    document: dict[str, object] = {
        "manifest_version": 1,
        "name": "records",
        "version": "1.0.0",
        "capability": "machine.predict",
        "inputs": {"record": "machine.record"},
        "output": "risk",
        "kind": "risk",
        "engine": "none",
        "files": {},
        "preprocess": {"columns": COLUMNS, "derived": DERIVED},
        "postprocess": {"reasons": 2, "modes": ["overload", "overspeed"], "center": 100.0, "spread": 10.0},
        "calibration": {
            "slope": 1.0,
            "offset": -2.0,
            "threshold": 0.4,
            "unsure_below": 0.6,
            "margin": 0.1,
            "most_missing": 0.5,
            "radius": 7.5,
            "coverage": 0.9,
        },
        "batch": {"max_size": 8, "why": "rows are independent"},
        "run_bound_ms": 100,
        "licence": "Apache-2.0",
    }
    for name, value in changes.items():
        part, _, field = name.partition("__")
        section = dict(document[part])  # type: ignore[call-overload]
        if value is None:
            del section[field]
        else:
            section[field] = value
        document[part] = section
    (folder / "manifest.json").write_text(json.dumps(document), "utf-8")
    return Parts(read_manifest(folder), engine or Summing(), None)
