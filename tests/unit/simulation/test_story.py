"""What the demo counts, from its callers' side."""

from __future__ import annotations

from simulation.demo.story import Cut, Fault, Sent, Story, moves_of, percentile


def task(sent_s: float, done_s: float = 0.0, state: str = "done", moved_from: str = "") -> Sent:
    moves = ((moved_from, "node_lost"),) if moved_from else ()
    return Sent("a.b", "x", sent_s, done_s, state, moves=moves)


def test_whatever_has_no_answer_is_lost() -> None:
    story = Story([task(0, 1), task(0, 1, "failed"), task(0, 1, "refused"), task(0)])
    story.tasks[-1].state = ""
    said = story.as_json()
    assert (said["sent"], said["finished"], said["lost"]) == (4, 1, 3)


def test_a_move_is_timed_from_the_fault_or_from_its_submission() -> None:
    story = Story(
        [task(9.0, 10.5, moved_from="n"), task(10.2, 10.3, moved_from="n"), task(9.0, 11.0, moved_from="m")]
    )
    story.faults.append(Fault("SIGKILL", "n", 1, 10.0))
    story.back_s["n"] = 12.5
    (fault,) = story.as_json()["faults"]  # type: ignore[misc]
    assert [round(t) for t in story.move_times_ms(story.faults[0])] == [500, 100]
    assert (fault["moved"], fault["move_ms_max"], fault["back_s"]) == (2, 500.0, 2.5)
    assert story.as_json()["moved"] == 3


def test_a_node_that_never_came_back_is_said_so() -> None:
    story = Story(faults=[Fault("SIGSTOP", "n", 1, 1.0)])
    (fault,) = story.as_json()["faults"]  # type: ignore[misc]
    assert (fault["back_s"], fault["move_ms_p50"]) == (None, None)


def test_moves_are_what_was_taken_from_a_node_and_not_what_it_answered() -> None:
    ends = [
        "node_lost",
        "suspected",
        "superseded",
        "answered",
        "node_silent",
        "handed_back",
        "lease_expired",
        "late",
    ]
    attempts: list[dict[str, object]] = [{"node": f"n{i}", "ended": end} for i, end in enumerate(ends)]
    assert [node for node, _ in moves_of(attempts)] == ["n0", "n1", "n4", "n5", "n6"]


def test_what_a_site_answers_alone_is_what_it_was_asked_during_the_cut_and_sent_nowhere() -> None:
    story = Story([task(1, 2), task(6, 7), task(6, 7), task(6, 12), task(13, 14)])
    for sent in story.tasks:
        sent.site = "b"
    story.tasks[2].crossed = (("b", "c"),)
    assert story.as_json()["link"] is None
    story.cut = Cut("b", "c", 5.0, 3, 10.0, 10.5)
    assert story.alone() == [story.tasks[1]]
    assert story.as_json()["link"] == {
        "site": "b", "to": "c", "cut_s": 5.0, "answered_alone": 1, "waited": 3, "drained_s": 0.5,
    }  # fmt: skip


def test_percentiles() -> None:
    assert percentile([], 50) is None
    assert percentile([1.0, 2.0], 50) == 1.5
    assert percentile([float(i) for i in range(1, 101)], 99) == 100.0
    assert percentile([3.0], 100) == 3.0
