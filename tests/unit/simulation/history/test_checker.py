"""The judge of histories: each kind of broken promise is seen, and nothing else is called one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulation.history.checker import Verdict, judge
from simulation.history.events import Call, Effect

SUBMIT = Call(1, "c", 1, "invoke", "submit", "p", key="k", label="internal", durable=True)
RECEIPT = Call(2, "c", 1, "ok", "submit", "p", task="t", state="queued")
READ = Call(3, "c", 2, "invoke", "read", "p", task="t")
DONE = Call(4, "c", 2, "ok", "read", "p", task="t", state="done", digest="P")
LATER = Call(5, "c", 3, "invoke", "read", "p", task="t")
RUN = Effect(2, "plant", "node", "run", "p", task="t", attempt="7.1")
KEPT = [SUBMIT, RECEIPT, READ, DONE]


def verdict(*calls: Call, effects: tuple[Effect, ...] = (RUN,)) -> Verdict:
    return judge(calls, effects, lambda label, site: (label, site) != ("pii", "cloud"), str.upper)


def found(told: Verdict) -> list[str]:
    return [problem.kind for problem in told.problems]


def test_a_promise_that_was_kept_is_no_problem() -> None:
    told = verdict(*KEPT)
    assert (told.ok, told.acknowledged, told.finished, told.repeated) == (True, 1, 1, 0)


def test_the_order_of_the_files_does_not_matter() -> None:
    assert verdict(*reversed(KEPT)) == verdict(*KEPT)


def test_what_was_acknowledged_and_has_no_outcome_is_lost() -> None:
    told = verdict(SUBMIT, RECEIPT)
    assert found(told) == ["lost"]
    assert told.as_json()["lost"] == 1


def test_what_was_promised_to_nobody_may_be_forgotten() -> None:
    told = verdict(replace(SUBMIT, durable=False), RECEIPT)
    assert (told.ok, told.acknowledged, told.unanswered) == (True, 0, 1)


def test_a_submission_of_unknown_fate_may_run_or_not() -> None:
    assert verdict(SUBMIT).ok
    assert verdict(SUBMIT, replace(RECEIPT, kind="unknown", state="")).ok
    assert verdict(SUBMIT, effects=()).ok


def test_an_outcome_that_the_store_forgot_is_lost() -> None:
    gone = Call(6, "c", 3, "fail", "read", "p", code="task_unknown")
    assert found(verdict(*KEPT, LATER, gone)) == ["lost"]


@pytest.mark.parametrize(
    "other", [replace(DONE, call=3, at_us=6, digest="Q"), replace(DONE, call=3, at_us=6, state="expired")]
)
def test_two_outcomes_of_one_task_are_a_duplicate(other: Call) -> None:
    assert "duplicate" in found(verdict(*KEPT, LATER, other))


def test_the_same_outcome_read_twice_is_one() -> None:
    assert verdict(*KEPT, LATER, replace(DONE, call=3, at_us=6)).ok


def test_one_call_that_ends_twice_is_a_duplicate() -> None:
    assert found(verdict(*KEPT, replace(DONE, at_us=6))) == ["duplicate"]


def test_a_key_that_became_two_tasks_is_a_duplicate() -> None:
    again = replace(SUBMIT, call=3, at_us=5)
    assert found(verdict(*KEPT, again, replace(RECEIPT, call=3, at_us=6, task="u"))) == ["duplicate"]


def test_what_nobody_asked_for_is_a_phantom() -> None:
    assert found(verdict(*KEPT, effects=(RUN, replace(RUN, payload="q")))) == ["phantom"]
    assert found(verdict(*KEPT, replace(DONE, call=9))) == ["phantom"]


def test_what_was_refused_and_ran_is_a_phantom() -> None:
    refused = replace(RECEIPT, kind="fail", state="", code="queue_full")
    assert found(verdict(SUBMIT, refused)) == ["phantom"]
    again = replace(SUBMIT, call=3, at_us=5)
    assert verdict(SUBMIT, refused, again, replace(DONE, op="submit", call=3, at_us=6)).ok


def test_the_answer_to_something_else_is_stale() -> None:
    assert found(verdict(SUBMIT, RECEIPT, READ, replace(DONE, digest="Q"))) == ["stale"]


def test_a_task_that_goes_back_in_time_is_stale() -> None:
    back = Call(6, "c", 3, "ok", "read", "p", task="t", state="running")
    assert found(verdict(*KEPT, LATER, back)) == ["stale"]
    crossed = replace(LATER, at_us=3)
    assert verdict(SUBMIT, RECEIPT, READ, crossed, DONE, back).ok, "it was asked before the outcome was told"


def test_a_receipt_that_says_only_that_it_has_ended_is_held_against_the_outcome() -> None:
    again = replace(SUBMIT, call=3, at_us=5)
    receipt = replace(RECEIPT, call=3, at_us=6, state="done")
    assert verdict(*KEPT, again, receipt).ok
    assert found(verdict(*KEPT, again, replace(receipt, state="expired"))) == ["duplicate"]
    assert found(verdict(SUBMIT, replace(RECEIPT, state="done"))) == ["lost"], "its outcome was never seen"


@pytest.mark.parametrize("what", ["received", "forwarded", "kept", "run"])
def test_a_payload_where_its_label_forbids_it_is_misplaced(what: str) -> None:
    calls = [replace(SUBMIT, label="pii"), *KEPT[1:]]
    assert found(verdict(*calls, effects=(RUN, replace(RUN, site="cloud", what=what)))) == ["misplaced"]


def test_a_second_run_is_counted_and_no_problem() -> None:
    told = verdict(*KEPT, effects=(RUN, replace(RUN, attempt="7.2")))
    assert (told.ok, told.repeated) == (True, 1)
