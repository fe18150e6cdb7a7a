"""What is published answers as what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hive.errors import HiveError
from specialists.forge.pipeline.rehearsal import ANSWERS_FILE, hold_to_answers, record_answers
from specialists.load import load
from tests.fakes.forge_task import SOURCE, Copying, recipe, whole


def test_publish_asks_the_recorded_inputs_again(tmp_path: Path) -> None:
    built = whole(tmp_path, Copying(), recipe())
    (sentence,) = built.entries["publish"].said
    assert "answers its sample and 3 test inputs as it did when it was measured; sha256:" in sentence


def test_another_answer_is_noticed_and_rounding_is_not(tmp_path: Path) -> None:
    specialist = load(SOURCE)
    record_answers(specialist, [{"text": "tell me a joke"}, {"text": 7}], tmp_path)
    pairs = json.loads((tmp_path / ANSWERS_FILE).read_text())
    assert pairs[1]["answer"] == {"refused": "input_invalid"}
    pairs[0]["answer"]["confidence"] += 1e-7
    (tmp_path / ANSWERS_FILE).write_text(json.dumps(pairs))
    assert hold_to_answers(specialist, tmp_path) == 2
    pairs[0]["answer"]["confidence"] -= 0.01
    (tmp_path / ANSWERS_FILE).write_text(json.dumps(pairs))
    with pytest.raises(HiveError, match="answers test input 0 differently from the one that was measured"):
        hold_to_answers(specialist, tmp_path)


def test_nothing_recorded_is_nothing_to_hold_to(tmp_path: Path) -> None:
    assert hold_to_answers(load(SOURCE), tmp_path) == 0
