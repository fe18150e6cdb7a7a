"""The training loops' shared parts: orders fixed by a seed, schedules, checkpoints that resume."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from specialists.forge.loops import Checkpoint, like_length, warm_then_linear  # noqa: E402


def test_every_row_is_in_one_batch_and_batches_hold_like_lengths() -> None:
    lengths = [n % 50 for n in range(1000)]
    batches = like_length(lengths, 8, seed=1, epoch=0)
    assert sorted(row for batch in batches for row in batch) == list(range(1000))
    spread = [max(lengths[r] for r in batch) - min(lengths[r] for r in batch) for batch in batches]
    assert sum(spread) / len(spread) < 4


def test_the_order_is_fixed_by_seed_and_epoch() -> None:
    lengths = list(range(100))
    assert like_length(lengths, 8, 1, 0) == like_length(lengths, 8, 1, 0)
    assert like_length(lengths, 8, 1, 0) != like_length(lengths, 8, 1, 1)
    assert like_length(lengths, 8, 1, 0) != like_length(lengths, 8, 2, 0)


def test_the_rate_rises_to_one_and_falls_to_nothing() -> None:
    factor = warm_then_linear(100)
    assert [round(factor(step), 3) for step in (0, 9, 10, 55, 100)] == [0.1, 1.0, 1.0, 0.5, 0.0]


def test_a_checkpoint_gives_back_what_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "loop.pt"
    model = torch.nn.Linear(2, 1)
    assert Checkpoint(path, model=model).resume() == 0
    Checkpoint(path, model=model).save(3)
    other = torch.nn.Linear(2, 1)
    assert Checkpoint(path, model=other).resume() == 3
    assert torch.equal(other.weight, model.weight)
    assert [p.name for p in tmp_path.iterdir()] == ["loop.pt"]
