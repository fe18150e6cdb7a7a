"""The planted bugs: each a mistake that somebody could make, in the production code that the simulator runs."""

from __future__ import annotations

from typing import Final

from tests.planted.planting import Edit, Mutant

CORE: Final = "conductor.core"
NODE: Final = "specialists.core"
MUTANTS: Final[list[Mutant]] = []


def _plant(name: str, what: str, *edits: Edit, at: str, expects: tuple[str, ...]) -> None:
    """Add a bug: looked for `at` a scenario, by the invariants that it `expects`."""
    MUTANTS.append(Mutant(name, what, edits, at, frozenset(expects)))


# Nothing is said before it is true.
_plant(
    "ack-before-commit",
    "the receipt goes out when the submission is written, not when it is committed",
    Edit(
        f"{CORE}.intake:planned",
        "        keep_submission(s, task)\n",
        "        keep_submission(s, task)\n        _receipts(s, task)\n",
    ),
    at="smoke",
    expects=("receipt before commit",),
)
_plant(
    "outcome-before-commit",
    "an outcome is told when it is written, not when it is committed",
    Edit(
        f"{CORE}.outcome:finish",
        "        keep_outcome(s, task, provenance(task, s.site))\n",
        "        keep_outcome(s, task, provenance(task, s.site))\n        _publish(s, task, state)\n",
    ),
    at="smoke",
    expects=("outcome before commit",),
)
_plant(
    "failed-commit-counts",
    "a commit that failed is taken for one that succeeded",
    Edit(
        f"{CORE}.commits:failed",
        "    if was is not TaskState.CLOSING:",
        "    if was is TaskState.ACCEPTING:\n        intake.accepted(s, task)\n    elif was is not TaskState.CLOSING:",
    ),
    at="smoke",
    expects=(
        "receipt before commit",
        "outcome before commit",
        "lost",
    ),
)
_plant(
    "outcome-not-written-again",
    "an outcome whose commit failed is never written again",
    Edit(f"{CORE}.commits:failed", "s.timers.set(task, task.retry_us)", "s.timers.cancel(task)"),
    at="smoke",
    expects=(
        "liveness",
        "lost",
    ),
)
# What a restart must know.
_plant(
    "key-forgotten-at-restart",
    "a task comes back from the store without its idempotency key",
    Edit(
        f"{CORE}.restored:task_of",
        "task.key, task.request, task.durable, task.kept = asked.key,",
        "task.key, task.request, task.durable, task.kept = '',",
    ),
    at="smoke",
    expects=("key",),
)
_plant(
    "second-submission-overwrites",
    "the store takes a second submission of a task in place of the first",
    Edit(
        "conductor.store.memory:Tables.apply",
        "there = self.tasks.get(key)",
        "there = None",
    ),
    at="smoke",
    expects=(
        "stale",
        "one outcome",
        "duplicate",
    ),
)
_plant(
    "epoch-stands-still",
    "every start of a conductor works in the same epoch",
    Edit(f"{CORE}.state:State.__init__", "    self.epoch = epoch\n", "    self.epoch = 1\n"),
    at="smoke",
    expects=("epoch",),
)
_plant(
    "recovery-forgets-running",
    "a restart goes on with what waited, and not with what was given to a node",
    Edit(
        f"{CORE}.recovery:reopen",
        "        if stored.attempts:\n",
        "        if not stored.attempts and not found:\n",
    ),
    at="smoke",
    expects=("lost",),
)
_plant(
    "recovery-forgets-kills",
    "a restart forgets how many nodes a task has taken down",
    Edit(
        f"{CORE}.recovery:_inherit",
        "        task.kills, task.failures = started.kills, started.failures\n",
        "",
    ),
    at="poison",
    expects=("poison",),
)
_plant(
    "recovery-skips-the-gate",
    "a restart goes on with what policy has forbidden meanwhile",
    Edit(f"{CORE}.recovery:_broken", "if mask & ~s.allowed_labels:", "if False:"),
    Edit(f"{CORE}.machine:Conductor._from_control", "if before != (", "if before[0] and before != ("),
    at="policy",
    expects=(
        "state",
        "misplaced",
        "purge",
    ),
)
_plant(
    "raw-input-after-restart",
    "a restart passes the task's input on where the output of a step belongs",
    Edit(
        f"{CORE}.restored:task_of",
        "task.outputs.append(_value(s, step.output))",
        "task.outputs.append(_value(s, step.output))\n        task.outputs[-1].frames = task.inputs[0].frames",
    ),
    at="policy",
    expects=("misplaced",),
)
# The fence.
_plant(
    "late-answer-counts",
    "an answer of an attempt that was superseded counts as one of the step that is due",
    Edit(f"{CORE}.work:answered", "if task.settled or attempt.number not in task.live:", "if task.settled:"),
    Edit(f"{CORE}.work:_close_step", "del task.live[attempt.number]", "task.live.pop(attempt.number, None)"),
    at="partitions",
    expects=("stale",),
)
_plant(
    "hedge-without-dedup",
    "an answer counts although the task has its outcome already",
    Edit(
        f"{CORE}.work:answered", "if task.settled or attempt.number not in task.live:", "if not task.route:"
    ),
    Edit(f"{CORE}.work:_close_step", "del task.live[attempt.number]", "task.live.pop(attempt.number, None)"),
    Edit(f"{CORE}.outcome:finish", "    if task.settled:\n", "    if s.now_us < 0:\n"),
    Edit(
        f"{CORE}.outcome:release",
        "    s.open_count -= 1\n",
        "    if task.settled:\n        return\n    s.open_count -= 1\n",
    ),
    at="smoke",
    expects=(
        "one outcome",
        "duplicate",
        "outcome before commit",
        "state",
        "stale",
    ),
)
_plant(
    "epoch-not-checked",
    "an attempt is looked up by its number alone, whichever epoch gave it",
    Edit(f"{CORE}.state:State.attempt_of", "if epoch == self.epoch:", "if number in self.attempts:"),
    at="restarts",
    expects=(
        "stale",
        "credit",
    ),
)
# Refusals.
_plant(
    "refusal-swallowed",
    "a refusal of an attempt frees the slot, and nothing follows for the task",
    Edit(f"{CORE}.work:refused", "after_refusal(s, task, attempt, m)", "pass"),
    at="smoke",
    expects=("state",),
)
_plant(
    "node-refuses-in-silence",
    "a node that is full drops a work and says nothing",
    Edit(
        f"{NODE}.machine:NodeCore._refuse",
        "    self._reply(grantor, item.ref, refusal_of(item, why, self._now_us))\n",
        "",
    ),
    at="smoke",
    expects=("credit",),
)
# The gate.
_plant(
    "gate-skipped-on-retry",
    "a step that was tried before goes to any linked site that has a free slot",
    Edit(
        f"{CORE}.elsewhere:choose",
        "return passes(s, task, capability, pool, labels, unsure=unsure).allowed",
        "return bool(task.attempts) or passes(s, task, capability, pool, labels, unsure=unsure).allowed",
    ),
    at="policy",
    expects=("misplaced",),
)
_plant(
    "gate-skipped-for-the-waiting",
    "what waits goes to any linked site that has a free slot",
    Edit(
        f"{CORE}.place:_next_waiting",
        "if pool.away and not elsewhere.passes(s, task, capability, pool, labels_of(task)).allowed:",
        "if pool.away and s.site in pool.site:",
        "queue.permitted(pool.allowed_labels)",
        "queue.permitted(pool.allowed_labels | s.allowed_labels)",
    ),
    at="smoke",
    expects=("misplaced",),
)
_plant(
    "gate-skipped-on-forwarding",
    "what was tried here goes to a linked site without asking the gate",
    Edit(
        f"{CORE}.elsewhere:passes",
        "    answer = s.gate.asks(_crossing(s, task, pool.site, capability.name, unsure=unsure), labels)\n",
        "    answer = Pass(True, pool.rule)\n",
    ),
    at="policy",
    expects=("misplaced",),
)
_plant(
    "gate-skipped-on-escalation",
    "an escalation asks the gate as if it were no escalation",
    Edit(
        f"{CORE}.place:escalate",
        "elsewhere.choose(s, task, capability, labels, unsure=True)",
        "capability.nearest.first(lambda node: node.peer is not None)",
    ),
    at="policy",
    expects=("misplaced",),
)
_plant(
    "gate-skipped-at-the-entrance",
    "work of a linked site is taken in without asking our own gate",
    Edit(f"{CORE}.serving:given", "_forbidden(s, peer, m, labels)", "None"),
    at="policy",
    expects=("misplaced",),
)
_plant(
    "gate-skipped-for-answers",
    "an answer goes back to the site that asked, whatever it carries",
    Edit(f"{CORE}.giving:give_back", "elif not passed.allowed:", "elif task.provenance is None:"),
    at="policy",
    expects=("misplaced",),
)
_plant(
    "policy-change-withdraws-nothing",
    "what a new policy forbids goes on and stays readable",
    Edit(f"{CORE}.machine:Conductor._from_control", "outcome.withdraw_forbidden(s)", "pass"),
    at="policy",
    expects=(
        "state",
        "misplaced",
    ),
)
_plant(
    "purge-forgotten",
    "what a new policy forbids stays in the store",
    Edit(f"{CORE}.machine:Conductor._from_control", "keeping.purge_forbidden(s)", "pass"),
    at="policy",
    expects=("purge",),
)
_plant(
    "removal-needs-no-grant",
    "a label that a node says it has removed is gone, granted or not",
    Edit(f"{CORE}.work:_close_step", "~(m.removed & node.removes)", "~m.removed"),
    at="policy",
    expects=("misplaced",),
)
_plant(
    "output-without-labels",
    "the output of a step carries no label of its inputs",
    Edit(f"{CORE}.work:_close_step", "labels = labels_of(task) & ~(m.removed & node.removes)", "labels = 0"),
    at="smoke",
    expects=("misplaced",),
)
# Liveness.
_plant(
    "lost-node-keeps-its-work",
    "what a node held whose connection closed is not tried elsewhere",
    Edit(
        f"{CORE}.membership:gone",
        '            move(s, attempt, "handed_back" if why == "left" else why)\n',
        "            attempt.ended = why\n",
    ),
    at="smoke",
    expects=("state",),
)
_plant(
    "beat-beside-the-work-loop",
    "a node beats from a thread, so that one whose run is stuck goes on to beat",
    Edit(
        "simulation.sim.node:NodeProcess._run",
        "        self.busy = True\n",
        "        def beat(boots):\n"
        "            if boots == self.boots and self.busy and self.end is not None:\n"
        "                self.end.out.send(Beat(EMPTY._replace(sent_us=self.clock_us()), self.core.turns))\n"
        "                world.at(world.now + 100_000, beat, boots)\n"
        "        self.busy = True\n"
        "        beat(self.boots)\n",
    ),
    at="poison",
    expects=("detection",),
)
_plant(
    "expired-too-late",
    "the timer of a deadline is set half a minute late",
    Edit(f"{CORE}.place:arm", "due = task.deadline_us\n", "due = task.deadline_us + 30_000_000\n"),
    at="smoke",
    expects=("expiry",),
)
_plant(
    "deadline-by-the-senders-clock",
    "a node takes a deadline to be an instant of the conductor's clock",
    Edit(
        f"{NODE}.machine:NodeCore._work",
        "deadline_us = now_us + header.remaining_us - queued_us",
        "deadline_us = header.sent_us + header.remaining_us",
    ),
    at="smoke",
    expects=("expiry",),
)
_plant(
    "quarantine-ignored",
    "a node that comes and goes is used at once",
    Edit(
        f"{CORE}.quarantine:quarantined_until",
        "return flaps.until_us if flaps is not None else 0",
        "return 0",
    ),
    at="storm",
    expects=("quarantine",),
)
# Credit.
_plant(
    "slot-free-on-cancel",
    "a cancel frees the slot before the node says so",
    Edit(
        f"{CORE}.outcome:finish",
        '            attempt.ended = "superseded"\n',
        '            attempt.ended = "superseded"\n'
        "            if attempt.node.attempts.pop(attempt.number, None):\n"
        "                attempt.node.inflight -= 1\n",
    ),
    at="policy",
    expects=("credit",),
)
_plant(
    "slot-never-free-again",
    "the slot of an attempt that was superseded is never free again",
    Edit(
        f"{CORE}.work:_returned",
        "    if node.attempts.pop(attempt.number, None) is not None:\n",
        "    if not attempt.ended and node.attempts.pop(attempt.number, None) is not None:\n",
    ),
    at="smoke",
    expects=(
        "state",
        "credit",
    ),
)
_plant(
    "one-slot-too-many",
    "what waits is given to a node until it has one more work than it granted",
    Edit(
        f"{CORE}.place:offer",
        "capability.waiting_count and node.inflight < node.credit",
        "capability.waiting_count and node.inflight <= node.credit",
    ),
    at="flood",
    expects=("credit",),
)
# Poison.
_plant(
    "kills-not-counted",
    "nobody counts the nodes that went down with a task",
    Edit(f"{CORE}.work:move", "        task.kills += 1\n", ""),
    at="poison",
    expects=("poison",),
)
_plant(
    "dead-letter-tried-again",
    "a task that has taken down as many nodes as it may is tried once more, for ever",
    Edit(
        f"{CORE}.work:task_due",
        "elif task.held and task.kills >= s.settings.kills_max:",
        "elif task.kills < 0:",
    ),
    Edit(
        f"{CORE}.place:place",
        "if task.kills >= s.settings.kills_max:",
        "if task.kills < 0:",
        "if risk > s.settings.kills_max:",
        "if risk < 0:",
    ),
    at="poison",
    expects=("poison",),
)
# What is owed.
_plant(
    "outbox-dropped-on-reconnect",
    "answers that were not acknowledged are forgotten when a session begins anew",
    Edit(
        "hive.core.outbox:Outbox.renew",
        "self._entries if entry[0] is not None and entry[0] not in unwanted]",
        "self._entries if entry[0] is None]",
    ),
    at="smoke",
    expects=("credit",),
)
_plant(
    "unacknowledged-not-said-again",
    "a linked site does not say again what was not acknowledged",
    Edit(
        f"{CORE}.links:_welcomed",
        "        s.actions.append(Send(session.id, reply))\n",
        "        del reply\n",
    ),
    at="smoke",
    expects=(
        "credit",
        "liveness",
    ),
)
_plant(
    "submission-not-said-again",
    "a caller does not repeat after a reconnect what was sent before",
    Edit("hive.core.client:ClientCore.handle", "pending.sent = False", "pending.sent = True"),
    at="smoke",
    expects=("answered",),
)
_plant(
    "receipt-for-the-first-alone",
    "of several who asked for one task, one gets the receipt",
    Edit(
        f"{CORE}.intake:_receipts",
        "    for session, header in waiters:\n",
        "    for session, header in waiters[:1]:\n",
    ),
    at="smoke",
    expects=("answered",),
)
# Of kinds that nobody had in mind when the simulator's invariants were written.
_plant(
    "answers-swapped-in-a-batch",
    "the results of a batch go to its works in the wrong order",
    Edit(
        f"{NODE}.machine:NodeCore._ran",
        "zip(self._holdings.finish(self._grantors), event.results, strict=True)",
        "zip(self._holdings.finish(self._grantors), event.results[::-1], strict=True)",
    ),
    at="smoke",
    expects=("stale",),
)
_plant(
    "cancel-told-before-commit",
    "who cancels a task hears of its outcome while that is being written",
    Edit(f"{CORE}.intake:cancelled", "    if task.closed:\n", "    if task.settled:\n"),
    at="smoke",
    expects=("outcome before commit",),
)
_plant(
    "urgent-last",
    "the least urgent of what waits comes first",
    Edit(
        f"{CORE}.place:_next_waiting",
        "for queue in reversed(capability.waiting):",
        "for queue in capability.waiting:",
    ),
    at="flood",
    expects=("order",),
)
