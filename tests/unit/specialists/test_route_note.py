"""The bundled text-route-note sorts clear notes, and says what is no note."""

from __future__ import annotations

import pytest

from specialists.kinds.base import Answer
from specialists.load import Specialist, load


@pytest.fixture(scope="module")
def specialist() -> Specialist:
    return load("text-route-note")


@pytest.mark.parametrize(
    ("note", "route"),
    [
        ("The patient is allergic to penicillin and sulfa drugs.", "ALLERGY"),
        ("Appendectomy in 1994 and a hysterectomy.", "PASTSURGICAL"),
        ("Lisinopril 10 mg daily, metformin 500 mg twice a day.", "MEDICATIONS"),
        ("He smokes a pack a day. His father died of a heart attack.", "FAM/SOCHX"),
        ("A 45-year-old man presents with three days of fever and cough.", "GENHX"),
    ],
)
def test_clear_notes(specialist: Specialist, note: str, route: str) -> None:
    (answer,) = specialist.answer([{"text": note}])
    assert isinstance(answer, Answer)
    assert answer.output["route"] == route
    assert route in answer.output["likely"]
    assert not answer.unsure


def test_another_script_is_unfamiliar(specialist: Specialist) -> None:
    (answer,) = specialist.answer([{"text": "图书馆 在 哪里"}])
    assert isinstance(answer, Answer)
    assert answer.unfamiliar
    assert answer.unsure
