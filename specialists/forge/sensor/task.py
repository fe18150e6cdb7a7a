"""The tasks of sensors: `anomaly` finds faults in devices like the recorded ones, and `describe` names them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from specialists.forge.pipeline.draft import Draft
from specialists.forge.pipeline.stages import StageFunction, Workbench
from specialists.forge.sensor import describe
from specialists.forge.sensor.draft import anomaly_draft
from specialists.forge.sensor.evaluate import evaluate
from specialists.forge.sensor.faults import KINDS
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


class Describe:
    """Teaches a small convolutional network to tell the kinds of fault that are put into recorded series."""

    name = "describe"
    version = 1
    budget_s = 240.0
    defaults: Mapping[str, Mapping[str, object]] = {
        "data": {},
        "teacher": {"filters": 64, "epochs": 6, "pieces": 700},
        "distill": {"filters": 40, "epochs": 10},
        "prune": {"filters": 32, "epochs": 5},
        "quantize": {},
        "calibrate": {"pieces": 2100},
        "evaluate": {"pieces": 2100},
    }
    shares: Mapping[str, float] = {"teacher": 0.6, "distill": 0.3, "prune": 0.1}

    def stages(self) -> Mapping[str, StageFunction]:
        """Return a function for each stage."""
        return {
            "data": gather,
            "teacher": describe.teacher,
            "distill": describe.distilled,
            "prune": describe.pruned,
            "quantize": describe.quantized,
            "calibrate": describe.calibrate,
            "evaluate": describe.evaluate,
        }

    def draft(self, bench: Workbench) -> Draft:
        """Return what the manifest says."""
        choice = json.loads((bench.of("quantize") / describe.CHOICE).read_text("utf-8"))
        calibration = json.loads((bench.of("calibrate") / describe.CALIBRATION).read_text("utf-8"))[
            "student_int8"
        ]
        return Draft(
            capability="sensor.describe_anomaly",
            inputs={"window": "sensor.window", "anomaly": "anomaly"},
            output="alert",
            kind="alert",
            files={"model.onnx": bench.of("quantize") / describe.QUANTIZED},
            settings={
                "preprocess": {"max_steps": 4096, "max_channels": 64, "max_values": 32_768},
                "postprocess": {"kinds": list(KINDS)},
                "calibration": {**calibration, "unfamiliar_from": 0.5},
            },
            batch_max=8,
            batch_why=choice["batch_why"],
            run_bound_ms=2000,
            summary="Says what kind of fault the worst channel of an anomalous window holds (spike, level shift, "
            "drift, stuck, noise, oscillation, missing) and how severe it is, in a sentence with its numbers.",
            how="A dilated convolutional network over the 128 rows of the channel that are farthest from usual, on "
            "scales without units; what is usual comes from the anomaly's context. It was taught by a larger one on "
            "faults put into recorded and made-up signals, its least important filters were taken away, and the rest "
            "was quantized. Where the fault is and its numbers are measured in the window, not learned.",
            limits=[
                "One fault for each window, in the channel that scores highest.",
                "A window that shows only the end of a fault is named as what it looks like: a drift's end is a level.",
                "Without a context of some hundred rows, what is usual is taken from the window itself.",
            ],
        )
