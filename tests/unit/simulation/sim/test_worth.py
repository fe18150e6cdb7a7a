"""An outcome is the best of the answers that were accepted, and a receipt outlasts a full queue."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from hive.ids import TaskId
from hive.wire.messages import EMPTY, Answer, Flag, Kind, Outcome, Refuse
from simulation.sim.plan import Submission
from simulation.sim.world import World
from simulation.sim.worth import Worth
from tests.unit.simulation.sim.small import small

TASK = TaskId(bytes(15) + b"\x01")
ASK = Submission(0, "line", 5, "text.echo", min_confidence=0.8)


class Seen:
    """The observer of a world with one conductor, which accepts what it is told to."""

    def __init__(self, steps: int = 1) -> None:
        self.world = World(small(), 1)
        self.worth = Worth(self.world)
        self.conductor = cast("Any", SimpleNamespace(
            name="conductor@plant", site="plant", boots=1,
            core=SimpleNamespace(state=SimpleNamespace(tasks={})),
        ))  # fmt: skip
        route = SimpleNamespace(steps=(None,) * steps)
        self.task = SimpleNamespace(principal="line", id=TASK, route=route)

    def accepts(self, confidence: float, step: int = 0, ended: str = "answered") -> None:
        attempt = cast("Any", SimpleNamespace(task=self.task, step=step, ended=ended))
        self.worth.accepted(self.conductor, attempt, Answer(EMPTY, confidence, 0, 0, 0, (b"<5>",)))

    def shows(self, state: str, confidence: float = 0.0, code: str = "", flags: int = 0) -> list[str]:
        header = EMPTY._replace(task=TASK, flags=flags)
        error: dict[str, object] = {"code": code} if code else {}
        outcome = Outcome(header, state, "text.echo", "text", confidence, error)
        self.worth.outcome(self.conductor, "line", ASK, outcome)
        return [violation.invariant for violation in self.world.watch.violations]


@pytest.mark.parametrize("order", [(0.3, 0.9), (0.9, 0.3)])
def test_of_two_answers_the_surer_one_is_shown(order: tuple[float, float]) -> None:
    for shown, broken in ((0.9, []), (0.3, ["worse off"])):
        seen = Seen()
        for confidence in order:
            seen.accepts(confidence)
        assert seen.shows("done", shown, flags=Flag.UNSURE) == broken


def test_an_answer_is_as_sure_as_the_least_sure_step() -> None:
    for shown, broken in ((0.4, []), (0.9, ["worse off"])):
        seen = Seen(steps=2)
        seen.accepts(0.4)
        seen.accepts(0.9, step=1)
        assert seen.shows("done", shown, flags=Flag.UNSURE) == broken


def test_who_has_an_answer_does_not_fail_except_by_policy() -> None:
    for state, code, broken in (
        ("expired", "expired", ["worse off"]),
        ("failed", "link_down", ["worse off"]),
        ("failed", "label_forbidden", []),
        ("cancelled", "cancelled", []),
    ):
        seen = Seen()
        seen.accepts(0.9)
        assert seen.shows(state, code=code) == broken


def test_what_came_too_late_or_was_seen_by_an_earlier_boot_counts_for_nothing() -> None:
    seen = Seen()
    seen.accepts(0.9, ended="late")
    assert seen.shows("expired", code="expired") == []
    seen.accepts(0.9)
    seen.conductor.boots = 2
    assert seen.shows("expired", code="expired") == []


def test_less_than_was_wanted_is_shown_as_unsure() -> None:
    assert Seen().shows("done", 0.5) == ["unsure"]
    assert Seen().shows("done", 0.5, flags=Flag.UNSURE) == []


def test_what_has_a_receipt_is_not_refused_for_want_of_room() -> None:
    refuse = Refuse(EMPTY._replace(task=TASK), "queue_full", "", int(Kind.SUBMIT))
    seen = Seen()
    seen.worth.refused(seen.conductor, "line", refuse)
    assert seen.world.watch.violations == []
    seen.worth.acknowledged(seen.conductor, "line", TASK)
    seen.conductor.core.state.tasks["line", TASK] = seen.task  # one of many who listen has no place
    seen.worth.refused(seen.conductor, "line", refuse)
    assert seen.world.watch.violations == []
    seen.conductor.core.state.tasks.clear()
    seen.worth.refused(seen.conductor, "line", refuse)
    assert [violation.invariant for violation in seen.world.watch.violations] == ["shed"]
