"""The bundled parser of commands: what is wanted, with what, and where it is unsure."""

from __future__ import annotations

import pytest

from specialists.kinds.base import Answer
from specialists.load import Specialist, load


@pytest.fixture(scope="module")
def specialist() -> Specialist:
    return load("text-parse-command")


def parsed(specialist: Specialist, text: str) -> tuple[str, dict[str, str], Answer]:
    (answer,) = specialist.answer([{"text": text}])
    assert isinstance(answer, Answer)
    assert isinstance(answer.output, dict)
    for slot in answer.output["slots"]:
        assert text[slot["start"] : slot["end"]] == slot["value"]
        assert 0 < slot["score"] <= 1
    return answer.output["intent"], {slot["type"]: slot["value"] for slot in answer.output["slots"]}, answer


@pytest.mark.parametrize(
    ("text", "intent", "slots"),
    [
        ("wake me up at seven tomorrow morning", "alarm_set", {"time": "seven", "date": "tomorrow"}),
        ("turn off the lights in the kitchen", "iot_hue_lightoff", {"house_place": "kitchen"}),
        ("what is the weather like in london", "weather_query", {"place_name": "london"}),
        ("order me a pizza", "takeaway_order", {"food_type": "pizza"}),
        ("make me a cup of coffee", "iot_coffee", {}),
        ("add milk to my shopping list", "lists_createoradd", {"list_name": "shopping"}),
    ],
)
def test_clear_requests(specialist: Specialist, text: str, intent: str, slots: dict[str, str]) -> None:
    for written in (text, text.capitalize(), text.upper()):
        found, values, answer = parsed(specialist, written)
        assert found == intent
        assert slots.items() <= {kind: value.lower() for kind, value in values.items()}.items()
        assert not answer.unfamiliar


@pytest.mark.parametrize(
    "text",
    [
        "xq zzv wkkr",
        "图书馆",
        "Wie wird das Wetter morgen in Berlin?",
        "The court dismissed the appeal in 1987.",
    ],
)
def test_what_is_no_request_is_unsure(specialist: Specialist, text: str) -> None:
    _, _, answer = parsed(specialist, text)
    assert answer.unsure


def test_spans_are_characters_of_the_original(specialist: Specialist) -> None:
    text = "  Play  José's   song 😀 in the Kitchen "
    _, _, answer = parsed(specialist, text)
    assert isinstance(answer.output, dict)
    assert all(text[s["start"] : s["end"]].strip() == s["value"] for s in answer.output["slots"])
