"""The stages that make a specialist of records: data, teacher, distill, prune, quantize."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

import numpy as np
import numpy.typing as npt
import onnx
import torch

from hive.errors import HiveError
from specialists.forge import export, quantize
from specialists.forge.data.findings import Findings
from specialists.forge.data.request import reading_of
from specialists.forge.data.split import PARTS
from specialists.forge.pipeline.lineage import DATA_SUMMARY
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.records import search
from specialists.forge.records.dataset import Dataset, Part, load_dataset
from specialists.forge.records.loading import RawTable, TableFile, joined, load_table, table_of
from specialists.forge.records.prepare import Wishes, prepared
from specialists.forge.report.curves import write_curve
from specialists.forge.risk import boosted, calibrate, learn
from specialists.forge.risk.ensemble import ensemble, node_count
from specialists.forge.risk.neighbours import balanced, neighbours
from specialists.forge.risk.student import RecordStudent, Shape, edges_of, shape_for
from specialists.forge.sources.records import read_records
from specialists.forge.timing import one_thread

TEACHER: Final = "teacher.onnx"
STUDENT: Final = "student.pt"
EXACT: Final = "student_fp32.onnx"
INT8: Final = "student_int8.onnx"
CHOICE: Final = "choice.json"
_WAYS: Final = {INT8: "static", EXACT: "exact"}
FACTS: Final = "facts.json"
_ROWS_PER_S: Final = 3500
_FEWEST_ROWS: Final = 20_000
_MOST_ROWS: Final = 400_000
_LOT: Final = 8192
_LAYERS: Final = ("Gemm", "MatMul")
_SAMPLES: Final = 512
Floats = npt.NDArray[np.float64]


def is_risk(bench: Workbench) -> bool:
    """Say whether a probability is wanted, and not a number."""
    return bench.recipe.task == "risk"


def data(bench: Workbench) -> None:
    """Load, check, understand and split the table."""
    options = bench.options()
    findings, classes = Findings(), is_risk(bench)
    most = int(min(_MOST_ROWS, max(_FEWEST_ROWS, bench.budget_s * _ROWS_PER_S)))
    raw = _raw(bench, most, findings)
    wishes = Wishes(
        positive="" if options["positive"] is None else str(options["positive"]),
        modes=_names(options, "modes"),
        keep=_names(options, "keep"),
        drop=_names(options, "drop"),
        titles=cast("Mapping[str, str]", options["titles"]),
        effort=search.Effort(int(cast("int", options["derived"])), bench.budget_s),
    )
    bar = bench.bar("looking for derived columns", wishes.effort.most * search.TRIALS)
    found = prepared(raw, wishes, bench.seed, findings, bar.advance, classes=classes)
    for finding in findings.items:
        bench.say(finding.sentence)
    found.save(bench.folder)
    summary = {
        "digest": "sha256:" + hashlib.sha256((bench.folder / "rows.npz").read_bytes()).hexdigest(),
        "counts": {name: int((found.part == at).sum()) for at, name in enumerate(PARTS)},
        "files": [dict(raw.facts)] if "sha256" in raw.facts else [],
        "findings": found.about["findings"],
    }
    (bench.folder / DATA_SUMMARY).write_text(
        json.dumps(summary, indent=2, ensure_ascii=False) + "\n", "utf-8"
    )


def _raw(bench: Workbench, most: int, findings: Findings) -> RawTable:
    recipe, classes = bench.recipe.data, is_risk(bench)
    _refuse_texts(bench)
    label = recipe.columns.get("label")
    if recipe.source:
        source = read_records(recipe.source, bench.data_root)
        return table_of(source.columns, label or source.target)
    files = {"train": recipe.path, "validation": recipe.validation, "test": recipe.test}
    if not recipe.path:
        raise HiveError("recipe_invalid", "`data` names neither a `source` nor a `path` with a table.")
    reading = reading_of(recipe)
    parts = {
        name: load_table(TableFile(Path(path), label, reading), bench.seed, most, findings, classes=classes)
        for name, path in files.items()
        if path
    }
    return joined(parts, findings)


def _refuse_texts(bench: Workbench) -> None:
    """Raise HiveError(recipe_invalid) for what only tasks over texts have."""
    recipe = bench.recipe
    odd = [name for name in recipe.data.columns if name != "label"]
    odd += [name for name in ("unlabelled", "outside") if getattr(recipe.data, name)]
    odd += ["teacher"] if recipe.teacher else []
    if odd:
        raise HiveError(
            "recipe_invalid",
            f"The task {recipe.task} learns from the columns of a table, so it has no use for {', '.join(odd)}. Its "
            "teacher is gradient boosting, and what is predicted is the label column. For texts use --task classify.",
        )


def _names(options: Mapping[str, object], name: str) -> list[str]:
    return [str(entry) for entry in cast("list[object]", options[name])]


def teacher(bench: Workbench) -> None:
    """Choose how trees are grown by cross-validation, grow them on the training part, and score it out of fold."""
    found, classes = load_dataset(bench.of("data")), is_risk(bench)
    part = found.of("train")
    rows = boosted.teacher_rows(found.table, part.records).astype(np.float64)
    center, spread = (0.0, 1.0) if classes else scale_of(part)
    target = (part.values - center) / spread
    most = int(cast("int", bench.options()["trees"]))
    settings = boosted.settings_within(bench.budget_s, len(rows), rows.shape[1], most)
    bar = bench.bar("trees, by cross-validation", len(settings))
    choice = boosted.chosen(rows, target, settings, most, bench.seed, bar.advance, classes=classes)
    models = [boosted.fit(rows, target, choice, bench.seed, classes=classes)]
    scores = [choice.scores]
    for mode in part.modes.T:
        models.append(boosted.fit(rows, mode, choice, bench.seed, classes=True))
        scores.append(boosted.out_of_fold(rows, mode, choice, bench.seed))
    trees = ensemble(models, found.table.width)
    onnx.checker.check_model(trees)
    (bench.folder / TEACHER).write_bytes(trees.SerializeToString(deterministic=True))
    np.savez(bench.folder / "out_of_fold.npz", scores=np.stack(scores, axis=1))
    facts = {"parameters": node_count(models), "center": center, "spread": spread, "choice": choice.as_json()}
    (bench.folder / FACTS).write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    bench.say(
        f"Teacher: {choice.trees} boosted trees of up to {choice.setting.max_leaf_nodes} leaves at rate "
        f"{choice.setting.learning_rate:g}, the best of {len(settings)} settings in 5-fold cross-validation."
    )


def scale_of(part: Part) -> tuple[float, float]:
    """Return center and spread by which a number to be estimated is scaled."""
    return float(f"{part.values.mean():.7g}"), float(f"{part.values.std() or 1.0:.7g}")


def scores_in_lots(model: bytes, rows: npt.NDArray[np.float32]) -> Floats:
    """Return a model's scores [n, 1 + modes] of many rows."""
    session = one_thread(model)
    lots = [session.run(None, {"row": rows[at : at + _LOT]})[0] for at in range(0, len(rows), _LOT)]
    return np.concatenate(lots).astype(np.float64)


