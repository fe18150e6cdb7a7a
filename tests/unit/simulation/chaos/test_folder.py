"""A folder is judged from what is in it, and only if it is one of an experiment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from hive.config import find_source
from hive.errors import HiveError
from simulation.chaos import folder as files
from simulation.chaos.payloads import digest_of, right_digest
from simulation.chaos.strikes import Mark
from simulation.history.events import Call, Effect, Writer

PAYLOAD = "plant-b/http-1/000001"
CALLS = [
    Call(1, "plant-b/http-1", 1, "invoke", "submit", PAYLOAD, label="pii", durable=True),
    Call(2, "plant-b/http-1", 1, "ok", "submit", PAYLOAD, task="t", state="queued", label="pii"),
    Call(3, "plant-b/http-1", 2, "invoke", "read", PAYLOAD, task="t"),
    Call(
        4,
        "plant-b/http-1",
        2,
        "ok",
        "read",
        PAYLOAD,
        task="t",
        state="done",
        digest=str(right_digest(PAYLOAD)),
    ),
    Call(5, "plant-b/http-1", 3, "invoke", "submit", "q"),
    Call(6, "plant-b/http-1", 3, "fail", "submit", "q", code="forbidden"),
]


def folder(path: Path, site: str) -> Path:
    for name in (files.CALLS, files.EFFECTS):
        (path / name).mkdir()
    with Writer(path / files.CALLS / "a.jsonl") as calls, Writer(path / files.EFFECTS / "b.jsonl") as effects:
        for call in CALLS:
            calls.write(call)
        effects.write(Effect(3, site, "n", "run", PAYLOAD, "t", "plant-b.1.1"))
    (path / files.FAULTS).write_text(json.dumps(asdict(Mark("kill", "n", site, 1, 1))) + "\n")
    (path / files.PROVENANCE).write_text(json.dumps({"task": "t", "attempts": []}) + "\n")
    (path / files.RUN).write_text(json.dumps({"seed": 3}))
    shutil.copy(find_source("factory"), path / files.MESH)
    return path


def judged(path: Path) -> dict[str, object]:
    evidence = files.load(path)
    return files.result_of(evidence, *files.judged(evidence))


def test_a_kept_promise_is_counted(tmp_path: Path) -> None:
    said = judged(folder(tmp_path, "plant-b"))
    assert (said["acknowledged"], said["finished"], said["misplaced"], said["seed"]) == (1, 1, 0, 3)
    assert (said["faults"], said["outcomes"], said["refusals"]) == (
        {"kill": 1},
        {"done": 1},
        {"forbidden": 1},
    )


def test_labels_are_judged_by_the_policy_of_the_mesh_s_own_file(tmp_path: Path) -> None:
    said = judged(folder(tmp_path, "cloud"))
    assert said["misplaced"] == 1
    assert said["problems"] == [
        {
            "kind": "misplaced",
            "payload": PAYLOAD,
            "sentence": "It is 'pii' and was run at cloud by n, where that may not be.",
        }
    ]


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HiveError, match="not the folder of a chaos run") as caught:
        files.load(tmp_path)
    assert caught.value.code == "bad_request"


def test_what_is_kept_of_an_answer_is_what_is_right() -> None:
    assert right_digest(PAYLOAD) == digest_of(right_digest(PAYLOAD))


def test_a_report_without_matplotlib_says_what_to_install_instead_of_the_plot(tmp_path: Path) -> None:
    run = folder(tmp_path, "plant-b")
    about = {"config": "factory", "seed": 3, "duration_s": 9.0, "netns": False, "store": "default"}
    times = {"began_us": 1, "healed_us": 5, "settled_us": 9}
    (run / files.RUN).write_text(json.dumps({**about, **times}))
    fakes = tmp_path / "fakes"
    fakes.mkdir()
    (fakes / "matplotlib.py").write_text("raise ImportError('away', name='matplotlib')")
    code = (
        "import sys; from pathlib import Path\n"
        "from simulation.chaos.report import write_report; from simulation.chaos.run import judge_folder\n"
        "folder = Path(sys.argv[1]); print(write_report(folder, judge_folder(folder)).read_text())"
    )
    paths = os.pathsep.join([str(fakes), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", code, str(run)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "The plot needs matplotlib: pip install 'hive-mesh[plots]'." in done.stdout
    assert "timeline.svg" not in done.stdout
    assert "| acknowledged | 1 |" in done.stdout
    assert not (run / "timeline.svg").exists()
