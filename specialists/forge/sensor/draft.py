"""What the manifest and the card of a detector say."""

from __future__ import annotations

import json
from typing import Final

from specialists.forge.pipeline.draft import Draft
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.sensor.shrink import CHOICE, QUANTIZED, read_calibration

_LIMITS: Final = {"max_steps": 4096, "max_channels": 64, "max_values": 32_768}


def anomaly_draft(bench: Workbench) -> Draft:
    """Return what the manifest says of a detector, from what the stages left."""
    choice = json.loads((bench.of("quantize") / CHOICE).read_text("utf-8"))
    return Draft(
        capability="sensor.detect_anomaly",
        inputs={"window": "sensor.window"},
        output="anomaly",
        kind="anomaly",
        files={"model.onnx": bench.of("quantize") / QUANTIZED},
        settings={
            "preprocess": _LIMITS,
            "postprocess": {},
            "calibration": read_calibration(bench.of("calibrate")),
        },
        batch_max=8,
        batch_why=choice["batch_why"],
        run_bound_ms=5000,
        summary="Says whether a window of sensor values is out of the ordinary for its device, for any number of "
        "channels, and which of them look worst. It learns what is usual from the device's own first windows; that "
        "travels in `context`, and nothing is retrained.",
        how="Each row is described without units: how far from usual the value, its step, and mean and spread over 4, "
        "16 and 52 rows are, and how far the situation is from all that the channel has been in before (up to 64 of "
        "them, in the context). A small network says how much that looks like a fault; it was taught by a panel of "
        "larger ones on recorded and made-up signals with faults put into them, then its least important units were "
        "taken away and the rest quantized. A score up to a half says how much the rows look like a fault, one above "
        "it that something begins which the device has not done before, and how new that is; this is said once.",
        limits=[
            "A channel's first window needs 8 rows; with a context one row is enough.",
            "What is seen in a channel's first 384 rows is usual at once; later, a new situation must last 512 rows.",
            "Without a context there is no past: of single values only what stands alone in the window is noticed.",
            "Rows are taken as they come; the time between them is not looked at.",
            "At most 32,768 values in a window. A context takes about 3 kB for each channel, up to 9 kB as JSON.",
        ],
    )
