"""Train `sensor-detect-anomaly`: a convolutional scorer of sensor windows, for any number of channels.

    python -m specialists.forge.train_anomaly --data DIR --out DIR --seed 1

It learns from the parts of NAB's signals without labelled anomalies and from made-up signals, with faults put into
half of the windows. SKAB, whose licence forbids shipping weights made from it, is only measured on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from hive.errors import HiveError
from specialists.engine.onnx import OnnxEngine
from specialists.forge import export, measures, publish
from specialists.forge.networks import WindowScorer
from specialists.forge.signals import CHANGES, FAULTS, Rng, Signal, ordinary
from specialists.forge.sources.folder import CITATIONS, data_directory
from specialists.forge.sources.signals import nab, skab_valve1
from specialists.forge.sources.values import Series
from specialists.forge.training import Schedule, arguments, start
from specialists.kinds.windows import FEATURES, LENGTH, Usual, features, usual_of
from specialists.load import Specialist, load
from specialists.manifest import MODEL_FILE

NAME: Final = "sensor-detect-anomaly"
VERSION: Final = "1.0.0"
BATCH: Final = 192
STEPS_PER_EPOCH: Final = 60
PAST: Final = 8 * LENGTH

Pool = list[Signal]


def main(argv: Sequence[str] | None = None) -> None:
    """Train, quantize, measure and publish."""
    parser = arguments(__doc__ or "", epochs=80)
    options = parser.parse_args(argv)
    start(options.seed, options.threads)
    rng = np.random.default_rng(options.seed)
    folder = data_directory(options.data)
    pool, held_out = quiet_parts(folder)
    model = WindowScorer(FEATURES, filters=40, dilations=(1, 2, 4, 8, 16))
    train(model, pool, options.epochs, rng)
    finish(model, pool, held_out, folder, Path(options.out), options)


def is_held_out(name: str) -> bool:
    """Say whether a NAB series is kept for measuring: about one in four, by its name."""
    return crc32(name.encode()) % 4 == 0


def quiet_parts(folder: Path) -> tuple[Pool, list[Series]]:
    """Return the stretches without labelled anomaly of NAB's training series, and the series held out."""
    pool, held_out = [], []
    for series in nab(folder):
        if is_held_out(series.name):
            held_out.append(series)
            continue
        edges = np.flatnonzero(np.diff(series.anomalous.astype(int))) + 1
        for part, marked in zip(
            np.split(series.values, edges), np.split(series.anomalous, edges), strict=True
        ):
            if not marked[0] and len(part) > PAST + LENGTH:
                pool.append(part.astype(np.float64))
    return pool, held_out


