"""The task `classify`: texts and their classes to a specialist that tells the class of a text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hive.errors import HiveError
from specialists.forge.classify import calibrated, pruned, quantized, taught, teacher
from specialists.forge.classify.evaluated import evaluated
from specialists.forge.classify.material import Material, gather, load_material
from specialists.forge.classify.student import Shape
from specialists.forge.pipeline.draft import Draft
from specialists.forge.pipeline.stages import StageFunction, Workbench
from specialists.forge.recipe import TeacherPart
from specialists.forge.teachers.choose import labeller_of
from specialists.forge.teachers.more import label_more

_CHARS_PER_TOKEN: Final = 40
_BATCH: Final = 16
_SHOWN: Final = 3


class Classify:
    """Fine-tunes an encoder, distils it into a convolutional student, prunes, quantizes and calibrates that."""

    name = "classify"
    version = 1
    defaults: Mapping[str, Mapping[str, object]] = MappingProxyType(
        {
            "teacher": teacher.DEFAULTS,
            "distill": taught.DEFAULTS,
            "prune": pruned.DEFAULTS,
            "quantize": quantized.DEFAULTS,
            "calibrate": calibrated.DEFAULTS,
        }
    )
    shares: Mapping[str, float] = MappingProxyType({"teacher": 0.42, "distill": 0.43, "prune": 0.15})
    budget_s = 900.0

    def stages(self) -> Mapping[str, StageFunction]:
        """Return the stages."""
        return {
            "data": data,
            "teacher": teacher.teacher,
            "distill": taught.distilled,
            "prune": pruned.pruned,
            "quantize": quantized.quantized,
            "calibrate": calibrated.calibrated,
            "evaluate": evaluated,
        }

    def draft(self, bench: Workbench) -> Draft:
        """Return what the manifest says."""
        material = load_material(bench.of("data"))
        pupil = taught.load_pupil(bench.of("prune"))
        choice = json.loads((bench.of("quantize") / quantized.CHOICE).read_text("utf-8"))
        facts = json.loads((bench.of("teacher") / teacher.FACTS).read_text("utf-8"))
        scales = calibrated.load_scales(bench.of("calibrate"))["student_int8"]
        classes = material.corpus.classes
        shape = pupil.model.shape
        return Draft(
            capability="text.classify",
            inputs={"text": "text"},
            output="category",
            kind="classify",
            files={
                "model.onnx": bench.of("quantize") / quantized.MODEL,
                "tokenizer.json": bench.of("prune") / taught.TOKENIZER,
            },
            settings={
                "preprocess": {
                    "max_tokens": pupil.max_tokens,
                    "max_chars": pupil.max_tokens * _CHARS_PER_TOKEN,
                },
                "postprocess": {"labels": list(classes)},
                "calibration": scales.settings(),
            },
            batch_max=1 if choice["alone"] else _BATCH,
            batch_why=str(choice["batch_why"]),
            summary=f"Says which of {len(classes)} classes a text is of, and how sure that is.",
            how=f"The teacher is {facts['encoder']}, fine-tuned on {facts['rows']:,} texts in {facts['epochs']} "
            f"epochs. The student is a convolutional network over {shape.pieces:,} pieces of the teacher's vocabulary, "
            "whose embeddings start from what the teacher knows of them. It learned the teacher's logits and vectors "
            "of the labelled texts and of many more without labels. "
            f"{_pruning(bench, shape)} It was quantized as {choice['way']}, chosen on validation data, where "
            "confidences were calibrated too.",
            limits=[
                f"Only the first {pupil.max_tokens} tokens are read. Case and accents are ignored.",
                "One class per text. A text of no class still gets the nearest one: look at `unfamiliar` and `unsure`.",
            ],
        )


def _pruning(bench: Workbench, shape: Shape) -> str:
    """Return the sentence about the student's filters."""
    before = taught.load_pupil(bench.of("distill")).model.shape
    now, then = (one.features - one.width for one in (shape, before))
    if now == then:
        return f"It has {now} filters."
    return (
        f"Of its {then} filters the {now} that matter most stayed (Taylor importance, Molchanov et al. 2019)."
    )


def data(bench: Workbench) -> None:
    """Load the texts, check and split them, and say what was found."""
    material = gather(bench.recipe.data, bench.data_root, bench.seed)
    if bench.recipe.teacher is not None:
        material = taught_by(bench, bench.recipe.teacher, material)
    material.save(bench.folder)
    for finding in material.corpus.findings:
        bench.say(finding.sentence)
    counts = ", ".join(f"{len(part):,} {name}" for name, part in material.corpus.parts.items())
    outside = sum(map(len, material.outside.values()))
    bench.say(
        f"{len(material.corpus.classes)} classes; {counts} texts, {len(material.unlabelled):,} unlabelled"
        + (f", {outside:,} of no class." if outside else ".")
    )


def taught_by(bench: Workbench, teacher: TeacherPart, material: Material) -> Material:
    """Return the material with the unlabelled texts of which the user's own teacher is sure among the labelled ones."""
    if not material.unlabelled:
        raise HiveError(
            "recipe_invalid",
            "A teacher labels texts without labels, and there are none: give --unlabelled-data.",
        )
    corpus = material.corpus
    train = corpus.train
    examples = {
        name: [t for t, label in zip(train.texts, train.labels, strict=True) if label == name][:_SHOWN]
        for name in corpus.classes
    }
    labeller = labeller_of(teacher, corpus.classes, bench.kept / "answers.jsonl", examples)
    bar = bench.bar(f"texts labelled by {labeller.name}", len(material.unlabelled))
    more = label_more(corpus, material.unlabelled, labeller, teacher.least, bar.advance)
    return Material(more.corpus, more.rest, material.outside)
