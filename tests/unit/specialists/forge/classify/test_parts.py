"""The parts of the classifier's pipeline: work from a budget, transfer texts, vocabulary, pruning, resuming."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from specialists.forge.classify.calibrated import likely_from
from specialists.forge.classify.distill import OUTSIDE, UNLABELLED, Lot, StudentPlan, distill
from specialists.forge.classify.encoder import EncoderClassifier, EncoderPieces, Lesson, teach
from specialists.forge.classify.finetune import TeacherPlan, fine_tune
from specialists.forge.classify.plan import StudentWork, student_work, teacher_work, token_limit
from specialists.forge.classify.scored import macro_f1
from specialists.forge.classify.shrink import importance, without
from specialists.forge.classify.student import Shape, TextStudent, filled
from specialists.forge.classify.transfer import Neighbours, more_texts
from specialists.forge.classify.vocabulary import matter_most, small_tokenizer, warm_start
from tests.unit.specialists.forge.classify.sample import FILLERS, sentences

SHAPE = Shape(20, 8, ((1, 8), (3, 12)), 3)


def lot() -> Lot:
    rng = random.Random(4)
    rows = [[rng.randint(2, 19) for _ in range(rng.randint(1, 6))] for _ in range(60)]
    torch.manual_seed(4)
    labels = torch.tensor([n % 3 for n in range(50)] + [UNLABELLED] * 6 + [OUTSIDE] * 4)
    return Lot(rows, labels, Lesson(torch.randn(60, 5), torch.randn(60, 3)))


def test_a_large_budget_buys_more_epochs_and_a_small_one_some_of_the_texts() -> None:
    lengths = [10] * 10_000
    assert teacher_work(lengths, 300).epochs == 3
    assert teacher_work(lengths, 10_000).epochs == 12
    few = teacher_work(lengths, 50)
    assert (few.epochs, few.rows) == (1, 5000)


def test_the_students_budget_is_divided_between_labelling_and_learning() -> None:
    small, large = (student_work([10] * 1000, 0, seconds) for seconds in (60, 600))
    assert small.transfer < large.transfer == 60_000
    assert student_work([10] * 15_000, 0, 600) == StudentWork(15_000, 0, 60_000, 5)
    assert student_work([10] * 15_000, 10_000, 600) == StudentWork(15_000, 10_000, 50_000, 5)


def test_of_more_texts_than_the_budget_can_use_some_are_left_out() -> None:
    work = student_work([10] * 200_000, 1000, 340)
    assert work == StudentWork(50_000, 0, 0, 4)
    assert student_work([10] * 50, 0, 0.1) == StudentWork(50, 0, 0, 4)


def test_as_many_tokens_are_read_as_nearly_all_texts_have() -> None:
    assert token_limit([5] * 100) == 16
    assert token_limit([30] * 99 + [400]) == 32
    assert token_limit([400] * 10) == 256


def test_transfer_texts_are_many_and_the_same_for_one_seed(encoder: Path) -> None:
    pieces = EncoderPieces(encoder, 32)
    torch.manual_seed(0)
    near = Neighbours(pieces.tokenizer, torch.randn(pieces.tokenizer.get_vocab_size(), 4))
    own = [text for text, _ in sentences(30, seed=5)]
    made = more_texts(own, 100, near, random.Random(1))
    assert made == more_texts(own, 100, near, random.Random(1))
    assert len(made) == 100
    assert all(text.strip() for text in made)
    assert len(set(made) - set(own)) > 80
    assert "song" not in near.of("song")
    assert near.of("nowhere") == []


def test_a_vocabulary_keeps_letters_and_the_commonest_pieces_and_spells_the_rest(encoder: Path) -> None:
    pieces = EncoderPieces(encoder, 32)
    kept = matter_most(pieces.tokenizer, ["kitchen kitchen lamp"], 56)
    assert kept[:2] == ["[PAD]", "[UNK]"]
    assert kept[54:] == ["kitchen", "lamp"]
    small = small_tokenizer(kept)
    assert small.encode("Kitchen", add_special_tokens=False).tokens == ["kitchen"]
    assert small.encode("song", add_special_tokens=False).tokens == ["s", "##o", "##n", "##g"]


def test_the_warm_start_has_a_row_for_each_piece_and_zeros_for_padding(encoder: Path) -> None:
    pieces = EncoderPieces(encoder, 32)
    start = warm_start(EncoderClassifier(encoder, 3), pieces, ["[PAD]", "[UNK]", *FILLERS], 8)
    assert start.shape == (14, 8)
    assert start[0].abs().max() == 0
    assert start[1:].abs().min(dim=0).values.max() > 0


def test_padding_changes_no_feature() -> None:
    torch.manual_seed(1)
    student = TextStudent(SHAPE).eval()
    alone = student(filled([[3, 4, 5]]))
    beside = student(filled([[3, 4, 5], [6, 7, 8, 9, 10, 11]]))
    assert torch.allclose(alone[0], beside[0], atol=1e-6)


def test_the_filters_that_matter_least_go() -> None:
    torch.manual_seed(2)
    student = TextStudent(SHAPE)
    with torch.no_grad():
        student.head.weight[:, 8 + 4 : 8 + 8] = 0.0  # four filters of size 3 that nothing hangs on
    matters = importance(student, lot(), StudentPlan(1), seed=1)
    assert matters[1][4:8].abs().max() == 0
    small = without(student, matters, 16)
    assert small.shape.filters == ((1, 8), (3, 8))
    ids = filled([[3, 4, 5, 9], [2, 2]])
    student.eval()
    small.eval()
    assert torch.allclose(small(ids), student(ids), atol=1e-6)


def test_distillation_goes_on_bit_for_bit_where_it_was_stopped(tmp_path: Path) -> None:
    def taught(checkpoint: Path, stop: int) -> TextStudent:
        torch.manual_seed(7)
        student = TextStudent(SHAPE)

        def report(epoch: int, _loss: float, _weights: object) -> None:
            if epoch == stop:
                raise KeyboardInterrupt

        distill(student, lot(), StudentPlan(4, batch=16), seed=1, checkpoint=checkpoint, report=report)
        return student

    whole = taught(tmp_path / "whole.pt", 0)
    with pytest.raises(KeyboardInterrupt):
        taught(tmp_path / "cut.pt", 2)
    resumed = taught(tmp_path / "cut.pt", 0)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_the_teacher_learns_and_goes_on_where_it_was_stopped(encoder: Path, tmp_path: Path) -> None:
    texts, names = zip(*sentences(60, seed=6), strict=True)
    rows = EncoderPieces(encoder, 32).ids(texts)
    labels = [sorted(set(names)).index(name) for name in names]

    def tuned(checkpoint: Path, stop: int) -> EncoderClassifier:
        torch.manual_seed(7)
        model = EncoderClassifier(encoder, 3)

        def report(epoch: int, _loss: float) -> None:
            if epoch == stop:
                raise KeyboardInterrupt

        plan = TeacherPlan(10, batch=16, encoder_rate=2e-3)
        fine_tune(model, rows, labels, plan, seed=1, checkpoint=checkpoint, report=report)
        return model

    whole = tuned(tmp_path / "whole.pt", 0)
    with pytest.raises(KeyboardInterrupt):
        tuned(tmp_path / "cut.pt", 4)
    resumed = tuned(tmp_path / "cut.pt", 0)
    assert torch.equal(whole.head.weight, resumed.head.weight)
    right = teach(whole, rows).logits.argmax(1) == torch.tensor(labels)
    assert right.float().mean() > 0.6


def test_the_right_class_is_likely_as_often_as_promised() -> None:
    chances = np.random.default_rng(1).uniform(size=20_000)
    limit = likely_from(chances[:500], 0.9)
    assert (chances[500:] >= limit).mean() == pytest.approx(0.9, abs=0.02)
    assert likely_from(chances[:5], 0.95) == 0.0


def test_macro_f1_counts_every_class_alike() -> None:
    wanted = np.array([0, 0, 0, 1])
    assert macro_f1(wanted, wanted) == 1.0
    assert macro_f1(wanted, np.array([0, 0, 0, 0])) == pytest.approx((6 / 7) / 2)
