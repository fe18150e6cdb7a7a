"""The bundled text-embed places texts that mean alike nearer to each other than others."""

from __future__ import annotations

import numpy as np
import pytest

from specialists.kinds.base import Answer
from specialists.load import Specialist, load


@pytest.fixture(scope="module")
def specialist() -> Specialist:
    return load("text-embed")


def vectors(specialist: Specialist, *texts: str) -> np.ndarray:
    answers = specialist.answer([{"text": text} for text in texts])
    return np.array([answer.output["vector"] for answer in answers if isinstance(answer, Answer)])


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("how do i get to the airport", "directions to the airport please", "play some jazz music"),
        ("i lost my credit card", "my card was stolen", "what is the weather tomorrow"),
        ("turn on the kitchen lights", "switch the lamp on", "the patient has a cough"),
    ],
)
def test_what_means_alike_lies_near(specialist: Specialist, text: str, near: str, far: str) -> None:
    one, alike, other = vectors(specialist, text, near, far)
    assert one @ alike > one @ other + 0.2


def test_vectors_have_length_one_and_are_the_same_in_a_batch(specialist: Specialist) -> None:
    together = vectors(specialist, "hello there", "where is my parcel, it was due last week", "stop")
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert (together[1] == vectors(specialist, "where is my parcel, it was due last week")[0]).all()
