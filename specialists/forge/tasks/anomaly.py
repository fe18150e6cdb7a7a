"""The task `anomaly`: from recorded series, with or without labels, to a detector for devices like theirs."""

from __future__ import annotations

from collections.abc import Mapping

from specialists.forge.pipeline.draft import Draft
from specialists.forge.pipeline.stages import StageFunction, Workbench
from specialists.forge.sensor.draft import anomaly_draft
from specialists.forge.sensor.evaluate import evaluate
from specialists.forge.sensor.gather import gather
from specialists.forge.sensor.learn import distilled, narrowed, teacher
from specialists.forge.sensor.shrink import calibrate, quantized


class Anomaly:
    """Teaches a small network what a panel of large ones says of rows with and without faults.

    Labels are not learned from, but for what to leave out: faults put into quiet stretches teach what is wrong, and
    labelled ones, too few to learn from, measure it.
    """

    name = "anomaly"
    version = 1
    budget_s = 180.0
    defaults: Mapping[str, Mapping[str, object]] = {
        "data": {},
        "teacher": {"recorded": 0.5, "streams": 64, "judges": 3, "widths": [192, 96], "epochs": 4},
        "distill": {"widths": [64, 48], "epochs": 8},
        "prune": {"widths": [48, 32]},
        "quantize": {},
        "calibrate": {"streams": 120, "false_alarms": 0.02, "new_alarms": 0.01},
        "evaluate": {"streams": 150},
    }
    shares: Mapping[str, float] = {"teacher": 0.7, "distill": 0.2, "prune": 0.1}

    def stages(self) -> Mapping[str, StageFunction]:
        """Return a function for each stage."""
        return {
            "data": gather,
            "teacher": teacher,
            "distill": distilled,
            "prune": narrowed,
            "quantize": quantized,
            "calibrate": calibrate,
            "evaluate": evaluate,
        }

    def draft(self, bench: Workbench) -> Draft:
        """Return what the manifest says."""
        return anomaly_draft(bench)
