"""The bundled redaction finds personal data, keeps the rest, and claims nothing where it is unsure."""

from __future__ import annotations

import pytest

from hive.errors import HiveError
from specialists.kinds.base import Answer
from specialists.load import Specialist, load


@pytest.fixture(scope="module")
def specialist() -> Specialist:
    return load("text-redact")


def redacted(specialist: Specialist, text: str) -> tuple[str, Answer]:
    (answer,) = specialist.answer([{"text": text}])
    assert isinstance(answer, Answer)
    assert isinstance(answer.output, dict)
    return str(answer.output["text"]), answer


@pytest.mark.parametrize(
    ("text", "gone", "placeholder"),
    [
        ("My name is John Smith and I need help.", ["John", "Smith"], "[PERSON_1]"),
        ("my name is anna kowalski", ["anna", "kowalski"], "[PERSON_1]"),
        ("Dr. Emily Chen will see you now.", ["Emily", "Chen"], "[PERSON_1]"),
        ("I live in Lisbon.", ["Lisbon"], "[LOCATION_1]"),
        ("Write to jane.doe@example.com today", ["jane", "doe", "example.com"], "[EMAIL_1]"),
        ("charge 4111 1111 1111 1111 please", ["4111", "1111"], "[CARD_1]"),
        ("Transfer it to DE89 3704 0044 0532 0130 00 now", ["DE89", "3704", "00 now"], "[IBAN_1]"),
        ("call me at 555-123-4567", ["555", "4567"], "[PHONE_1]"),
        ("call me at +351 21 000 0000", ["351", "0000"], "[PHONE_1]"),
        ("my ssn is 536-22-8714", ["536", "8714"], "[ID_1]"),
        ("login from 192.168.0.17 failed", ["192", "17"], "[IP_1]"),
        ("patient was born on 12/04/1961", ["1961"], "[DATE_1]"),
    ],
)
def test_personal_data_is_replaced(
    specialist: Specialist, text: str, gone: list[str], placeholder: str
) -> None:
    out, _ = redacted(specialist, text)
    assert placeholder in out
    for part in gone:
        assert part not in out


@pytest.mark.parametrize(
    "text",
    [
        "what is the weather like tomorrow",
        "The temperature of pump 7 is 83.2 degrees.",
        "please restart the conveyor belt on line 3",
        "how do i change my pin",
    ],
)
def test_other_texts_stay_and_are_sure(specialist: Specialist, text: str) -> None:
    out, answer = redacted(specialist, text)
    assert out == text
    assert not answer.unsure
    assert answer.removes == frozenset({"pii"})


def test_spans_are_characters_of_the_original(specialist: Specialist) -> None:
    text = "Ask Maria Keller (maria@example.org) 😀 about José."
    out, answer = redacted(specialist, text)
    assert isinstance(answer.output, dict)
    spans = answer.output["spans"]
    assert [text[s["start"] : s["end"]] for s in spans if s["type"] == "EMAIL"] == ["maria@example.org"]
    assert any("Keller" in text[s["start"] : s["end"]] for s in spans)
    assert all(0 < s["score"] <= 1 for s in spans)
    rebuilt, at = "", 0
    for span in spans:
        rebuilt += text[at : span["start"]] + span["token"]
        at = span["end"]
    assert rebuilt + text[at:] == out


@pytest.mark.parametrize("text", ["我叫王小明 住在北京", "меня зовут Иван"])
def test_what_it_cannot_read_is_unsure_and_claims_nothing(specialist: Specialist, text: str) -> None:
    _, answer = redacted(specialist, text)
    assert answer.unsure
    assert answer.confidence == 0
    assert answer.removes == frozenset()


def test_a_day_without_a_digit_is_found_and_stays(specialist: Specialist) -> None:
    out, answer = redacted(specialist, "see you on Monday about the pump")
    assert out == "see you on Monday about the pump"
    assert isinstance(answer.output, dict)
    assert answer.output["spans"] == [{"start": 11, "end": 17, "type": "DATE", "score": 0.95}]
    assert answer.output["types"] == ["DATE"]
    assert answer.output["tokens"] == []


def test_one_person_has_one_token(specialist: Specialist) -> None:
    out, answer = redacted(specialist, "Maria Keller called. Please ask Maria Keller or Tom Jones.")
    assert out == "[PERSON_1] called. Please ask [PERSON_1] or [PERSON_2]."
    assert isinstance(answer.output, dict)
    assert answer.output["tokens"] == ["[PERSON_1]", "[PERSON_2]"]


def test_a_text_that_was_redacted_before_keeps_its_tokens(specialist: Specialist) -> None:
    out, _ = redacted(specialist, "[PERSON_1] called. Please ask Maria Keller.")
    assert out == "[PERSON_1] called. Please ask [PERSON_2]."


def test_an_answer_is_the_same_alone_and_in_a_batch(specialist: Specialist) -> None:
    texts = ["hi", "My name is John Smith.", "call 555-123-4567 " * 20, "Maria Keller lives in Lisbon", ""]
    alone = [specialist.answer([{"text": text}])[0] for text in texts]
    assert specialist.answer([{"text": text} for text in texts]) == alone


def test_bad_inputs_are_refused_and_nothing_is_cut(specialist: Specialist) -> None:
    answers = specialist.answer([{"text": 1}, {"text": "a" * 9000}, {"text": "1" * 7999}, {"text": "fine"}])
    for answer in answers[:3]:
        assert isinstance(answer, HiveError)
        assert answer.code == "input_invalid"
    assert isinstance(answers[3], Answer)


def test_an_empty_text_has_nothing_to_remove(specialist: Specialist) -> None:
    assert specialist.answer([{"text": ""}]) == [
        Answer(
            {"text": "", "spans": [], "types": [], "tokens": [], "unfamiliar": False},
            1.0,
            unsure=False,
            removes=frozenset({"pii"}),
        )
    ]
