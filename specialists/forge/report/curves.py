"""The course of a training: shown while it runs, and left for the report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from specialists.forge.pipeline.stages import Bar, Workbench

CURVE_FILE: Final = "curve.json"


class Course:
    """Hears of each epoch, moves a bar, and leaves the curve in the stage's folder.

    What a killed try heard of is kept in the stage's scratch, so that the curve is whole.
    """

    def __init__(self, bench: Workbench, bar: Bar) -> None:
        """Go on from what an earlier try left."""
        self._bar = bar
        self._folders = (bench.scratch, bench.folder)
        self._courses = {name: list(values) for name, values in read_curve(bench.scratch).items()}

    def __call__(self, epochs: int, loss: float, validation: float | None = None) -> None:
        """Hear that so many epochs are done, the mean loss of the last, and what validation data said after it."""
        told = {"loss": loss} | ({} if validation is None else {"validation": validation})
        self._bar.advance(1, ", ".join(f"{name} {value:.4f}" for name, value in told.items()))
        for name, value in told.items():
            self._courses[name] = [*self._courses.get(name, [])[: epochs - 1], value]
        for folder in self._folders:
            write_curve(folder, **self._courses)


def write_curve(folder: Path, **courses: Sequence[float]) -> None:
    """Leave one value per epoch for each course, such as `loss` and `validation`, in a stage's folder."""
    rounded = {name: [round(float(value), 6) for value in values] for name, values in courses.items()}
    (folder / CURVE_FILE).write_text(json.dumps(rounded) + "\n", "utf-8")


def read_curve(folder: Path) -> Mapping[str, Sequence[float]]:
    """Return the courses that a stage left, one value per epoch, by name; none if it left none or was cut off."""
    try:
        document = json.loads((folder / CURVE_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: [float(value) for value in values] for name, values in document.items()}
