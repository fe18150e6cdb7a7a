"""Readers of the public data sets that the bundled specialists are trained and measured on.

Each reader takes the data directory and returns plain Python values; none of them downloads anything.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

CITATIONS: Final = {
    "clinc150": "CLINC150 (Larson et al. 2019, An Evaluation Dataset for Intent Classification and Out-of-Scope "
    "Prediction), github.com/clinc/oos-eval, CC BY 3.0",
    "hwu64": "HWU64 (Liu et al. 2019, Benchmarking Natural Language Understanding Services), "
    "github.com/xliuhw/NLU-Evaluation-Data, CC BY 4.0",
    "mts": "MTS-Dialog (Ben Abacha et al. 2023), github.com/abachaa/MTS-Dialog, CC BY 4.0",
    "nab": "Numenta Anomaly Benchmark (Ahmad et al. 2017), github.com/numenta/NAB, MIT",
    "skab": "Skoltech Anomaly Benchmark (Katser and Kozitsin 2020), github.com/waico/SKAB, GPL-3.0 (measured on, "
    "never trained on)",
    "presidio": "presidio-research synthetic texts, github.com/microsoft/presidio-research, MIT",
    "wnut17": "WNUT 2017 (Derczynski et al. 2017), CC BY 4.0",
    "btc": "Broad Twitter Corpus (Derczynski et al. 2016), CC BY 4.0",
    "wikigold": "Wikigold (Balasuriya et al. 2009), CC BY 4.0",
}


@dataclass(frozen=True, slots=True)
class Utterances:
    """Texts and the label of each, in one order."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A marked part of a text: characters `start` to `end` (exclusive) are of type `kind`."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A text and its marked parts; `group` tells texts apart that came from one template or document."""

    text: str
    spans: tuple[Span, ...]
    group: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """A recorded signal: seconds since its start, values, and for each value whether an anomaly is labelled there."""

    name: str
    seconds: npt.NDArray[np.float64]
    values: npt.NDArray[np.float32]
    anomalous: npt.NDArray[np.bool_]


def data_directory(given: str | None) -> Path:
    """Return the data directory: `given`, or the environment's HIVE_DATA; exit with a sentence if there is none."""
    path = given or os.environ.get("HIVE_DATA")
    if not path:
        raise SystemExit("Say where the data sets are: --data DIR, or set HIVE_DATA.")
    if not Path(path).is_dir():
        raise SystemExit(f"There is no directory {path}.")
    return Path(path)


def clinc150(data: Path) -> dict[str, Utterances]:
    """Return the splits train, val, test and oos_train, oos_val, oos_test (label `oos`) of CLINC150."""
    raw = json.loads((data / "clinc150/data/data_full.json").read_text("utf-8"))
    return {
        name: Utterances(*(tuple(column) for column in zip(*rows, strict=True))) for name, rows in raw.items()
    }


def hwu64_texts(data: Path) -> list[str]:
    """Return the training utterances of HWU64, without their labels."""
    file = data / "hwu64/RasaNlu_Merged_KFold_1_2018_03_22-13_01_25_169.json"
    rows = json.loads(file.read_text("utf-8"))["rasa_nlu_data"]["common_examples"]
    return [str(row["text"]) for row in rows]


def presidio(data: Path) -> list[MarkedText]:
    """Return the synthetic texts of presidio-research with their PII spans; `group` is the template."""
    found = []
    for name in ("generated_large.json", "synth_dataset_v2.json"):
        for row in json.loads((data / "presidio_research" / name).read_text("utf-8")):
            spans = (Span(s["start_position"], s["end_position"], s["entity_type"]) for s in row["spans"])
            ordered = tuple(sorted(spans, key=lambda span: span.start))
            found.append(MarkedText(str(row["full_text"]), ordered, f"{name}:{row['template_id']}"))
    return found


def conll(path: Path) -> list[MarkedText]:
    """Return the sentences of a CoNLL file (token first, tag last), as text with spans."""
    sentences: list[list[tuple[str, str]]] = [[]]
    for line in path.read_text("utf-8").splitlines():
        columns = line.split()
        if len(columns) < 2:
            sentences.append([])
        elif columns[0] != "-DOCSTART-":
            sentences[-1].append((columns[0], columns[-1]))
    return [_joined(rows, f"{path.stem}:{n}") for n, rows in enumerate(sentences) if rows]


def named_entities(data: Path) -> dict[str, list[MarkedText]]:
    """Return the sentences of WNUT17 (train, dev, test), BTC and wikigold."""
    root = data / "ner/data"
    wnut = root / "WNUT17/CONLL-format/data"
    return {
        "wnut17_train": conll(wnut / "train/wnut17train.conll"),
        "wnut17_dev": conll(wnut / "dev/emerging.dev.conll"),
        "wnut17_test": conll(wnut / "test/emerging.test.annotated"),
        "btc": [m for file in sorted((root / "BTC/CONLL-format/data").glob("*.conll")) for m in conll(file)],
        "wikigold": conll(root / "wikigold/CONLL-format/data/wikigold.conll.txt"),
    }


def nab(data: Path) -> Iterator[Series]:
    """Yield the recorded signals of NAB that are at hand, with their labelled windows."""
    windows = json.loads((data / "nab/labels/combined_windows.json").read_text("utf-8"))
    for file in sorted((data / "nab/data").glob("*/*.csv")):
        name = f"{file.parent.name}/{file.name}"
        with file.open(encoding="utf-8") as lines:
            rows = list(csv.reader(lines))[1:]
        times = [datetime.fromisoformat(row[0]) for row in rows]
        marks = [(datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in windows.get(name, [])]
        yield Series(
            name,
            np.array([(t - times[0]).total_seconds() for t in times]),
            np.array([float(row[1]) for row in rows], dtype=np.float32),
            np.array([any(a <= t <= b for a, b in marks) for t in times]),
        )


def skab_valve1(data: Path) -> Iterator[tuple[str, npt.NDArray[np.float32], npt.NDArray[np.bool_]]]:
    """Yield name, values [time, 8 channels] and anomaly labels [time] of the runs in SKAB's valve1."""
    for file in sorted((data / "skab/data/valve1").glob("*.csv"), key=lambda path: int(path.stem)):
        with file.open(encoding="utf-8") as lines:
            rows = list(csv.reader(lines, delimiter=";"))
        table = np.array([[float(cell) for cell in row[1:]] for row in rows[1:]], dtype=np.float32)
        yield file.stem, table[:, :8], table[:, rows[0].index("anomaly") - 1] > 0


def _joined(rows: list[tuple[str, str]], group: str) -> MarkedText:
    text, spans, open_span = "", [], None
    for token, tag in rows:
        start = len(text) + (1 if text else 0)
        text = f"{text} {token}" if text else token
        kind = tag[2:] if tag[:2] in ("B-", "I-") else ""
        if open_span and (tag[0] != "I" or open_span.kind != kind):
            spans.append(open_span)
            open_span = None
        if kind:
            open_span = Span(open_span.start if open_span else start, len(text), kind)
    return MarkedText(text, (*spans, *([open_span] if open_span else [])), group)
