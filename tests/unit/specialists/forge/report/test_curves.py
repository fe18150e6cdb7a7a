"""The course of a training is whole after a kill, and what a report shows of classes and robustness."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from specialists.forge.pipeline.stages import Workbench
from specialists.forge.report.curves import Course, read_curve


@dataclass
class Folders:
    """The two folders of a workbench that a course writes to."""

    folder: Path
    scratch: Path


@dataclass
class Notes:
    """A bar that keeps what stood behind it."""

    notes: list[str] = field(default_factory=list)

    def advance(self, steps: int = 1, note: str = "") -> None:  # noqa: ARG002
        self.notes.append(note)


def bench(root: Path, name: str) -> Workbench:
    for folder in (root / name, root / "scratch"):
        folder.mkdir(exist_ok=True)
    return cast("Workbench", Folders(root / name, root / "scratch"))


def test_a_resumed_training_leaves_the_whole_curve(tmp_path: Path) -> None:
    first = Course(bench(tmp_path, "killed"), Notes())
    first(1, 0.9, 0.5)
    first(2, 0.7, 0.6)
    bar = Notes()
    resumed = Course(bench(tmp_path, "resumed"), bar)
    resumed(2, 0.71, 0.61)
    resumed(3, 0.5, 0.7)
    assert read_curve(tmp_path / "resumed") == {"loss": [0.9, 0.71, 0.5], "validation": [0.5, 0.61, 0.7]}
    assert bar.notes == ["loss 0.7100, validation 0.6100", "loss 0.5000, validation 0.7000"]


def test_a_curve_that_was_cut_off_is_none(tmp_path: Path) -> None:
    (tmp_path / "curve.json").write_text('{"loss": [0.9')
    assert read_curve(tmp_path) == {}


def test_a_class_is_shown_by_one_figure_worst_first() -> None:
    pytest.importorskip("matplotlib", reason="the forge is not installed")
    from specialists.forge.report.plots import class_values  # noqa: PLC0415 - needs matplotlib

    assert class_values(
        {
            "a": {"n": 5, "precision": 0.5, "recall": 1.0},
            "b": {"n": 5, "precision": None, "recall": 0.0},
            "c": {"n": 9, "f1": 0.9, "precision": 0.1},
            "d": {"n": 3, "found": 0.75},
            "e": 0.5,
            "f": {"n": 4},
        }
    ) == {"b": 0.0, "e": 0.5, "a": pytest.approx(2 / 3), "d": 0.75, "c": 0.9}
