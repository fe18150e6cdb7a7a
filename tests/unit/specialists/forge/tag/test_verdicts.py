"""What a model's outputs amount to is judged as the kind will, and its confidence is fitted to texts kept aside."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

import numpy as np

from specialists.forge.sources.values import MarkedText, Span
from specialists.forge.tag.inventory import Inventory, tags_of
from specialists.forge.tag.outputs import Outputs
from specialists.forge.tag.plan import LABEL_TOKEN_S, STUDENT_TOKEN_S, student_work, teacher_work
from specialists.forge.tag.quality import disturbances, per_class, quality_of
from specialists.forge.tag.verdicts import calibrated, confidences, verdicts_of

NAMES = Inventory(("O", "B-a", "I-a"), ("go", "stay"))
WORDS = [(0, 2), (3, 5), (6, 9)]
PLAIN = {"temperature": 1.0, "intent_temperature": 1.0}


def text(*kinds: str, intent: str = "go") -> MarkedText:
    spans = tuple(Span(*place, kind) for place, kind in zip(WORDS, kinds, strict=False) if kind)
    return MarkedText("aa bb ccc", spans, intent=intent)


def outputs(given: list[MarkedText], strength: float, wrong: frozenset[int] = frozenset()) -> Outputs:
    """Return logits of `strength` for what is right, or for something else in the rows `wrong`."""
    words, intents = [], []
    for number, one in enumerate(given):
        tags = [NAMES.tags.index(tag) for tag in tags_of(one.spans, WORDS)]
        shown = [1 - min(1, tag) for tag in tags] if number in wrong else tags
        words.append(np.eye(3, dtype=np.float32)[shown] * strength)
        intents.append(np.eye(2, dtype=np.float32)[NAMES.intents.index(one.intent)] * strength)
    return Outputs(words, np.array(intents))


GIVEN = [text("a"), text("", "a"), text(intent="stay"), text("a", "", "a", intent="stay")] * 25


def test_right_and_wrong_are_told_apart() -> None:
    verdicts = verdicts_of(outputs(GIVEN[:4], 9.0, frozenset({1})), GIVEN[:4], [WORDS] * 4, NAMES, PLAIN)
    assert verdicts.spans[0] == (Span(0, 2, "a"),)
    assert verdicts.spans_right.tolist() == [True, False, True, True]
    assert verdicts.intent_right.all()
    assert verdicts.right.tolist() == [True, False, True, True]
    assert verdicts.words_right.sum() == 12 - 3


def test_an_intent_that_is_not_known_cannot_be_wrong() -> None:
    bare = [MarkedText(one.text, one.spans) for one in GIVEN[:4]]
    assert verdicts_of(outputs(GIVEN[:4], 9.0), bare, [WORDS] * 4, NAMES, PLAIN).intent_right.all()


def test_too_much_confidence_is_taken_back() -> None:
    wrong = frozenset(range(0, 100, 4))
    said = outputs(GIVEN, 12.0, wrong)
    found = calibrated(said, GIVEN, [WORDS] * 100, NAMES)
    assert set(found) == {
        "temperature",
        "intent_temperature",
        "tags_weight",
        "intent_weight",
        "offset",
        "unsure_below",
        "unfamiliar_from",
    }
    assert found["temperature"] > 2.0
    sure = confidences(verdicts_of(said, GIVEN, [WORDS] * 100, NAMES, found), found)
    assert sure.mean() == pytest.approx(0.75, abs=0.02)
    quality = quality_of(
        verdicts_of(said, GIVEN, [WORDS] * 100, NAMES, found), GIVEN, found, "x", with_intent=True
    )
    assert quality["exact"].value == 0.75
    assert quality["accuracy"].value == 1.0
    assert quality["ece"].value < 0.03
    assert quality["slot_f1"].value == pytest.approx(2 * 75 / (75 + 75 + 25 * 2 + 25), abs=0.01)


def test_each_type_and_intent_has_its_figures() -> None:
    verdicts = verdicts_of(outputs(GIVEN[:4], 9.0), GIVEN[:4], [WORDS] * 4, NAMES, PLAIN)
    assert per_class(verdicts, GIVEN[:4], NAMES) == {
        "a": {"f1": 1.0, "precision": 1.0, "recall": 1.0, "n": 4},
        "intent go": {"recall": 1.0, "n": 2},
        "intent stay": {"recall": 1.0, "n": 2},
    }


def test_disturbed_texts_keep_their_marks() -> None:
    given = MarkedText("wake me in Oslo tomorrow", (Span(11, 15, "city"),))
    for name, disturb in disturbances(3).items():
        (span,) = disturb(given).spans
        words = disturb(given).text[span.start : span.end]
        assert name == "typos" or words.lower() == "oslo"
    assert disturbances(3)["capitals"](given).text == "WAKE ME IN OSLO TOMORROW"


@pytest.mark.parametrize(
    ("budget_s", "epochs", "share"), [(1000.0, 5, 1.0), (39.0, 2, 1.0), (29.0, 1, 1.0), (10.0, 1, 0.51)]
)
def test_a_teachers_work_fits_its_budget(budget_s: float, epochs: int, share: float) -> None:
    work = teacher_work(texts=1000, tokens=20_000, batch=32, most_epochs=5, budget_s=budget_s)
    assert work.epochs == epochs
    assert work.texts / 1000 == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("budget_s", [5.0, 60.0, 600.0])
def test_a_students_work_fits_its_budget(budget_s: float) -> None:
    work = student_work(texts=1000, tokens=20_000, most_times=4, most_epochs=10, budget_s=budget_s)
    cost = work.texts * 20 * (LABEL_TOKEN_S + work.epochs * STUDENT_TOKEN_S)
    assert 1 <= work.epochs <= 10
    assert work.texts <= 4000
    assert cost <= budget_s
