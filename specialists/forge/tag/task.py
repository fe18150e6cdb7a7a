"""The task `tag`: marks in texts, such as names or the slots of a request, and the intent where there is one."""

from __future__ import annotations

from collections.abc import Mapping

from specialists.forge.encoders import MINILM
from specialists.forge.pipeline.draft import Draft
from specialists.forge.pipeline.stages import StageFunction, Workbench
from specialists.forge.tag.drafted import draft_of
from specialists.forge.tag.evaluate import evaluate
from specialists.forge.tag.gather import gather
from specialists.forge.tag.learn import distilled, teacher
from specialists.forge.tag.shrink import calibrate, pruned, quantized


class Tag:
    """Teaches a small convolutional network what a fine-tuned encoder says of each word."""

    name = "tag"
    version = 1
    budget_s = 900.0
    defaults: Mapping[str, Mapping[str, object]] = {
        "data": {},
        "teacher": {"encoder": MINILM, "epochs": 5},
        "distill": {"transfer": 5, "epochs": 10, "pieces": 12000, "width": 128, "filters": 256},
        "prune": {"filters": 224, "epochs": 3},
        "quantize": {"most_kb": 1750},
        "calibrate": {},
        "evaluate": {},
    }
    shares: Mapping[str, float] = {"teacher": 0.5, "distill": 0.4, "prune": 0.1}

    def stages(self) -> Mapping[str, StageFunction]:
        """Return a function for each stage."""
        return {
            "data": gather,
            "teacher": teacher,
            "distill": distilled,
            "prune": pruned,
            "quantize": quantized,
            "calibrate": calibrate,
            "evaluate": evaluate,
        }

    def draft(self, bench: Workbench) -> Draft:
        """Return what the manifest says: a `command` where the data has intents, else `spans`."""
        return draft_of(bench)
