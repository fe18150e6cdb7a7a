"""Times to move: from the fault to the next start elsewhere."""

from __future__ import annotations

from simulation.chaos.moves import moves
from simulation.chaos.strikes import Mark
from simulation.history.events import Call, Effect

MS = 1000
LOST = {"node": "press/echo", "site": "plant", "attempt": 1, "ended": "node_lost"}
AGAIN = {"node": "office/echo", "site": "plant", "attempt": 2, "ended": "answered"}
KILL = Mark("kill", "press/echo", "plant", 100 * MS, 100 * MS)


def began(at_ms: int, node: str = "office/echo", attempt: int = 2, payload: str = "p") -> Effect:
    return Effect(at_ms * MS, "plant", node, "received", payload, "t", f"plant.1.{attempt}")


def asked(at_ms: int, told_ms: int = 5_000) -> list[Call]:
    invoke = Call(at_ms * MS, "c", 1, "invoke", "submit", "p", durable=True)
    return [invoke, Call(told_ms * MS, "c", 1, "ok", "submit", "p", task="t", state="queued")]


def test_a_move_is_timed_from_the_fault() -> None:
    told = moves({"t": [LOST, AGAIN]}, asked(10), [began(130)], [KILL])
    assert (dict(told.times_ms), told.unexplained) == ({"kill": [30.0]}, 0)
    assert told.as_json() == {
        "move_ms": {"p50": 30.0, "p99": 30.0, "max": 30.0},
        "moves": {"kill": {"count": 1, "p50": 30.0, "p99": 30.0, "max": 30.0}},
        "moves_without_fault": 0,
    }


def test_a_task_that_came_later_is_timed_from_its_submission() -> None:
    stopped = Mark("stop", "press/echo", "plant", 100 * MS, 2000 * MS)
    told = moves({"t": [LOST, AGAIN]}, asked(500), [began(900)], [stopped])
    assert told.times_ms == {"stop": [400.0]}


def test_an_agent_s_death_is_a_fault_of_each_of_its_nodes() -> None:
    told = moves(
        {"t": [LOST, AGAIN]}, [], [began(150)], [Mark("agent-kill", "press", "plant", 100 * MS, 100 * MS)]
    )
    assert told.times_ms == {"agent-kill": [50.0]}


def test_poison_is_a_fault_of_the_node_that_received_it() -> None:
    poison = began(110, "press/echo", 9, "poison-kill/c/1")
    assert moves({"t": [LOST, AGAIN]}, [], [poison, began(150)], [KILL]).times_ms == {"poison": [40.0]}


def test_no_other_fault_and_no_old_one_is_blamed() -> None:
    others = [
        Mark("kill", "press/other", "plant", 100 * MS, 100 * MS),
        Mark("conductor-kill", "plant", "plant", 0, 0),
    ]
    assert moves({"t": [LOST, AGAIN]}, [], [began(150)], others).unexplained == 1
    assert moves({"t": [LOST, AGAIN]}, [], [began(11_000)], [KILL]).unexplained == 1


def test_a_retry_after_an_answer_and_an_attempt_that_never_began_are_no_moves() -> None:
    failed = {**LOST, "ended": "failed"}
    assert moves({"t": [failed, AGAIN]}, [], [began(150)], [KILL]).as_json()["moves"] == {}
    assert moves({"t": [LOST, AGAIN]}, [], [], [KILL]).as_json()["moves"] == {}
