"""The task `embed`: texts alone to a specialist that places texts, so that those that mean alike lie near."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from specialists.forge.classify.quantized import CHOICE, MODEL
from specialists.forge.classify.taught import TOKENIZER, load_pupil
from specialists.forge.classify.teacher import FACTS
from specialists.forge.embed import stages
from specialists.forge.embed.evaluated import evaluated
from specialists.forge.pipeline.draft import Draft
from specialists.forge.pipeline.stages import StageFunction, Workbench

_CHARS_PER_TOKEN: Final = 40
_UNSPELT: Final = 0.5
_BATCH: Final = 16


class EmbedTask:
    """Distils a sentence encoder into a small convolutional one."""

    name = "embed"
    version = 1
    defaults: Mapping[str, Mapping[str, object]] = MappingProxyType(
        {"teacher": stages.TEACHER, "distill": stages.DISTILL, "quantize": stages.QUANTIZE}
    )
    shares: Mapping[str, float] = MappingProxyType({"distill": 1.0})
    budget_s = 900.0

    def stages(self) -> Mapping[str, StageFunction]:
        """Return the stages."""
        return {
            "data": stages.data,
            "teacher": stages.teacher,
            "distill": stages.distilled,
            "prune": stages.handed_on,
            "quantize": stages.quantized,
            "calibrate": stages.calibrated,
            "evaluate": evaluated,
        }

    def draft(self, bench: Workbench) -> Draft:
        """Return what the manifest says."""
        pupil = load_pupil(bench.of("prune"))
        choice = json.loads((bench.of("quantize") / CHOICE).read_text("utf-8"))
        facts = json.loads((bench.of("teacher") / FACTS).read_text("utf-8"))
        shape = pupil.model.shape
        limit = pupil.max_tokens
        return Draft(
            capability="text.embed",
            inputs={"text": "text"},
            output="embedding",
            kind="embed",
            files={
                "model.onnx": bench.of("quantize") / MODEL,
                "tokenizer.json": bench.of("prune") / TOKENIZER,
            },
            settings={
                "preprocess": {"max_tokens": limit, "max_chars": limit * _CHARS_PER_TOKEN},
                "postprocess": {"width": shape.classes},
                "calibration": {"unfamiliar_from": _UNSPELT},
            },
            batch_max=1 if choice["alone"] else _BATCH,
            batch_why=str(choice["batch_why"]),
            summary=f"Places a text in {shape.classes} dimensions, so that texts that mean alike point alike.",
            how=f"The teacher is {facts['encoder']}, unchanged. The student is a convolutional network with "
            f"{shape.features - shape.width} filters over {shape.pieces:,} pieces of the teacher's vocabulary. It "
            "learned the teacher's vectors on their principal axes, and the similarities between texts. It was "
            f"quantized as {choice['way']}, chosen on validation texts.",
            limits=[
                f"Only the first {limit} tokens are read. Case and accents are ignored.",
                "Its vectors are comparable with each other only, not with the teacher's.",
            ],
        )
