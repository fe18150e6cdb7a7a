"""The stages of the task describe: a large namer of faults, a small one taught by it, pruned, quantized, measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch
from sklearn.metrics import f1_score

from specialists.engine.onnx import OnnxEngine
from specialists.forge import export
from specialists.forge.footprint import model_footprint
from specialists.forge.loops import Checkpoint
from specialists.forge.measures import Measure, bootstrap, calibration_error, share, softmax, temperature_of
from specialists.forge.pipeline.evaluation import EVALUATION_FILE
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.quantize import best, candidates, facts_of, listed, tried
from specialists.forge.sensor.evaluate import tested_on
from specialists.forge.sensor.faults import KINDS
from specialists.forge.sensor.learn import start_torch
from specialists.forge.sensor.lots import Lot, joined, lot_of
from specialists.forge.sensor.namers import Floats, Namer, logits_of, narrowed, teach
from specialists.forge.sensor.recording import load, pool_of
from specialists.forge.timing import onnx_call, side_by_side

TEACHER_ONNX: Final = "teacher.onnx"
EXACT: Final = "student_fp32.onnx"
QUANTIZED: Final = "student_int8.onnx"
CHOICE: Final = "choice.json"
CALIBRATION: Final = "calibration.json"
NAMER: Final = "namer.pt"
_LOT_S: Final = 9.0
"""Nominal seconds for a lot: making it, and teaching the large namer with it."""
_MOST_LOTS: Final = 60
_WEIGHED: Final = 2100
_RECORDED: Final = 0.6
_WAYS: Final = ("static", "exact")
_TIMED: Final = 32
_TOLERATED: Final = 0.003
_DILATIONS: Final = (1, 2, 4, 8, 16)


def teacher(bench: Workbench) -> None:
    """Make pieces with faults, and teach a large namer."""
    start_torch(bench)
    rng = np.random.default_rng([bench.seed, 1])
    pool = pool_of(load(bench.of("data"), "train"))
    count = max(4, min(_MOST_LOTS, int(bench.budget_s / _LOT_S)))
    bar = bench.bar("lots of faults", count)
    lots = []
    for _ in range(count):
        lots.append(lot_of(pool, _count(bench), rng, _RECORDED))
        bar.advance()
    lot = joined(lots)
    np.savez_compressed(bench.folder / "lot.npz", views=lot.views, kinds=lot.kinds)
    namer = Namer(_size(bench, "teacher"), _DILATIONS)
    _teach(bench, namer, lot, None, int(str(bench.options()["epochs"])), "teacher")
    np.savez_compressed(bench.folder / "taught.npz", logits=logits_of(namer, lot))
    (bench.folder / TEACHER_ONNX).write_bytes(export.plain_bytes(_as_onnx(namer, lot)))
    bench.say(f"{len(lot):,} pieces with a fault each, {len(KINDS)} kinds.")


def distilled(bench: Workbench) -> None:
    """Teach a small namer what the large one says."""
    start_torch(bench)
    lot, taught = _lot(bench)
    namer = Namer(_size(bench, "distill"), _DILATIONS)
    _teach(bench, namer, lot, taught, int(str(bench.options()["epochs"])), "student")
    _save(bench.folder, namer)


def pruned(bench: Workbench) -> None:
    """Take away the filters that matter least, and teach the rest again."""
    start_torch(bench)
    lot, taught = _lot(bench)
    large = _load(bench.of("distill"))
    small = narrowed(
        large, Lot(lot.views[:_WEIGHED], lot.kinds[:_WEIGHED]), min(_size(bench, "prune"), large.filters)
    )
    _teach(bench, small, lot, taught, int(str(bench.options()["epochs"])), "pruned", peak=2e-3)
    _save(bench.folder, small)
    bench.say(f"{small.filters} of {large.filters} filters stay.")


def quantized(bench: Workbench) -> None:
    """Quantize, and keep the smallest model that names validation pieces as well as the exact one."""
    start_torch(bench)
    lot, _ = _lot(bench)
    exact = _as_onnx(_load(bench.of("prune")), lot)
    (bench.folder / EXACT).write_bytes(export.plain_bytes(exact))
    held = validation(bench)
    samples = [{"pieces": view[None]} for view in lot.views[:600]]
    trials = tried(candidates(exact, samples, _WAYS), lambda model: _macro_f1(model, held), samples[:_TIMED])
    chosen = best(trials, _TOLERATED)
    (bench.folder / QUANTIZED).write_bytes(chosen.candidate.model)
    (bench.folder / CHOICE).write_text(json.dumps(facts_of(chosen, trials), indent=1), "utf-8")
    bench.say(f"Quantized {chosen.candidate.way}. Macro F1 on validation pieces: {listed(trials)}.")


def calibrate(bench: Workbench) -> None:
    """Choose the temperature of each model, and below which confidence an answer is unsure."""
    held = validation(bench)
    found = {}
    for name, file in _files(bench).items():
        logits = run_pieces(file.read_bytes(), held)
        found[name] = {"temperature": round(temperature_of(logits, held.kinds), 4)}
    shipped = softmax(
        run_pieces(_files(bench)["student_int8"].read_bytes(), held), found["student_int8"]["temperature"]
    )
    right = shipped.argmax(1) == held.kinds
    # Nine of ten answers that are sure shall be right, where that can be had.
    order = np.sort(shipped.max(1))
    cut = next(
        (c for c in order[:: max(1, len(order) // 200)] if right[shipped.max(1) >= c].mean() >= 0.9), 0.5
    )
    found["student_int8"]["unsure_below"] = round(float(max(cut, 0.35)), 4)
    (bench.folder / CALIBRATION).write_text(json.dumps(found), "utf-8")


def evaluate(bench: Workbench) -> None:
    """Measure how well faults in held-out series are named, and what it costs."""
    pool = pool_of(load(bench.of("data"), "test"))
    held = lot_of(pool, _count(bench), np.random.default_rng([bench.seed, 3]), 1.0)
    where = f"faults put into {tested_on(bench, len(pool))}"
    temperatures = json.loads((bench.of("calibrate") / CALIBRATION).read_text("utf-8"))
    feeds = [{"pieces": view[None]} for view in held.views[:_TIMED]]
    files = _files(bench)
    times = side_by_side({name: onnx_call(file, feeds) for name, file in files.items()})
    document: dict[str, object] = {"task": "describe", "classes": len(KINDS), "headline": "macro_f1"}
    for name, file in files.items():
        chances = softmax(run_pieces(file.read_bytes(), held), temperatures[name]["temperature"])
        document[name] = {
            "quality": {n: m.as_json() for n, m in _quality(chances, held, where).items()},
            "bytes": file.stat().st_size,
            "parameters": sum(
                int(np.prod(t.dims)) for t in onnx.load(file).graph.initializer if len(t.dims) > 1
            ),
            "p50_ms": round(times[name].p50_ms, 4),
            "p99_ms": round(times[name].p99_ms, 4),
            "rss_mb": round(model_footprint(file, feeds[0]).rss_mb, 1),
        }
        if name == "student_int8":
            given = chances.argmax(1)
            document["per_class"] = {
                kind: {
                    "recall": round(float((given[held.kinds == n] == n).mean()), 4),
                    "precision": round(float((held.kinds[given == n] == n).mean()), 4)
                    if (given == n).any()
                    else 0.0,
                    "n": int((held.kinds == n).sum()),
                }
                for n, kind in enumerate(KINDS)
            }
    (bench.folder / EVALUATION_FILE).write_text(json.dumps(document, indent=1, ensure_ascii=False), "utf-8")


def validation(bench: Workbench) -> Lot:
    """Return pieces of the validation part, the same at each call."""
    rng = np.random.default_rng([bench.seed, 2])
    return lot_of(pool_of(load(bench.of("data"), "validation")), _count(bench, "calibrate"), rng, _RECORDED)


def run_pieces(model: bytes, lot: Lot) -> Floats:
    """Return the logits that an ONNX namer gives."""
    engine = OnnxEngine(model)
    parts = np.array_split(lot.views, len(lot) // 256 + 1)
    return np.concatenate([engine.run({"pieces": part})[0] for part in parts]).astype(np.float64)


def _quality(chances: Floats, held: Lot, where: str) -> dict[str, Measure]:
    given, confidence = chances.argmax(1), chances.max(1)
    right = given == held.kinds
    figures = {
        "macro_f1": bootstrap(
            lambda rows: float(f1_score(held.kinds[rows], given[rows], average="macro", zero_division=0)),
            len(held),
            where,
            rounds=200,
        ),
        "accuracy": share(right, where),
        "ece": bootstrap(
            lambda rows: calibration_error(confidence[rows], right[rows]), len(held), where, rounds=200
        ),
    }
    recalls = {f"recall_{kind}": share(right[held.kinds == n], where) for n, kind in enumerate(KINDS)}
    return figures | recalls


def _macro_f1(model: bytes, held: Lot) -> float:
    return float(f1_score(held.kinds, run_pieces(model, held).argmax(1), average="macro"))


def _as_onnx(namer: Namer, lot: Lot) -> onnx.ModelProto:
    axes = {"pieces": {0: "n"}, "logits": {0: "n"}}
    return export.to_onnx(namer, {"pieces": lot.views[:2]}, ["logits"], axes)


def _files(bench: Workbench) -> dict[str, Path]:
    return {
        "teacher": bench.of("teacher") / TEACHER_ONNX,
        "student_fp32": bench.of("quantize") / EXACT,
        "student_int8": bench.of("quantize") / QUANTIZED,
    }


def _count(bench: Workbench, stage: str = "") -> int:
    return int(str(bench.options(stage)["pieces"]))


def _size(bench: Workbench, stage: str) -> int:
    return int(str(bench.options(stage)["filters"]))


def _lot(bench: Workbench) -> tuple[Lot, Floats]:
    folder = bench.of("teacher")
    with np.load(folder / "lot.npz") as file, np.load(folder / "taught.npz") as taught:
        return Lot(file["views"], file["kinds"]), taught["logits"]


def _save(folder: Path, namer: Namer) -> None:
    torch.save({"weights": namer.state_dict(), "filters": namer.filters}, folder / NAMER)


def _load(folder: Path) -> Namer:
    saved = torch.load(folder / NAMER, weights_only=True)
    namer = Namer(saved["filters"], _DILATIONS)
    namer.load_state_dict(saved["weights"])
    return namer.eval()


def _teach(
    bench: Workbench,
    namer: Namer,
    lot: Lot,
    taught: Floats | None,
    epochs: int,
    name: str,
    peak: float = 4e-3,
) -> None:
    bar = bench.bar(f"passes of {name}", epochs)
    teach(
        namer,
        lot,
        taught,
        epochs,
        bench.seed,
        lambda loss: bar.advance(1, f"loss {loss:.3f}"),
        lambda **parts: Checkpoint(bench.scratch / f"{name}.pt", **parts),
        peak,
    )
