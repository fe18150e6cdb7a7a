"""The stages of the task anomaly that learn: a panel of large judges, a small one taught by it, and that one pruned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch

from specialists.engine.onnx import OnnxEngine
from specialists.forge import export
from specialists.forge.loops import Checkpoint
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.sensor.judges import Floats, Judge, Panel, logits_of, pruned, train
from specialists.forge.sensor.recording import load, pool_of
from specialists.forge.sensor.streams import RowSet, joined, row_set, streams
from specialists.kinds.rows import FEATURES
from specialists.load import MODELS, bundled
from specialists.manifest import MODEL_FILE

TEACHER_ONNX: Final = "teacher.onnx"
STUDENT: Final = "student.pt"
ROWS: Final = "rows.npz"
SHARED: Final = "sensor-detect-anomaly"
_STREAM_ROWS: Final = 1500
_KEEP: Final = 0.2
_LOT_S: Final = 4.0
"""Nominal seconds for a lot of streams: making and judging them, and teaching the panel with them."""
_MOST_LOTS: Final = 120
_PRUNE_EPOCHS: Final = 2


def start_torch(bench: Workbench) -> None:
    """Make torch's results follow from the seed and the number of threads alone."""
    torch.manual_seed(bench.seed)
    torch.set_num_threads(bench.threads)
    torch.use_deterministic_algorithms(True)


def teacher(bench: Workbench) -> None:
    """Make rows of streams with faults, and train a panel of large judges on them."""
    start_torch(bench)
    options = bench.options()
    rng = np.random.default_rng([bench.seed, 1])
    pool = pool_of(load(bench.of("data"), "train"))
    count = int(str(options["streams"]))
    lots = max(3, min(_MOST_LOTS, int(bench.budget_s / _LOT_S)))
    bar = bench.bar("lots of streams", lots)
    parts = []
    for _ in range(lots):
        made = streams(pool, count, _STREAM_ROWS, rng, float(str(options["recorded"])))
        parts.append(row_set(made, rng, _KEEP))
        bar.advance()
    rows = joined(parts)
    np.savez_compressed(bench.folder / ROWS, features=rows.features, faulty=rows.faulty, weight=rows.weight)
    panel = _panel(bench, rows)
    targets = logits_of(panel, rows.features[:1])
    assert np.isfinite(targets).all()
    (bench.folder / TEACHER_ONNX).write_bytes(export.plain_bytes(as_onnx(panel, rows)))
    bench.say(
        f"{lots * count:,} streams with faults, {len(rows):,} of their rows: {len(panel.judges)} large judges."
    )


def distilled(bench: Workbench) -> None:
    """Teach a small judge the panel's chances and the truth, and what the shared specialist says, if there is one."""
    start_torch(bench)
    rows = load_rows(bench.of("teacher"))
    taught = _chances(run_rows((bench.of("teacher") / TEACHER_ONNX).read_bytes(), rows))
    targets = 0.7 * taught + 0.3 * rows.faulty
    shared = _shared() if bench.recipe.data.path else None
    if shared is not None:
        targets = 0.8 * targets + 0.2 * _chances(run_rows(shared, rows))
        bench.say(f"The student starts from what the bundled {SHARED} says of every row.")
    student = Judge(_widths(bench, "distill"))
    _fit(bench, student, rows, targets, int(str(bench.options()["epochs"])), "student")
    save_judge(bench.folder, student)
    np.savez_compressed(bench.folder / "targets.npz", targets=targets)


def narrowed(bench: Workbench) -> None:
    """Take away the hidden units that matter least, and teach the rest again."""
    start_torch(bench)
    rows = load_rows(bench.of("teacher"))
    with np.load(bench.of("distill") / "targets.npz") as file:
        targets = file["targets"]
    large = load_judge(bench.of("distill"))
    widths = _widths(bench, "prune")
    before = [layer.out_features for layer in large.layers[:-1]]
    small = pruned(large, rows, [min(a, b) for a, b in zip(widths, before, strict=True)])
    _fit(bench, small, rows, targets, _PRUNE_EPOCHS, "pruned", peak=1e-3)
    save_judge(bench.folder, small)
    bench.say(f"{sum(widths)} of {sum(before)} hidden units stay.")


def as_onnx(judge: torch.nn.Module, rows: RowSet) -> onnx.ModelProto:
    """Return a judge as float32 ONNX: rows [n, FEATURES] -> logit [n]."""
    axes = {"rows": {0: "n"}, "logit": {0: "n"}}
    return export.to_onnx(judge, {"rows": rows.features[:2]}, ["logit"], axes)


def run_rows(model: bytes, rows: RowSet) -> Floats:
    """Return the logits that an ONNX judge gives."""
    engine = OnnxEngine(model)
    parts = np.array_split(rows.features, len(rows) // 16384 + 1)
    return np.concatenate([engine.run({"rows": part})[0] for part in parts]).astype(np.float64)


def load_rows(folder: Path) -> RowSet:
    """Return the rows that the stage teacher left."""
    with np.load(folder / ROWS) as file:
        return RowSet(file["features"], file["faulty"], file["weight"])


def save_judge(folder: Path, judge: Judge) -> None:
    """Write a judge and its widths."""
    widths = [int(layer.out_features) for layer in judge.layers[:-1]]
    torch.save({"weights": judge.state_dict(), "widths": widths}, folder / STUDENT)


def load_judge(folder: Path) -> Judge:
    """Return the judge that `save_judge` wrote."""
    saved = torch.load(folder / STUDENT, weights_only=True)
    judge = Judge(saved["widths"])
    judge.load_state_dict(saved["weights"])
    return judge.eval()


def _panel(bench: Workbench, rows: RowSet) -> Panel:
    judges = []
    options = bench.options()
    for number in range(int(str(options["judges"]))):
        torch.manual_seed(bench.seed + number)
        judge = Judge(_widths(bench, "teacher"))
        _fit(bench, judge, rows, rows.faulty.astype(float), int(str(options["epochs"])), f"judge{number}")
        judges.append(judge)
    return Panel(judges).eval()


def _fit(
    bench: Workbench, judge: Judge, rows: RowSet, targets: Floats, epochs: int, name: str, peak: float = 3e-3
) -> None:
    bar = bench.bar(f"passes of {name}", epochs)
    train(
        judge,
        rows,
        targets,
        epochs,
        bench.seed,
        lambda loss: bar.advance(1, f"loss {loss:.3f}"),
        lambda **parts: Checkpoint(bench.scratch / f"{name}.pt", **parts),
        peak,
    )


def _widths(bench: Workbench, stage: str) -> list[int]:
    widths = bench.options(stage)["widths"]
    assert isinstance(widths, list | tuple)
    return [int(width) for width in widths]


def _chances(logits: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-np.clip(logits, -30, 30)))


def _shared() -> bytes | None:
    """Return the model of the bundled detector, if one is there that reads rows as this forge makes them."""
    for directory in bundled():
        if directory.parent.name != SHARED or directory.parent.parent != MODELS:
            continue
        manifest = json.loads((directory / "manifest.json").read_text("utf-8"))
        if len(manifest["calibration"].get("lowest", [])) == FEATURES:
            return (directory / MODEL_FILE).read_bytes()
    return None
