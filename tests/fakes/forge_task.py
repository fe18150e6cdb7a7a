"""A task of the forge that learns nothing: it publishes a bundled specialist's files again. It takes no time.

Run as a program it builds with that task, so that a test can kill a build: see `main`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from pathlib import Path

from rich.console import Console

from hive.errors import HiveError
from specialists.forge.pipeline.build import Built, Place, build
from specialists.forge.pipeline.cache import Cache
from specialists.forge.pipeline.draft import Draft
from specialists.forge.pipeline.progress import Lines
from specialists.forge.pipeline.rehearsal import record_answers, rehearse
from specialists.forge.pipeline.stages import OWN, StageFunction, Workbench
from specialists.forge.recipe import Recipe, from_options
from specialists.load import find
from specialists.manifest import read_manifest

SOURCE = find("text-classify-intent")


def figure(value: float) -> dict[str, object]:
    return {"value": value, "low": value - 0.01, "high": value + 0.01, "n": 100, "data": "test"}


def nothing(stage: str, bench: Workbench) -> None:
    """Do nothing more in a stage."""


@dataclass
class Copying:
    """Each stage writes its number and the sum of those before it; `meanwhile` is called in the middle of each."""

    name: str = "classify"
    version: int = 1
    budget_s: float = 60.0
    defaults: Mapping[str, Mapping[str, object]] = field(
        default_factory=lambda: {"teacher": {"epochs": 4}, "quantize": {"form": "int8"}}
    )
    shares: Mapping[str, float] = field(default_factory=lambda: {"teacher": 0.4, "distill": 0.6})
    ran: list[str] = field(default_factory=list)
    meanwhile: Callable[[str, Workbench], None] = nothing

    def stages(self) -> Mapping[str, StageFunction]:
        return {stage: partial(self._stage, stage) for stage in OWN} | {"evaluate": self._evaluate}

    def draft(self, bench: Workbench) -> Draft:
        manifest = read_manifest(SOURCE)
        settings = {
            "preprocess": manifest.preprocess,
            "postprocess": manifest.postprocess,
            "calibration": manifest.calibration,
        }
        return Draft(
            capability=manifest.capability,
            inputs=manifest.inputs,
            output=manifest.output,
            kind=manifest.kind,
            files={name: SOURCE / name for name in ("model.onnx", "tokenizer.json")},
            settings=settings,
            batch_max=1,
            batch_why="one at a time is enough for a test",
            summary="Says which request a sentence is.",
            how=f"Copied with seed {bench.seed}.",
            limits=["None of it was learned from the data."],
            citations=["A made-up set (2026), CC0"],
        )

    def _stage(self, stage: str, bench: Workbench) -> None:
        self.ran.append(stage)
        number = OWN.index(stage)
        before = (
            json.loads((bench.of(OWN[number - 1]) / "sum.jsonl").read_text())["sum"] if number else bench.seed
        )
        (bench.folder / "sum.jsonl").write_text(json.dumps({"sum": before + number}))
        self.meanwhile(stage, bench)
        if stage == "data":
            (bench.folder / "data.json").write_text(
                json.dumps({"counts": {"train": 70, "test": 30}, "digest": "0" * 64})
            )
        if stage == "quantize":
            (bench.folder / "choice.json").write_text(json.dumps(self._choice(bench)))
        bench.say(f"{stage} has seen {before}")

    def _choice(self, bench: Workbench) -> dict[str, object]:
        """More epochs are better, and int4 is smaller and worse."""
        epochs, form = bench.options("teacher")["epochs"], bench.options()["form"]
        assert isinstance(epochs, int)
        if epochs > 9:
            raise HiveError("data_invalid", "So many epochs cannot be.")
        small = {"way": "small", "quality": 0.5 + epochs / 100, "bytes": 100}
        chosen = {"way": "chosen", "quality": 0.9 + epochs / 100 - 0.1 * (form == "int4"), "bytes": 200}
        return {"way": "chosen", "trials": [small, chosen]}

    def _evaluate(self, bench: Workbench) -> None:
        self._stage("evaluate", bench)
        specialist = rehearse(bench.recipe, self.draft(bench), bench.scratch / "specialist")
        record_answers(
            specialist, [{"text": text} for text in ("tell me a joke", "good night", "")], bench.folder
        )
        parts = {
            name: {
                "quality": {"accuracy": figure(value), "ece": figure(0.02)},
                "bytes": size,
                "parameters": size // 4,
                "p50_ms": ms,
                "p99_ms": 2 * ms,
                "rss_mb": 100.0 + ms,
            }
            for name, value, size, ms in (
                ("teacher", 0.96, 90_000_000, 2.5),
                ("student_fp32", 0.951, 4_000_000, 0.09),
                ("student_int8", 0.95, 1_000_000, 0.05),
            )
        }
        document = {
            "task": "classify",
            "classes": 3,
            "headline": "accuracy",
            **parts,
            "steps": {"distill": {"value": 0.955, "bytes": 6_000_000}},
            "per_class": {"a|b": {"precision": 0.9, "f1": 0.8}, "c": {"f1": 0.9}, "d": {"f1": 1.0}},
            "robustness": {"texts": 90, "typos": {"teacher": 0.94, "student_int8": 0.91}},
            "reliability": [
                {"confidence": 0.5, "accuracy": 0.4, "count": 20},
                {"confidence": 0.9, "accuracy": 1, "count": 80},
            ],
        }
        (bench.folder / "evaluation.json").write_text(json.dumps(document))


def recipe(**fields: object) -> Recipe:
    return from_options({"name": "mine", "task": "classify", "data": {}, "capability": "text.mine", **fields})


def whole(cache: Path, task: Copying, wanted: Recipe, *, fresh: bool = False) -> Built:
    """Build in this process and say nothing."""
    return build(wanted, task, Place(Cache(cache), None, 1, fresh), Lines(Console(file=StringIO())))


def main(cache: str, stops_in: str) -> None:
    """Build; in the middle of the stage `stops_in` say `ready` and wait to be killed, or for a line on stdin."""

    def wait(stage: str, bench: Workbench) -> None:
        (bench.scratch / "checkpoint").write_text("half")
        if stage == stops_in:
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            sys.stdin.readline()

    task = Copying(meanwhile=wait)
    built = whole(Path(cache), task, recipe())
    sys.stdout.write(json.dumps({"ran": task.ran, "publish": str(built.of("publish"))}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
