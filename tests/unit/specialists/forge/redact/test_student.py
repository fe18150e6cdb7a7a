"""Training that was killed goes on bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the forge is not installed")

import torch

from specialists.engine.tokenize import TextTokenizer
from specialists.forge.redact.examples import PLAIN, TAGS, Example, Mark, Splits
from specialists.forge.redact.network import TokenTagger
from specialists.forge.redact.student import Plan, network, train
from specialists.forge.redact.vocabulary import tokenizer_of

WORDS = TextTokenizer(tokenizer_of(["ask", "ann", "bob", "now", "the", "pump"]).to_str().encode())
SIZES = {"width": 8, "filters": 8, "dilations": [1, 2]}


class KilledError(Exception):
    """Stands for the end of the process."""


def splits() -> Splits:
    people = [
        Example(f"ask {who} now", (Mark(4, 7, "PERSON", frozenset({"PERSON"})),), PLAIN, "own", who)
        for who in ("ann", "bob") * 40
    ]
    return Splits(
        [*people, *[Example("ask the pump", (), PLAIN, "own", "pump")] * 20], people[:4], [], [], TAGS
    )


def trained(scratch: Path, killed_at: int = -1) -> tuple[TokenTagger, list[int]]:
    torch.manual_seed(1)
    model, seen = network(8, len(TAGS), SIZES), []

    def progress(epoch: int, _: str) -> None:
        seen.append(epoch)
        if epoch == killed_at:
            raise KilledError

    try:
        train(model, splits(), lambda *_: [], WORDS, Plan(3, 0, 1), scratch, progress)
    except KilledError:
        torch.manual_seed(99)  # nothing of the killed process is left
    return model, seen


def test_a_killed_training_goes_on_bit_for_bit(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole, _ = trained(tmp_path / "whole")
    trained(tmp_path / "killed", killed_at=0)
    resumed, seen = trained(tmp_path / "killed")
    assert seen == [1, 2]
    pairs = zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    assert all(torch.equal(one, two) for one, two in pairs)


def test_the_student_learns_who_is_asked(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = network(8, len(TAGS), SIZES)
    notes: list[str] = []
    train(model, splits(), lambda *_: [], WORDS, Plan(12, 0, 1), tmp_path, lambda _, note: notes.append(note))
    losses = [float(note.rpartition(" ")[2]) for note in notes]
    assert losses[-1] < losses[0] / 2