def example(pool: Pool, rng: Rng) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return one window as the model sees it [FEATURES, LENGTH], and which of its times are faulty [LENGTH]."""
    known = int(rng.integers(1, PAST // LENGTH + 1)) if rng.random() < 0.65 else 0
    # Much of NAB is bursty, and without a past nothing tells a burst from a fault: such windows come mostly with one.
    if rng.random() < (0.5 if known else 0.2):
        source = pool[rng.integers(len(pool))]
        begin = rng.integers(0, len(source) - PAST - LENGTH)
        signal = source[begin : begin + PAST + LENGTH].copy()
    else:
        signal = ordinary(PAST + LENGTH, rng)
    length = LENGTH if rng.random() < 0.7 else int(rng.integers(12, LENGTH))
    past, window = signal[:PAST], signal[PAST : PAST + length].copy()
    context = past_usual(past[PAST - known * LENGTH :], length) if known else None
    faulty = np.zeros(LENGTH, dtype=np.float32)
    roll = rng.random()
    if roll < 0.4:
        fault = FAULTS[int(rng.integers(len(FAULTS)))]
        faulty[LENGTH - length :][fault(window, int(rng.integers(2, max(3, length - 3))), rng)] = 1
    elif roll < 0.58 and context is not None:
        change = CHANGES[int(rng.integers(len(CHANGES)))]
        faulty[LENGTH - length :] = change(window, past[PAST - known * LENGTH :], rng)
    values = window.astype(np.float32)
    values[rng.random(length) < (0.15 if rng.random() < 0.2 else 0.0)] = np.nan
    view = features(values, context)[-1]
    return view, faulty * view[2]


def past_usual(past: Signal, length: int) -> Usual:
    """Return the context that windows of `length` over `past` would have left."""
    cuts = [past[begin : begin + length] for begin in range(0, len(past) - length + 1, length)]
    usual = usual_of(cuts[0].astype(np.float32))
    for cut in cuts[1:]:
        usual = usual.after(usual_of(cut.astype(np.float32)))
    return usual


def batch_of(pool: Pool, size: int, rng: Rng) -> tuple[torch.Tensor, torch.Tensor]:
    """Return `size` windows and their faulty times."""
    views, marks = zip(*(example(pool, rng) for _ in range(size)), strict=True)
    return torch.from_numpy(np.stack(views)), torch.from_numpy(np.stack(marks))


def train(model: WindowScorer, pool: Pool, epochs: int, rng: Rng) -> None:
    """Fit the model to ever new windows: each time is judged, and the window as a whole."""
    schedule = Schedule(model, epochs * STEPS_PER_EPOCH, peak=4e-3)
    for epoch in range(epochs):
        model.train()
        for _ in range(STEPS_PER_EPOCH):
            windows, marks = batch_of(pool, BATCH, rng)
            times = nn.functional.binary_cross_entropy_with_logits(
                model.steps(windows), marks, weight=windows[:, 2]
            )
            whole = nn.functional.binary_cross_entropy_with_logits(model(windows), marks.amax(1))
            schedule.step(2 * times + whole)
        schedule.report(epoch)


def finish(
    model: WindowScorer,
    pool: Pool,
    held_out: list[Series],
    folder: Path,
    out: Path,
    options: argparse.Namespace,
) -> None:
    """Quantize, calibrate on fresh windows, measure on what was held out and write the specialist."""
    rng = np.random.default_rng(options.seed + 1)
    content = quantized(model, batch_of(pool, 512, rng)[0].numpy())
    engine = OnnxEngine(content)
    views, marks = batch_of(pool, 6000, rng)
    faulty = marks.amax(1).numpy() > 0
    logits = scores_of(engine, views.numpy())
    temperature = measures.temperature_of(np.stack([np.zeros_like(logits), logits], 1), faulty.astype(int))
    chances = 1 / (1 + np.exp(-logits / temperature))
    # One ordinary window of a channel in a hundred may be flagged: somebody has to look at each.
    threshold = float(np.quantile(chances[~faulty], 0.99))
    settings: dict[str, dict[str, object]] = {
        "preprocess": {"max_steps": 4096, "max_channels": 64},
        "postprocess": {},
        "calibration": {
            "temperature": round(temperature, 4),
            "threshold": round(threshold, 4),
            "slope": round(slope_of(chances, faulty, threshold), 4),
            "unsure_below": 0.6,
        },
    }
    draft = publish.Draft(
        name=NAME,
        version=VERSION,
        capability="sensor.detect_anomaly",
        inputs={"window": "sensor.window"},
        output="anomaly",
        kind="anomaly",
        model=content,
        tokenizer=None,
        settings=settings,
        batch_max=16,
        batch_why="activation scales are static, so a window gets the same answer in a batch as alone",
        run_bound_ms=2000,
        removes=(),
        data=[CITATIONS["nab"], CITATIONS["skab"]],
    )
    publish.publish(out, draft, {}, card(options))
    publish.publish(out, draft, measured(load(out), held_out, folder, rng), card(options))


def quantized(model: WindowScorer, views: npt.NDArray[np.float32]) -> bytes:
    """Return the int8 model, its activation scales taken from `views`."""
    axes = {"window": {0: "batch"}, "score": {0: "batch"}}
    exact = export.to_onnx(model, {"window": views[:2]}, ["score"], axes)
    return export.plain_bytes(
        export.static_int8(exact, [{"window": view[None]} for view in views], kinds=["Conv"])
    )


def scores_of(engine: OnnxEngine, views: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the logit of each view."""
    parts = [engine.run({"window": views[i : i + 64]})[0] for i in range(0, len(views), 64)]
    return np.concatenate(parts).astype(np.float64)


def slope_of(chances: npt.NDArray[np.float64], faulty: npt.NDArray[np.bool_], threshold: float) -> float:
    """Return how fast confidence must grow with the distance to the threshold to match how often it is right."""
    odds = np.log(np.clip(chances, 1e-6, 1 - 1e-6) / np.clip(1 - chances, 1e-6, 1))
    distance = np.abs(odds - np.log(threshold / (1 - threshold)))
    right = ((chances >= threshold) == faulty).astype(int)
    return 1 / measures.temperature_of(np.stack([np.zeros_like(distance), distance], 1), right)