def distill(bench: Workbench) -> None:
    """Train students in several ways within the budget, and keep the one with the least loss on validation rows."""
    torch.set_num_threads(bench.threads)
    torch.use_deterministic_algorithms(mode=True)
    found, classes = load_dataset(bench.of("data")), is_risk(bench)
    table, part, held = found.table, found.of("train"), found.of("validation")
    facts = json.loads((bench.of("teacher") / FACTS).read_text("utf-8"))
    lessons = _lessons(bench, found, part, facts)
    shape = shape_for(len(table.scaled), table.width - len(table.scaled), len(found.mode_names))
    school = learn.School(shape, edges_of(lessons.rows, shape.numbers, shape.bins), lessons, classes)
    plan = learn.plan_within(bench.budget_s, len(part), int(cast("int", bench.options()["epochs"])))
    bar = bench.bar("students", len(plan.ways) * plan.epochs)
    rows = table.rows(held.records)
    truth = (held.values - facts["center"]) / facts["spread"]
    best: tuple[float, RecordStudent, learn.Way] | None = None
    curves = {}
    for number, way in enumerate(plan.ways):
        student, losses = learn.learned(
            school,
            way,
            plan.epochs,
            bench.seed + number,
            bench.scratch / f"way{number}.pt",
            lambda loss: bar.advance(1, f"loss {loss:.4f}"),
        )
        curves[f"way {number + 1}"] = losses
        lost = _validated(learn.scores_of(student, rows)[:, 0], truth, classes=classes)
        if best is None or lost < best[0]:
            best = (lost, student, way)
    assert best is not None, "a plan has at least one way"
    torch.save({"shape": shape.as_json(), "weights": best[1].state_dict()}, bench.folder / STUDENT)
    write_curve(bench.folder, **curves)
    bench.say(
        f"Student: {sum(p.numel() for p in best[1].parameters()):,} weights, the best of {len(plan.ways)} ways of "
        f"training on validation rows (made-up rows weigh {best[2].made:g}, dropout {best[2].drop:g})."
    )


