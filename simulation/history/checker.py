"""The judge: from what callers were told and what was done, say whether each promise was kept.

Lost is what was acknowledged and never came to an outcome; duplicate, what came to two, or a key that became two tasks;
phantom, what nobody asked for; stale, an answer to something else, or a task that went back in time; misplaced, a
payload where its label forbids it. A second run of the same payload is no fault: it is counted as `repeated`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from simulation.history.events import FINAL, Call, Effect

Answers = Callable[[str], str | None]
Permitted = Callable[[str, str], bool]


BROKEN: Final = {
    "lost": "lost",
    "duplicates": "duplicate",
    "phantom": "phantom",
    "stale": "stale",
    "misplaced": "misplaced",
}
"""The names under which broken promises are counted, and the kind of problem that each counts."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One promise that was broken: which, for which payload, and what was seen."""

    kind: str
    payload: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a history comes to. `unanswered` counts tasks that promised nothing and of which no outcome was seen."""

    acknowledged: int
    finished: int
    repeated: int
    unanswered: int
    problems: tuple[Problem, ...]

    def count(self, kind: str) -> int:
        """Return how many payloads have a problem of this kind."""
        return len({problem.payload for problem in self.problems if problem.kind == kind})

    @property
    def ok(self) -> bool:
        """Say whether every promise was kept."""
        return not self.problems

    def as_json(self) -> dict[str, int]:
        """Return the counts under the names that scripts read."""
        return {
            "acknowledged": self.acknowledged,
            "finished": self.finished,
            **{name: self.count(kind) for name, kind in BROKEN.items()},
            "repeated": self.repeated,
            "unanswered": self.unanswered,
        }


@dataclass(slots=True)
class _Asked:
    """Everything about one payload."""

    label: str = ""
    submits: int = 0
    refused: int = 0
    promised: bool = False
    accepted: bool = False
    keyed: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    outcomes: dict[str, dict[tuple[str, str], int]] = field(
        default_factory=dict
    )  # by task, with first instant
    named: dict[str, set[str]] = field(default_factory=dict)  # by task, states without an answer or a code
    runs: int = 0


def judge(
    calls: Iterable[Call], effects: Iterable[Effect], permitted: Permitted, answers: Answers
) -> Verdict:
    """Return the verdict on a whole history.

    `permitted(label, site)` says where data may be; `answers(payload)` is the digest of the right answer, None where
    there is none. Calls may be given caller after caller: they are put in the order of their instants here.
    """
    problems: list[Problem] = []
    asked: dict[str, _Asked] = {}
    _hear(sorted(calls, key=lambda call: (call.at_us, call.kind != "invoke")), asked, problems)
    for effect in effects:
        _see(effect, asked, permitted, problems)
    for payload, it in asked.items():
        problems += _broken(payload, it, answers)
    promised = [it for it in asked.values() if it.promised]
    return Verdict(
        len(promised),
        sum(bool(it.outcomes) for it in promised),
        sum(it.runs > 1 for it in asked.values()),
        sum(it.accepted and not it.promised and not it.outcomes for it in asked.values()),
        tuple(problems),
    )


def _hear(calls: Iterable[Call], asked: dict[str, _Asked], problems: list[Problem]) -> None:
    begun: dict[tuple[str, int], Call] = {}
    ended: set[tuple[str, int]] = set()
    for call in calls:
        name = (call.caller, call.call)
        if call.kind == "invoke":
            begun[name] = call
            it = asked.setdefault(call.payload, _Asked())
            it.label = it.label or call.label
            it.submits += call.op == "submit"
            continue
        first = begun.get(name)
        if first is None or first.payload != call.payload:
            sentence = (
                f"{call.caller} was told {call.state or call.code!r} in call {call.call}, and asked nothing."
            )
            problems.append(Problem("phantom", call.payload, sentence))
            continue
        if name in ended:
            sentence = f"Call {call.call} of {call.caller} ended twice, the second time with {call.state!r}."
            problems.append(Problem("duplicate", call.payload, sentence))
        ended.add(name)
        _told(first, call, asked[call.payload], problems)


def _told(first: Call, call: Call, it: _Asked, problems: list[Problem]) -> None:
    """Take the end of a call."""
    task = call.task or first.task
    ended_us = min(it.outcomes.get(task, {}).values(), default=None)
    after = ended_us is not None and ended_us < first.at_us
    if call.kind == "fail":
        it.refused += first.op == "submit"
        if after and first.op == "read" and call.code == "task_unknown" and it.promised:
            sentence = (
                f"Task {task} had its outcome, and {call.caller} was told later that there is none such."
            )
            problems.append(Problem("lost", call.payload, sentence))
    if call.kind != "ok":
        return
    if first.op == "submit":
        it.accepted = True
        it.promised |= first.durable
        if first.key:
            it.keyed.setdefault((first.caller, first.key), set()).add(task)
    if call.state in FINAL and not call.digest:
        it.named.setdefault(task, set()).add(
            call.state
        )  # a receipt says that it has ended, and not with what
    elif call.state in FINAL:
        it.outcomes.setdefault(task, {}).setdefault((call.state, call.digest), call.at_us)
    elif after:
        sentence = f"Task {task} had its outcome, and was {call.state!r} to {call.caller} later."
        problems.append(Problem("stale", call.payload, sentence))


def _see(effect: Effect, asked: dict[str, _Asked], permitted: Permitted, problems: list[Problem]) -> None:
    it = asked.get(effect.payload)
    where = f"{effect.what} at {effect.site} by {effect.node}"
    if it is None or not it.submits:
        problems.append(Problem("phantom", effect.payload, f"It was {where}, and nobody submitted it."))
        return
    if not permitted(it.label, effect.site):
        sentence = f"It is {it.label!r} and was {where}, where that may not be."
        problems.append(Problem("misplaced", effect.payload, sentence))
    it.runs += effect.what == "run"


def _broken(payload: str, it: _Asked, answers: Answers) -> list[Problem]:
    """Return what only the whole history of a payload shows."""
    problems = []
    if it.promised and not it.outcomes:
        problems.append(Problem("lost", payload, "It was acknowledged, and no outcome was ever seen."))
    for task, outcomes in it.outcomes.items():
        if len(outcomes) > 1:
            said = " and ".join(f"{state} ({digest})" for state, digest in outcomes)
            problems.append(Problem("duplicate", payload, f"Task {task} came to {said}."))
        for state in it.named.get(task, set()) - {state for state, _ in outcomes}:
            came = " and ".join(sorted({state for state, _ in outcomes}))
            problems.append(
                Problem("duplicate", payload, f"Task {task} came to {came}, and a receipt said {state}.")
            )
        right = answers(payload)
        for state, digest in outcomes:
            if state == "done" and right is not None and digest != right:
                sentence = f"Task {task} was answered with {digest}; right is {right}."
                problems.append(Problem("stale", payload, sentence))
    for (caller, key), tasks in it.keyed.items():
        if len(tasks) > 1:
            sentence = f"{caller} used the key {key!r} again, and got the tasks {', '.join(sorted(tasks))}."
            problems.append(Problem("duplicate", payload, sentence))
    if it.runs and it.submits == it.refused:
        problems.append(Problem("phantom", payload, "Every submission of it was refused, and it ran."))
    return problems
