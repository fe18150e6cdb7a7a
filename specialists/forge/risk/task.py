"""The tasks risk and regress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from specialists.forge.pipeline.draft import Draft
from specialists.forge.pipeline.stages import StageFunction, Workbench
from specialists.forge.risk import judge, make
from specialists.forge.risk.draft import draft_of

_DATA: Final[Mapping[str, object]] = {
    "positive": None,
    "modes": [],
    "keep": [],
    "drop": [],
    "titles": {},
    "derived": 4,
    "input": "record",
}


class RecordTask:
    """What both tasks are: a table in, a small network out that boosted trees have taught."""

    version = 1
    shares: Mapping[str, float] = {"data": 0.1, "teacher": 0.4, "distill": 0.5}
    budget_s = 240.0

    def __init__(self, name: str, calibrate: Mapping[str, object]) -> None:
        """Name the task, and its options of the calibrate stage."""
        self.name = name
        self.defaults: Mapping[str, Mapping[str, object]] = {
            "data": _DATA,
            "teacher": {"trees": 400},
            "distill": {"label_share": 0.0, "made_rows": 60_000, "epochs": 0},
            "prune": {},
            "quantize": {"tolerance": 0.001},
            "calibrate": calibrate,
            "evaluate": {"reasons": 3},
        }

    def stages(self) -> Mapping[str, StageFunction]:
        """Return the functions of the seven stages."""
        return {
            "data": make.data,
            "teacher": make.teacher,
            "distill": make.distill,
            "prune": make.prune,
            "quantize": make.quantized,
            "calibrate": judge.calibration,
            "evaluate": judge.evaluate,
        }

    def draft(self, bench: Workbench) -> Draft:
        """Return what the manifest says."""
        return draft_of(bench)


def risk() -> RecordTask:
    """Return the task that scores how probable it is that something happens."""
    return RecordTask("risk", {"unsure_below": 0.6, "margin": 0.1})


def regress() -> RecordTask:
    """Return the task that estimates a number."""
    return RecordTask("regress", {"coverage": 0.9, "margin": 0.1})
