"""The student answers alone as in a batch, loses filters as it should, learns on after a kill, rounds as a table."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import numpy as np
import torch

from specialists.forge.tables import in_blocks
from specialists.forge.tag.distill import Lot, StudentPlan, distill, loss_of
from specialists.forge.tag.encoder import Lesson
from specialists.forge.tag.narrow import importance, narrowed
from specialists.forge.tag.rows import Row, boxed
from specialists.forge.tag.student import Size, TagStudent, coarse_rows

SIZE = Size(pieces=20, width=16, filters=8, dilations=(1, 2), tags=3, intents=2)
ROWS = [
    Row([2, 3, 4], [1, 2, 1], [0, 2], [(0, 4), (5, 7)], [0, 1], 0),
    Row([5, 6, 7, 8, 9], [1] * 5, [0, 1, 3, 4], [(0, 1), (2, 5), (6, 7), (8, 9)], [1, 2, 0, 0], 1),
]


def student(seed: int = 3) -> TagStudent:
    torch.manual_seed(seed)
    return TagStudent(SIZE)


def lot() -> Lot:
    torch.manual_seed(5)
    words = [torch.randn(len(row.starts), SIZE.tags).to(torch.float16) for row in ROWS]
    return Lot(ROWS, torch.tensor([True, False]), Lesson(words, torch.randn(2, 2), torch.randn(2, 6)))


def test_a_row_is_read_alone_as_in_a_batch() -> None:
    model = student().eval()
    both = boxed(ROWS)
    with torch.inference_mode():
        tags, intents = model(both.ids, both.shapes)
        for line, row in enumerate(ROWS):
            box = boxed([row])
            alone_tags, alone_intents = model(box.ids, box.shapes)
            torch.testing.assert_close(tags[line, : len(row.ids)], alone_tags[0])
            torch.testing.assert_close(intents[line], alone_intents[0])


def test_filters_that_say_nothing_matter_least_and_can_go() -> None:
    model = student().eval()
    with torch.no_grad():
        for part in (model.enter, *model.blocks, model.tell):
            part.weight[[1, 6]] = 0.0
            assert part.bias is not None
            part.bias[[1, 6]] = 0.0
    plan = StudentPlan(epochs=1, lost=0.0)
    worth = importance(model, [lambda one, gate: loss_of(one, lot(), [0, 1], plan, gate)[0]])
    keep = worth.argsort(descending=True, stable=True)[:6].sort().values
    assert keep.tolist() == [0, 2, 3, 4, 5, 7]
    small = narrowed(model, keep).eval()
    assert small.size.filters == 6
    box = boxed(ROWS)
    with torch.inference_mode():
        for wanted, found in zip(model(box.ids, box.shapes), small(box.ids, box.shapes), strict=True):
            torch.testing.assert_close(found, wanted)


def test_a_killed_distillation_goes_on_bit_for_bit(tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    def die(epoch: int, _loss: float) -> None:
        if epoch == 2:
            raise KilledError

    plan = StudentPlan(epochs=4, batch=1)
    whole, broken, resumed = student(), student(), student(seed=9)
    distill(whole, lot(), plan, seed=1, checkpoint=tmp_path / "a.pt", report=lambda *_: None)
    with pytest.raises(KilledError):
        distill(broken, lot(), plan, seed=1, checkpoint=tmp_path / "b.pt", report=die)
    distill(resumed, lot(), plan, seed=1, checkpoint=tmp_path / "b.pt", report=lambda *_: None)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_what_is_learned_moves_towards_the_teacher(tmp_path: Path) -> None:
    model = student()
    plan = StudentPlan(epochs=60, batch=2, rate=1e-2, average=0.5)
    model.eval()
    before = loss_of(model, lot(), [0, 1], plan)[0].item()
    torch.manual_seed(0)
    distill(model, lot(), plan, seed=1, checkpoint=tmp_path / "a.pt", report=lambda *_: None)
    assert loss_of(model.eval(), lot(), [0, 1], plan)[0].item() < before / 2


def test_rounded_rows_are_what_a_table_of_int4_holds() -> None:
    rows = torch.randn(5, 16)
    codes, scales = in_blocks(rows.numpy(), 4, 16)
    unpacked = np.stack([codes & 15, codes >> 4], axis=2).reshape(5, 16).astype(np.float32) - 8
    np.testing.assert_allclose(coarse_rows(rows).numpy(), unpacked * scales, atol=1e-6)
    rows.requires_grad_(requires_grad=True)
    coarse_rows(rows).sum().backward()
    assert torch.equal(rows.grad, torch.ones_like(rows))
