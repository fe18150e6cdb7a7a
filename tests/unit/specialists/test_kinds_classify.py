"""The bundled intent specialist answers clear requests and is unsure of others."""

from __future__ import annotations

import pytest

from hive.errors import HiveError
from specialists.kinds.base import Answer
from specialists.load import Specialist, load


@pytest.fixture(scope="module")
def specialist() -> Specialist:
    return load("text-classify-intent")


def answered(specialist: Specialist, *texts: object) -> list[Answer]:
    answers = specialist.answer([{"text": text} for text in texts])
    return [answer for answer in answers if isinstance(answer, Answer)]


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("please set an alarm for six in the morning", "alarm"),
        ("What's the weather like in Oslo?", "weather"),
        ("how much money is in my checking account", "balance"),
        ("TRANSFER 50 DOLLARS FROM SAVINGS TO CHECKING", "transfer"),
        ("i lost my luggage at the airport", "lost_luggage"),
        ("can you tell me a joke", "tell_joke"),
        ("when should i change the oil in my car", "oil_change_when"),
        ("translate good morning into french", "translate"),
    ],
)
def test_clear_requests(specialist: Specialist, text: str, intent: str) -> None:
    (answer,) = answered(specialist, text)
    assert isinstance(answer.output, dict)
    assert answer.output["intent"] == intent
    assert not answer.unsure
    scores = answer.output["scores"]
    assert len(scores) == 3
    assert abs(scores[intent] - answer.confidence) < 1e-5
    assert max(scores.values()) == scores[intent]
    assert answer.removes == frozenset()


@pytest.mark.parametrize(
    "text", ["the mitochondria of a nebula were gladly purple", "xq zzv wkkr", "?!", "图书馆"]
)
def test_what_is_no_request_is_unsure(specialist: Specialist, text: str) -> None:
    (answer,) = answered(specialist, text)
    assert answer.unsure
    assert answer.confidence < 0.7


def test_an_answer_is_the_same_alone_and_in_a_batch(specialist: Specialist) -> None:
    texts = [
        "hi",
        "what is my balance",
        "book me a table for two at an italian place tonight at eight " * 3,
        "stop",
    ]
    alone = [answered(specialist, text)[0] for text in texts]
    assert answered(specialist, *texts) == alone
    assert answered(specialist, *reversed(texts)) == alone[::-1]


def test_bad_inputs_are_named_and_harm_no_other(specialist: Specialist) -> None:
    answers = specialist.answer([{"text": text} for text in ("hello", "", "  ", None, 3, "a" * 5000)])
    assert isinstance(answers[0], Answer)
    for answer in answers[1:]:
        assert isinstance(answer, HiveError)
        assert answer.code == "input_invalid"
        assert "`text`" in answer.detail


def test_long_texts_are_read_up_to_the_limit(specialist: Specialist) -> None:
    (answer,) = answered(specialist, "what is my balance " * 100)
    assert 0 <= answer.confidence <= 1
