"""A worker with two small specialists that end chains: `python -m tests.fakes.chain`, for $HIVE_WORKER.

They have no model and say what they were given, so that a test sees what really came along the chain.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from hive.errors import HiveError
from specialists.kinds.base import Answer, Inputs, Parts, answered_each
from specialists.kinds.texts import text_of
from specialists.load import KINDS
from specialists.worker import main


class Describe:
    """sensor.window + anomaly -> alert: a sentence with the source of one and the score of the other."""

    def __init__(self, parts: Parts) -> None:
        """Need nothing."""

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Describe each pair."""
        return answered_each(batch, _sentence, lambda found: [_alert(sentence) for sentence in found])

    def sample(self) -> Inputs:
        """Return a pair."""
        return {"window": {"source": "pump"}, "anomaly": {"score": 0.5, "anomalous": False}}


class Route:
    """text -> route: the text itself, as it came."""

    def __init__(self, parts: Parts) -> None:
        """Need nothing."""

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Route each text."""
        return answered_each(
            batch,
            lambda item: text_of(item, "text", 1000),
            lambda texts: [Answer({"route": text}, 0.9) for text in texts],
        )

    def sample(self) -> Inputs:
        """Return a text."""
        return {"text": "hello"}


def _sentence(item: Inputs) -> str:
    window, anomaly = item["window"], item["anomaly"]
    assert isinstance(window, Mapping)
    assert isinstance(anomaly, Mapping)
    return f"{window['source']} {'is odd' if anomaly['anomalous'] else 'is fine'}"


def _alert(sentence: str) -> Answer:
    return Answer({"kind": "spike", "severity": "high", "sentence": sentence}, 0.9)


def write_specialists(folder: Path) -> dict[str, Path]:
    """Write the directories of both specialists; return them by name."""
    described = {"window": "sensor.window", "anomaly": "anomaly"}
    wanted = {
        "describer": ("sensor.describe_anomaly", described, "alert", "describe"),
        "router": ("text.route_note", {"text": "text"}, "route", "route"),
    }
    for name, (capability, inputs, output, kind) in wanted.items():
        manifest = {
            "manifest_version": 1,
            "name": name,
            "version": "1.0.0",
            "capability": capability,
            "inputs": inputs,
            "output": output,
            "kind": kind,
            "engine": "none",
            "files": {},
            "batch": {"max_size": 4, "why": "there is no model"},
            "run_bound_ms": 1000,
            "licence": "Apache-2.0",
        }
        (folder / name).mkdir()
        (folder / name / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return {name: folder / name for name in wanted}


if __name__ == "__main__":
    sys.exit(main({**KINDS, "describe": Describe, "route": Route}))
