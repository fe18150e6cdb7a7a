"""What a caller sends: one value, a value for each input, or a wish for a type."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hive.wire.messages import EMPTY
from simulation.sim.asked import submit_of
from simulation.sim.engine import number_of
from simulation.sim.plan import Submission
from simulation.sim.scenario import load

ASK = Submission(0, "desk", 5, "text.echo")
SEVERAL = (("input", "sensor.window", 1), ("note", "text", 1))


@pytest.mark.parametrize(
    ("capability", "wished", "said", "inputs"),
    [
        ("text.echo", False, ("text.echo", ""), ()),
        ("text.echo", True, ("text.echo", ""), ()),  # what makes a text of a text is not found by wishing
        ("text.route", False, ("text.route", ""), ()),
        ("text.route", True, ("", "intent"), (("input", "text", 1),)),
        ("risk.fuse", False, ("risk.fuse", ""), SEVERAL),
        ("risk.fuse", True, ("", "risk"), SEVERAL),
    ],
)
def test_the_wish_and_its_inputs(
    capability: str, said: tuple[str, str], inputs: tuple[tuple[str, str, int], ...], *, wished: bool
) -> None:
    ask = replace(ASK, capability=capability, wished=wished)
    submit = submit_of(EMPTY, ask, load("values"))
    assert ((submit.capability, submit.want), submit.inputs) == (said, inputs)
    assert len(submit.body) == max(1, len(inputs))
    assert number_of(submit.body) == (5, True)


def test_one_input_with_its_label_is_enough_for_the_whole() -> None:
    assert number_of((b"text.redact[5]", b"sensor.window<5>")) == (5, True)
    assert number_of((b"text.redact[5]", b"sensor.window[5]")) == (5, False)