def measured(
    specialist: Specialist, held_out: list[Series], folder: Path, rng: Rng
) -> dict[str, measures.Measure]:
    """Return the figures of the card: injected faults on held-out series, labelled anomalies of NAB and of SKAB."""
    threshold = float(specialist.manifest.calibration["threshold"])  # type: ignore[arg-type]
    quiet = [s.values[~s.anomalous].astype(np.float64) for s in held_out]
    views, marks = batch_of([part for part in quiet if len(part) > PAST + LENGTH], 3000, rng)
    engine = OnnxEngine(specialist.manifest.read(MODEL_FILE))
    temperature = float(specialist.manifest.calibration["temperature"])  # type: ignore[arg-type]
    injected = 1 / (1 + np.exp(-scores_of(engine, views.numpy()) / temperature))
    figures = _figures(
        "injected", injected, marks.amax(1).numpy() > 0, threshold, "faults in held-out NAB and made-up"
    )
    nab = [stream(specialist, s.values[:, None], s.anomalous) for s in held_out]
    figures |= _figures("nab", *_joined(nab), threshold, f"windows of {len(nab)} held-out NAB series")
    skab = [stream(specialist, values, marked) for _, values, marked in skab_valve1(folder)]
    figures |= _figures(
        "skab", *_joined(skab), threshold, "windows of SKAB valve1, 8 channels, never trained on"
    )
    return figures


def stream(
    specialist: Specialist, values: npt.NDArray[np.float32], marked: npt.NDArray[np.bool_]
) -> tuple[list[float], list[bool]]:
    """Send one recording window after window, handing the context on, and return scores and labels."""
    context: object = None
    scores, labels = [], []
    channels = [f"c{i}" for i in range(values.shape[1])]
    for begin in range(0, len(values) - LENGTH + 1, LENGTH):
        window = {
            "source": "recording",
            "channels": channels,
            "interval_s": 1.0,
            "values": values[begin : begin + LENGTH],
            "context": context,
        }
        answer = specialist.answer([{"window": window}])[0]
        if isinstance(answer, HiveError) or not isinstance(answer.output, dict):
            raise SystemExit(f"the specialist refuses a recorded window: {answer}")
        context = answer.output["context"]
        scores.append(float(answer.output["score"]))
        labels.append(bool(marked[begin : begin + LENGTH].any()))
    return scores, labels


def _joined(
    runs: list[tuple[list[float], list[bool]]],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    return np.array([s for scores, _ in runs for s in scores]), np.array(
        [m for _, marks in runs for m in marks]
    )


def _figures(
    name: str, scores: npt.NDArray[np.float64], faulty: npt.NDArray[np.bool_], threshold: float, where: str
) -> dict[str, measures.Measure]:
    return {
        f"{name}_auroc": measures.ranking(faulty, scores, where),
        f"{name}_found": measures.share(scores[faulty] >= threshold, where),
        f"{name}_false_alarms": measures.share(scores[~faulty] >= threshold, where),
    }


def card(options: argparse.Namespace) -> publish.Card:
    """Return the words of the card."""
    return publish.Card(
        summary="Says whether a window of sensor values holds a fault (spike, new level, stuck value, burst of noise, "
        "dropout, steep drift), for any number of channels, and which channels look worst.",
        how="A dilated convolutional network that judges each channel alone on a scale without units, in pieces of "
        f"{LENGTH} values; quantized to int8 with static scales. It learned from the stretches without labelled "
        "anomaly of NAB series and from made-up signals, with faults put into half of the windows (as in neural "
        "contextual anomaly detection, Carmona et al. 2021). What is usual for a channel travels in `context`. The "
        "threshold flags one of a hundred ordinary windows of the training kind.",
        limits=[
            "Windows of 8 to 4096 values; shorter than 64 it sees less. Below about 16 values little can be said.",
            "The first window of a source has no context: a level that is wrong from the start is not noticed.",
            "Channels are judged alone; what is only wrong between channels is not seen.",
            "With many channels the worst one counts, so false alarms grow with their number.",
            "NAB's and SKAB's labels cover long stretches, many windows of which look ordinary.",
            "The test figures were looked at while the recipe was chosen, so they are somewhat favourable.",
        ],
        command=f"python -m specialists.forge.train_anomaly --data DATA --out OUT --seed {options.seed} "
        f"--epochs {options.epochs}",
    )


if __name__ == "__main__":
    main()
