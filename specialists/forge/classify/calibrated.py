"""The stage `calibrate`: what a confidence is worth, from when on an answer is unsure and a text unfamiliar.

All of it is chosen on validation data, for the shipped model and for its teacher alike.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from specialists.forge.classify.judge import Judge, Logits, student_judge, teacher_judge
from specialists.forge.classify.material import Material, load_material
from specialists.forge.classify.quantized import EXACT, MODEL
from specialists.forge.classify.taught import load_pupil
from specialists.forge.classify.teacher import load_teacher, start
from specialists.forge.measures import best_cut, softmax, temperature_of
from specialists.forge.pipeline.options import number
from specialists.forge.pipeline.stages import Workbench
from specialists.kinds.strange import SCORES

FILE: Final = "calibration.json"
DEFAULTS: Final = {"coverage": 0.95, "false_alarms": 0.01}
"""`coverage` is how often the right class is among the likely ones. `false_alarms` is the share of the validation texts
that may be called unfamiliar where there are no texts of no class to choose by."""
_UNSPELT: Final = 0.5
_FEW: Final = 10
_EVEN: Final = 0.5


@dataclass(frozen=True, slots=True)
class Scales:
    """What was chosen for one model; see `kinds.classify` for what the values mean."""

    temperature: float
    unsure_below: float
    strange_score: str
    strange_from: float
    likely_from: float

    def settings(self) -> dict[str, object]:
        """Return the manifest's `calibration`."""
        rounded = {k: round(v, 5) if isinstance(v, float) else v for k, v in asdict(self).items()}
        return {**rounded, "unfamiliar_from": _UNSPELT}


def calibrated(bench: Workbench) -> None:
    """Choose the scales of teacher, exact and quantized student."""
    start(bench)
    material = load_material(bench.of("data"))
    pupil = load_pupil(bench.of("prune"))
    quantized = bench.of("quantize")
    judges = {
        "teacher": teacher_judge(load_teacher(bench)),
        "student_fp32": student_judge((quantized / EXACT).read_bytes(), pupil),
        "student_int8": student_judge((quantized / MODEL).read_bytes(), pupil),
    }
    options = bench.options()
    found = {
        name: scales_of(judge, material, number(options, "coverage"), number(options, "false_alarms"))
        for name, judge in judges.items()
    }
    document = {name: asdict(scales) for name, scales in found.items()}
    (bench.folder / FILE).write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    shipped = found["student_int8"]
    bench.say(
        f"Calibrated on {len(material.corpus.validation):,} validation texts: temperature {shipped.temperature:.2f}, "
        f"unsure below {shipped.unsure_below:.2f}; strangeness is judged by {shipped.strange_score}"
        + (
            f" on {len(material.outside['validation']):,} texts of no class."
            if material.outside["validation"]
            else "."
        )
    )


def load_scales(folder: Path) -> dict[str, Scales]:
    """Return what the stage chose, by model."""
    raw = json.loads((folder / FILE).read_text("utf-8"))
    return {name: Scales(**values) for name, values in raw.items()}


def scales_of(judge: Judge, material: Material, coverage: float, false_alarms: float) -> Scales:
    """Return the scales of a model from its logits on the validation part."""
    validation, outside = material.corpus.validation, material.outside["validation"]
    logits = judge(validation.texts)
    wanted = np.array(material.numbers(validation))
    strangers = judge(outside) if len(outside) >= _FEW else None
    temperature = temperature_of(logits, wanted)
    chances = softmax(logits, temperature)
    confidence, right = chances.max(axis=1), logits.argmax(axis=1) == wanted
    bad = confidence[~right]
    if strangers is not None:
        bad = np.concatenate([bad, softmax(strangers, temperature).max(axis=1)])
    good = confidence[right]
    # Of a few wrong ones no cut can be learned: then unsure is what is more likely wrong than right.
    unsure = best_cut(good, bad) if len(good) and len(bad) >= _FEW else _EVEN
    name, limit = _strangeness(logits, strangers, temperature, false_alarms)
    return Scales(
        temperature, unsure, name, limit, likely_from(chances[np.arange(len(wanted)), wanted], coverage)
    )


def likely_from(of_the_right: npt.NDArray[np.float64], coverage: float) -> float:
    """Return the probability that the right class reaches in at least `coverage` of new texts.

    Split conformal prediction with one threshold (Sadinle et al. 2019): the rank that is k-th from below with
    k = floor((n + 1) (1 - coverage)). Too few texts for that coverage give 0, which every class reaches.
    """
    rank = math.floor((len(of_the_right) + 1) * (1 - coverage) + 1e-9)
    return float(np.sort(of_the_right)[rank - 1]) if rank else 0.0


def _strangeness(
    logits: Logits, strangers: Logits | None, temperature: float, false_alarms: float
) -> tuple[str, float]:
    """Return the score that tells the strangers best from the validation texts, and its limit.

    Without strangers it is the energy, which a sure answer hides less, at the conformal rank of `false_alarms`. So few
    texts that none may be called unfamiliar show too little of what is usual: then the limit lies twice as far from
    their middle as the strangest of them.
    """
    if strangers is None:
        known = np.sort(SCORES["energy"](logits, temperature))
        over = math.floor((len(known) + 1) * false_alarms)
        limit = known[-over] if over else 2 * known[-1] - float(np.median(known))
        return "energy", float(limit) + 1e-9
    name = max(SCORES, key=lambda one: rank_strangers(one, logits, strangers, temperature))
    known, strange = (SCORES[name](rows, temperature) for rows in (logits, strangers))
    return name, -best_cut(-known, -strange) + 1e-9


def rank_strangers(name: str, known: Logits, strangers: Logits, temperature: float) -> float:
    """Return the area under the ROC curve with which the score `name` tells strangers from known texts."""
    scores = np.concatenate([SCORES[name](known, temperature), SCORES[name](strangers, temperature)])
    return float(roc_auc_score(np.arange(len(scores)) >= len(known), scores))
