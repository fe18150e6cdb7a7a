"""What the manifest and the card say of a specialist of records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, cast

from specialists.forge.pipeline.draft import Draft
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.records.dataset import load_dataset
from specialists.forge.sources.records import CITATIONS
from specialists.kinds.columns import Derived

SETTINGS: Final = "calibration.json"
_BATCH: Final = 16
_SIGNS: Final = {"product": "x", "difference": "minus", "ratio": "over"}


def draft_of(bench: Workbench) -> Draft:
    """Return the draft, from what the stages up to calibrate left."""
    found = load_dataset(bench.of("data"))
    risk = bench.recipe.task == "risk"
    choice = json.loads((bench.of("quantize") / "choice.json").read_text("utf-8"))
    settings = json.loads((bench.of("calibrate") / SETTINGS).read_text("utf-8"))
    facts = json.loads((bench.of("teacher") / "facts.json").read_text("utf-8"))
    kind = str(bench.options("data")["input"])
    after: dict[str, object] = {"reasons": cast("int", bench.options("evaluate")["reasons"])}
    if risk and found.mode_names:
        after["modes"] = list(found.mode_names)
    if not risk:
        after |= {"center": facts["center"], "spread": facts["spread"]}
    target = str(found.about["target"])
    source = bench.recipe.data.source
    return Draft(
        capability="record.score_risk" if risk else "record.estimate",
        inputs={kind.rpartition(".")[2]: kind},
        output="risk" if risk else "estimate",
        kind="risk" if risk else "estimate",
        files={"model.onnx": bench.of("quantize") / f"{choice['shipped']}.onnx"},
        settings={
            "preprocess": found.preprocess(),
            "postprocess": after,
            "calibration": {**settings["models"][choice["shipped"]], **settings["known"]},
        },
        batch_max=_BATCH,
        batch_why=choice["batch_why"],
        summary=f"Says how probable it is that {target} = {found.about['positive']}, and why."
        if risk
        else f"Estimates {target}, with limits.",
        how=_how(found.derived, facts, choice, bench.options("distill"), risk=risk),
        limits=_limits(settings["known"], risk=risk),
        citations=(CITATIONS[source],) if source else (),
    )


def _how(
    derived: Sequence[Derived],
    facts: Mapping[str, object],
    choice: Mapping[str, object],
    learning: Mapping[str, object],
    *,
    risk: bool,
) -> str:
    mixed = ", mixed with their labels" if learning["label_share"] else ""
    trees = cast("Mapping[str, object]", facts["choice"])
    made = ", ".join(f"{e.of[0]} {_SIGNS[e.op]} {e.of[1]}" for e in derived)
    columns = f" Derived columns, found by a search on the training part: {made}." if made else ""
    return (
        f"The teacher is gradient boosting ({trees['trees']} trees of up to {trees['max_leaf_nodes']} leaves), its "
        "settings chosen by 5-fold cross-validation on the training part, served as ONNX like the student. The student "
        "is a network of two hidden layers over numbers encoded piecewise linearly (Gorishniy et al. 2022); it learned "
        f"the teacher's out-of-fold scores of the training rows{mixed}, and its scores of made-up neighbours of them."
        f"{columns} Int8 with static scales and float32 were both measured on validation rows; "
        f"{'int8' if choice['shipped'] == 'student_int8' else 'float32'} is shipped. "
        + (
            "Probability, threshold and model were chosen on validation rows."
            if risk
            else "The interval is split conformal (Lei et al. 2018), from validation rows."
        )
    )


def _limits(known: Mapping[str, float], *, risk: bool) -> tuple[str, ...]:
    reasons = (
        "Reasons compare the record with the same record where one field is as usual; fields that work only together, "
        "or stand in for each other, are underrated, and a reason is no cause."
    )
    strange = (
        f"A record is called unfamiliar if a value lies more than {known['margin']:.0%} of its training range outside "
        f"of it, a category was never seen, or more than {known['most_missing']:.0%} of the fields are missing; a rare "
        "mixture of usual values is not noticed."
    )
    if risk:
        return (reasons, strange)
    return (reasons, strange, "The limits are equally wide for every record.")
