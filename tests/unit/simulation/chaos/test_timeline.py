"""The series of the plot."""

from __future__ import annotations

from simulation.chaos.strikes import Mark
from simulation.chaos.timeline import rows, timeline
from simulation.history.events import Call

S = 1_000_000
CALLS = [
    Call(0, "c", 1, "invoke", "submit", "p", durable=True),
    Call(S // 10, "c", 1, "ok", "submit", "p", task="t", state="queued"),
    Call(S, "c", 2, "invoke", "read", "p", task="t"),
    Call(S + 1, "c", 2, "ok", "read", "p", task="t", state="done", digest="P"),
    Call(S + 2, "d", 1, "ok", "read", "p", task="t", state="done", digest="P"),
    Call(2 * S, "c", 3, "invoke", "submit", "q"),
    Call(2 * S + 1, "c", 3, "fail", "submit", "q", code="queue_full"),
    Call(2 * S + 2, "c", 4, "unknown", "submit", "r"),
]


def test_each_task_counts_once_when_it_was_first_seen() -> None:
    line = timeline(CALLS, 0, int(2.4 * S), 0.5)
    assert line.seconds == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert line.acknowledged == [2.0, 0, 0, 0, 0]
    assert line.finished == [0, 0, 2.0, 0, 0]
    assert (line.refused, line.doubtful) == ([0, 0, 0, 0, 2.0], [0, 0, 0, 0, 2.0])


def test_faults_are_in_a_row_for_each_target_conductors_first() -> None:
    marks = [
        Mark("kill", "press/echo", "plant", 2 * S, 2 * S),
        Mark("gateway-stop", "plant", "plant", 3 * S, 4 * S),
        Mark("stop", "press/echo", "plant", 5 * S, 6 * S),
        Mark("conductor-kill", "plant", "plant", 7 * S, 7 * S),
        Mark("client-kill", "plant/http-1", "", 8 * S, 8 * S),
    ]
    found = [(row.target, list(row.faults)) for row in rows(marks, S)]
    assert found == [
        ("control of plant", [("gateway-stop", 2.0, 3.0)]),
        ("dispatcher of plant", [("conductor-kill", 6.0, 6.0)]),
        ("press/echo", [("kill", 1.0, 1.0), ("stop", 4.0, 5.0)]),
        ("plant/http-1", [("client-kill", 7.0, 7.0)]),
    ]