def _validated(scores: Floats, truth: Floats, *, classes: bool) -> float:
    """Return the loss on validation rows; that of a risk after calibration, which is to come."""
    if classes:
        fit = calibrate.platt(scores, truth)
        scores = fit.slope * scores + fit.offset
    return float(boosted.loss_of(scores, truth, classes=classes).mean())


def _lessons(bench: Workbench, found: Dataset, part: Part, facts: Mapping[str, float]) -> learn.Lessons:
    options, classes, table = bench.options(), is_risk(bench), found.table
    with np.load(bench.of("teacher") / "out_of_fold.npz") as arrays:
        scores = arrays["scores"]
    own = float(cast("float", options["label_share"]))
    truth = np.column_stack([(part.values - facts["center"]) / facts["spread"], part.modes])
    rng = np.random.default_rng(bench.seed)
    weights = balanced(part.values, classes=classes)
    made = neighbours(table, part.records, weights, int(cast("int", options["made_rows"])), rng)
    taught = scores_in_lots((bench.of("teacher") / TEACHER).read_bytes(), boosted.teacher_rows(table, made))
    soft = _chances if classes else np.asarray
    return learn.Lessons(
        table.rows(part.records),
        (own * truth + (1 - own) * soft(scores)).astype(np.float32),
        table.rows(made),
        soft(taught).astype(np.float32),
    )


def _chances(scores: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-scores)))


def prune(bench: Workbench) -> None:
    """Hand the student on: a few thousand weights in two layers, sized for the table, leave nothing to take out."""
    (bench.folder / STUDENT).write_bytes((bench.of("distill") / STUDENT).read_bytes())
    bench.say("Nothing is pruned: the student's few thousand weights were sized for this table.")


def quantized(bench: Workbench) -> None:
    """Write the student as float32 and as int8 with static scales; int8 is shipped if validation rows lose little.

    Times are no reason here: at this size both take some microseconds.
    """
    found, classes = load_dataset(bench.of("data")), is_risk(bench)
    table, held = found.table, found.of("validation")
    exact = export.to_onnx(*_served(bench.of("prune") / STUDENT, table.width))
    samples = [{"row": row[None]} for row in table.rows(found.of("train").records)[:_SAMPLES]]
    models = {
        INT8: export.plain_bytes(export.static_int8(exact, samples, kinds=_LAYERS)),
        EXACT: export.plain_bytes(exact),
    }
    rows = table.rows(held.records)
    facts = json.loads((bench.of("teacher") / FACTS).read_text("utf-8"))
    truth = (held.values - facts["center"]) / facts["spread"]
    losses = {
        name: _validated(scores_in_lots(model, rows)[:, 0], truth, classes=classes)
        for name, model in models.items()
    }
    tolerance = float(cast("float", bench.options()["tolerance"]))
    shipped = INT8 if losses[INT8] <= losses[EXACT] + tolerance else EXACT
    for name, model in models.items():
        (bench.folder / name).write_bytes(model)
    choice = {
        "shipped": shipped.partition(".")[0],
        "batch_why": quantize.STATIC_WHY if shipped == INT8 else quantize.EXACT_WHY,
        "way": _WAYS[shipped],
        "trials": [
            {"way": _WAYS[name], "bytes": len(models[name]), "quality": round(-losses[name], 5)}
            for name in models
        ],
    }
    (bench.folder / CHOICE).write_text(json.dumps(choice, indent=1) + "\n", "utf-8")
    told = ", ".join(f"{name} {len(models[name]):,} bytes, loss {losses[name]:.4f}" for name in models)
    bench.say(
        f"Shipped: {choice['shipped']}, by its loss on validation rows ({told}; {tolerance:g} may be lost)."
    )


def _served(
    path: Path, width: int
) -> tuple[torch.nn.Module, export.Feeds, list[str], dict[str, dict[int, str]]]:
    saved = torch.load(path, weights_only=True)
    fields = saved["shape"]
    shape = Shape(
        fields["numbers"], fields["flags"], fields["bins"], tuple(fields["hidden"]), fields["modes"]
    )
    student = RecordStudent(shape, np.zeros((shape.numbers, shape.bins + 1), dtype=np.float32))
    student.load_state_dict(saved["weights"])
    axes = {name: {0: "batch"} for name in ("row", "scores")}
    return student.eval(), {"row": np.zeros((2, width), dtype=np.float32)}, ["scores"], axes
