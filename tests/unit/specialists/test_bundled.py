"""Every bundled specialist, whatever its kind: an answer hangs on its own input only, and no input breaks it."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hive.errors import HiveError
from hive.types import TypeRegistry
from hive.values import encode_value, to_json
from specialists.kinds.base import Answer, Inputs
from specialists.load import Specialist, bundled, load
from tests.fakes.inputs import fitting, odd, spoilt

NAMES = [f"{path.parent.name}@{path.name}" for path in bundled()]
# The same examples in each run: a specialist that fails here fails for everybody, and not now and then.
examined = settings(
    max_examples=40,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
each = pytest.mark.parametrize("name", NAMES)
loaded = cache(load)


def shown(answers: list[Answer | HiveError]) -> list[object]:
    """Return answers in a form that can be compared: arrays as lists, errors as what they say."""
    return [
        (answer.code, answer.detail)
        if isinstance(answer, HiveError)
        else (to_json(answer.output), answer.confidence, answer.unsure, answer.removes, answer.unfamiliar)
        for answer in answers
    ]


def alone(specialist: Specialist, batch: list[Inputs]) -> list[Answer | HiveError]:
    return [specialist.answer([item])[0] for item in batch]


def with_context(item: Inputs, context: object) -> Inputs:
    """Return the input with a context in its sensor.window."""
    return {
        name: {**value, "context": context} if isinstance(value, dict) and "values" in value else value
        for name, value in item.items()
    }


@each
@examined
@given(data=st.data())
def test_an_answer_is_the_same_alone_and_in_a_batch(name: str, data: st.DataObject) -> None:
    specialist = loaded(name)
    most = specialist.manifest.batch_max
    batch = data.draw(st.lists(fitting(specialist), min_size=min(2, most), max_size=min(most, 16)))
    expected = shown(alone(specialist, batch))
    assert shown(specialist.answer(batch)) == expected
    assert shown(specialist.answer(batch[::-1])) == expected[::-1]


@each
@examined
@given(data=st.data())
def test_whatever_comes_gets_an_answer_or_a_refusal_that_says_why(name: str, data: st.DataObject) -> None:
    specialist = loaded(name)
    kind = TypeRegistry(specialist.manifest.types).get(specialist.manifest.output)
    item = data.draw(fitting(specialist) | odd(specialist))
    (answer,) = specialist.answer([item])
    if isinstance(answer, HiveError):
        assert answer.code == "input_invalid"
        assert answer.detail
        return
    assert encode_value(kind, answer.output)
    assert 0 <= answer.confidence <= 1
    assert answer.removes <= specialist.manifest.removes
    assert not (answer.removes and answer.unsure)
    assert answer.unsure or not answer.unfamiliar
    if isinstance(answer.output, dict):
        assert answer.output["unfamiliar"] is answer.unfamiliar


@pytest.mark.parametrize("name", [name for name in NAMES if loaded(name).manifest.output == "anomaly"])
@examined
@given(data=st.data())
def test_a_context_that_was_returned_is_taken_and_a_spoilt_one_breaks_nothing(
    name: str, data: st.DataObject
) -> None:
    specialist = loaded(name)
    first = data.draw(fitting(specialist))
    (answer,) = specialist.answer([first])
    assert isinstance(answer, Answer)
    assert isinstance(answer.output, dict)
    context = answer.output["context"]
    (again,) = specialist.answer([with_context(first, context)])
    assert isinstance(again, Answer)
    (other,) = specialist.answer([with_context(first, data.draw(spoilt(context)))])
    assert isinstance(other, Answer) or other.code == "input_invalid"


@each
def test_a_missing_input_is_refused_by_its_name(name: str) -> None:
    specialist = loaded(name)
    (answer,) = specialist.answer([{}])
    assert isinstance(answer, HiveError)
    assert answer.code == "input_invalid"
    assert f"`{next(iter(specialist.manifest.inputs))}`" in answer.detail
