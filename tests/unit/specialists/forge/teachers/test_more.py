"""Texts that a teacher is sure of join the training part, and no other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

pytest.importorskip("pandas", reason="the forge is not installed")

from specialists.forge.data.corpus import Texts, corpus_of
from specialists.forge.teachers.more import label_more


class FirstLetter:
    """Is sure of texts that begin with a or b, and of no other."""

    name = "first letter"

    def label(self, texts: Sequence[str]) -> np.ndarray:
        known = {"a": [0.9, 0.1], "b": [0.2, 0.8]}
        return np.array([known.get(text[:1], [0.5, 0.5]) for text in texts]).reshape(-1, 2)


def part(*pairs: tuple[str, str]) -> Texts:
    return Texts(tuple(t for t, _ in pairs), tuple(y for _, y in pairs), tuple(range(2, len(pairs) + 2)))


def test_sure_labels_join_training_and_held_out_texts_stay_out() -> None:
    corpus = corpus_of(
        {
            "train": part(("apple", "A"), ("bear", "B")),
            "validation": part(("axe", "A"), ("bee", "A")),
            "test": part(("ant", "A"), ("bat", "B")),
        },
        [],
        [],
    )
    labelled: list[int] = []
    texts = ["Ant!", "arm", "AXE", "boat", "cat", "arm", "bear"]
    more = label_more(corpus, texts, FirstLetter(), 0.85, labelled.append)
    assert more.corpus.train == Texts(("apple", "bear", "arm"), ("A", "B", "A"), (2, 3, 0))
    assert more.rest == ("boat", "cat")
    assert more.corpus.parts["test"] == corpus.parts["test"]
    assert more.corpus.digest != corpus.digest
    (finding,) = more.corpus.findings
    assert finding.sentence == (
        "first letter labelled 1 of 3 texts; of the others it was not sure enough. It agrees with 1 of 2 labels on "
        "validation texts (50%)."
    )
    assert labelled == [3, 2]
