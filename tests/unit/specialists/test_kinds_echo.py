"""The echo returns what it gets, and shows what every kind does with bad inputs in a batch."""

from __future__ import annotations

from hive.errors import HiveError
from specialists.kinds.base import Answer
from specialists.load import load


def test_a_bad_input_harms_no_other() -> None:
    answers = load("mesh-echo").answer(
        [{"text": "a"}, {"text": 7}, {}, {"text": "b" * (1 << 21)}, {"text": "c"}]
    )
    assert answers[0] == Answer("a", 1.0)
    assert answers[4] == Answer("c", 1.0)
    for bad in answers[1:4]:
        assert isinstance(bad, HiveError)
        assert bad.code == "input_invalid"


def test_a_subtype_of_text_is_a_text() -> None:
    assert load("mesh-echo").answer([{"text": {"text": "[PERSON]", "spans": []}}]) == [
        Answer("[PERSON]", 1.0)
    ]
