"""The course of a training, as a stage leaves it for the report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

CURVE_FILE: Final = "curve.json"


def write_curve(folder: Path, **courses: Sequence[float]) -> None:
    """Leave one value per epoch for each course, such as `loss` and `validation`, in a stage's folder."""
    rounded = {name: [round(float(value), 6) for value in values] for name, values in courses.items()}
    (folder / CURVE_FILE).write_text(json.dumps(rounded) + "\n", "utf-8")


def read_curve(folder: Path) -> Mapping[str, Sequence[float]]:
    """Return the courses that a stage left, none if it left none."""
    path = folder / CURVE_FILE
    if not path.is_file():
        return {}
    return {
        name: [float(value) for value in values]
        for name, values in json.loads(path.read_text("utf-8")).items()
    }
