"""Rows say of each token in which set of tags it lies, and the loss asks for no more than that."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("torch", reason="the forge is not installed")

import torch

from specialists.engine.tokenize import TextTokenizer
from specialists.forge.redact.examples import EVERY, PLAIN, TAGS, Example, Mark
from specialists.forge.redact.rows import TagSets, loss_of
from specialists.forge.redact.teacher import GROUPS, groups_of
from specialists.forge.redact.vocabulary import tokenizer_of

WORDS = TextTokenizer(tokenizer_of(["ask", "ann", "##a", "7", "in", "rome"]).to_str().encode())
PERSON, EITHER = frozenset({"PERSON"}), frozenset({"PERSON", "ORGANIZATION"})


def test_digits_are_read_one_by_one_and_unknown_words_as_one() -> None:
    assert WORDS.encode("Ask ANNA 77 foo", 99).ids == [2, 3, 4, 5, 5, 1]


def test_a_token_has_the_set_of_its_mark_and_the_rest_that_of_the_text() -> None:
    example = Example("ask anna 7", (Mark(4, 8, "x", EITHER),), PLAIN, "s")
    sets = TagSets(TAGS, [example])
    row = sets.row(example, WORDS)
    members = [
        frozenset(tag for tag, here in zip(TAGS, sets.members[n], strict=True) if here) for n in row.sets
    ]
    assert members == [PLAIN, EITHER, EITHER, PLAIN]


def test_what_a_teacher_says_goes_to_the_token_at_the_same_characters() -> None:
    sets = TagSets(TAGS, [])
    chances = np.zeros((2, GROUPS))
    chances[0, 0] = chances[1, 1] = 1.0
    row = sets.taught("ask anna", [(0, 3), (4, 8)], chances, WORDS)
    assert np.asarray(row.sets)[:, :GROUPS].argmax(axis=1).tolist() == [0, 1, 1]


def test_outside_of_what_a_teacher_knows_is_everything_else() -> None:
    groups = groups_of((*TAGS, "ROOM"))
    assert groups[0] == {"O", "ORGANIZATION", "DATE", "ID", "CARD", "IBAN", "IP", "ROOM"}
    assert groups[-1] == EVERY | {"ROOM"}


def test_the_loss_is_that_of_the_sets_and_padding_has_none() -> None:
    example = Example("ask anna", (Mark(4, 8, "x", EITHER),), PLAIN, "s")
    short = Example("ask", (), PLAIN, "s")
    sets = TagSets(TAGS, [example, short])
    ids, _, shares = sets.batch([sets.row(example, WORDS), sets.row(short, WORDS)])
    assert ids.tolist() == [[2, 3, 4], [2, 0, 0]]
    assert shares.sum(dim=2).tolist() == [[1, 1, 1], [1, 0, 0]]
    even = torch.zeros((2, 3, len(TAGS)))
    one, two = math.log(len(TAGS)), math.log(len(TAGS) / 2)
    assert float(loss_of(even, shares, sets.members)) == pytest.approx((2 * one + 2 * two) / 4)
