"""What a terminal shows of a task."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType

from hive.cli.outcome import event_line, outcome_screen, tasks_screen
from hive.clients.result import Result

IDENT = "1" * 32


def shown(screen: RenderableType) -> list[str]:
    """Return the lines of a screen, without the blanks at their ends."""
    paper = io.StringIO()
    Console(file=paper, width=160, highlight=False).print(screen)
    return [line.rstrip() for line in paper.getvalue().splitlines()]


def attempt(**changes: object) -> dict[str, object]:
    row = {"step": 0, "attempt": 41, "node": "a/x", "ended": "answered", "queued_ms": 1.0, "run_ms": 3.0}
    return {**row, **changes}


def test_an_answer_that_is_a_text() -> None:
    result = Result(IDENT, "done", "mesh.echo", "text", "hello", 1.0, labels=("internal",))
    assert shown(outcome_screen(result)) == [
        "● done  mesh.echo  confidence 1.00 ██████████",
        "  hello",
        f"  task {IDENT}   labels internal   type text",
    ]


def test_an_answer_that_is_an_object_shows_its_fields_and_the_best_scores() -> None:
    scores = {"a": 0.1, "b": 0.7, "c": 0.15, "d": 0.05}
    result = Result(IDENT, "done", "text.classify_intent", "intent", {"intent": "b", "scores": scores}, 0.7)
    intent, best = shown(outcome_screen(result))[1:3]
    assert intent.split() == ["intent", "b"]
    assert best.split() == ["scores", "b", "0.700", "c", "0.150", "a", "0.100"]


def test_reasons_stand_below_each_other_and_short_words_in_a_row() -> None:
    reasons = [
        "amount 700 EUR is high (usual 7.51 to 136.8)",
        "new payee is 'yes' (commonest: 'no')",
        "third",
    ]
    output = {"reasons": reasons, "types": ["CARD", "PERSON"]}
    lines = shown(outcome_screen(Result(IDENT, "done", "a.b", "risk", output, 0.9)))[1:5]
    assert [" ".join(line.split()) for line in lines] == [
        f"reasons {reasons[0]}",
        reasons[1],
        reasons[2],
        "types CARD, PERSON",
    ]


def test_a_long_field_is_cut_and_takes_no_room_from_the_names() -> None:
    result = Result(IDENT, "done", "a.b", "anomaly", {"anomalous": False, "context": {"k": "x" * 500}}, 1.0)
    anomalous, context = shown(outcome_screen(result))[1:3]
    assert anomalous.split() == ["anomalous", "false"]
    assert context.split()[0] == "context"
    assert context.endswith("x…")


def test_an_unsure_answer_says_so() -> None:
    result = Result(IDENT, "done", "x.y", "text", "hm", 0.25, unsure=True)
    assert shown(outcome_screen(result))[0] == "● done  x.y  confidence 0.25 ██▌······· unsure"


def test_an_input_that_is_unlike_the_training_data_is_said_once() -> None:
    for strange, said in ((True, " unsure, the input is unlike what it learned from"), (False, " unsure")):
        output = {"intent": "x", "unfamiliar": strange}
        lines = shown(outcome_screen(Result(IDENT, "done", "a.b", "intent", output, 0.0, unsure=True)))
        assert lines[0] == f"● done  a.b  confidence 0.00 ··········{said}"
        assert [line.split()[0] for line in lines[1:]] == ["intent", "task"]


def test_an_answer_is_shown_as_it_is_and_never_as_markup() -> None:
    text = Result(IDENT, "done", "mesh.echo", "text", "[bold]x[/bold] [PERSON]", 1.0)
    assert shown(outcome_screen(text))[1] == "  [bold]x[/bold] [PERSON]"
    fields = Result(IDENT, "done", "a.b", "t", {"text": "[red]x", "more": ["[/]"]}, 1.0)
    assert [line.split() for line in shown(outcome_screen(fields))[1:3]] == [
        ["text", "[red]x"],
        ["more", "[/]"],
    ]


def test_a_move_is_seen_on_the_line_of_time() -> None:
    attempts = [attempt(ended="lost", run_ms=0.0), attempt(attempt=57, node="b/x")]
    provenance = {"plan": ["a.b"], "attempts": attempts}
    result = Result(IDENT, "done", "a.b", "text", "x", 0.5, raw_provenance=provenance)
    lost, answered = shown(outcome_screen(result))[4:6]
    assert lost.split()[:4] == ["a.b", "1", "a/x", "lost"]
    assert answered.split()[:4] == ["a.b", "2", "b/x", "answered"]
    assert answered.endswith("░" * 5 + "█" * 15)


def test_tries_are_counted_for_each_step() -> None:
    attempts = [attempt(), attempt(step=1, attempt=42)]
    provenance = {"plan": ["a.b", "c.d"], "attempts": attempts}
    result = Result(IDENT, "done", "c.d", "text", "x", 0.5, raw_provenance=provenance)
    assert [line.split()[:2] for line in shown(outcome_screen(result))[4:6]] == [["a.b", "1"], ["c.d", "1"]]


def test_a_failure_shows_its_code_and_its_sentence() -> None:
    error: dict[str, object] = {"code": "dead_lettered", "detail": "It kills [nodes]."}
    lines = shown(outcome_screen(Result(IDENT, "dead_lettered", "a.b", error=error)))
    assert lines[:2] == ["● dead-lettered  dead_lettered  a.b", "It kills [nodes]."]


def test_a_task_that_still_waits() -> None:
    assert shown(outcome_screen(Result(IDENT, "queued")))[0] == "● queued"


def test_the_list_of_tasks() -> None:
    row = {
        "id": IDENT,
        "state": "running",
        "capability": "a.b",
        "attempts": 2,
        "nodes": ["p/x", "q/x"],
        "age_ms": 5,
    }
    assert shown(tasks_screen([row]))[2].split() == [
        IDENT, "●", "running", "a.b", "2", "p/x,", "q/x", "5.0", "ms",
    ]  # fmt: skip
    assert shown(tasks_screen([])) == ["No tasks."]


def test_an_event_is_one_line() -> None:
    data = {"node": "a/x", "attempt": 3, "why": "connection closed"}
    assert shown(event_line("moved", data)) == ["● moved  a/x  attempt 3  connection closed"]
