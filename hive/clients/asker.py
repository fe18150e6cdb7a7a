"""Turns what a caller wants into requests of the wire protocol, and answers into results; sends nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, cast

from hive.clients.request import DEFAULT_DEADLINE_MS, Catalog, Wish, submit_header, submit_of
from hive.clients.result import Result, Task, result_of, result_of_view, task_id_of
from hive.clients.session import Session
from hive.clock import Clock
from hive.core.client_events import NO_TIMEOUT_US, Answer, Ask
from hive.errors import HiveError
from hive.ids import NO_TASK, TaskId, task_id_for_retry
from hive.wire.messages import EMPTY, Cancel, Header, Outcome, Query, Receipt, Reply, Submit, Watch

QUERY_TIMEOUT_US: Final = 5_000_000


class Asker:
    """Builds the requests of one session and reads their answers."""

    def __init__(
        self, session: Session, clock: Clock, catalog: Catalog | None = None, *, patient: bool = True
    ) -> None:
        """Number requests by `session` and date them by `clock`.

        A `patient` caller's requests are repeated where a refusal says that this may help. A gateway is not
        one: it passes the refusal on, and states the `principal` on whose behalf it asks.
        """
        self._session = session
        self._clock = clock
        self._patient = patient
        self.catalog = catalog or Catalog()

    def knows(self, wish: Wish) -> bool:
        """Say whether the wish can be encoded without asking the conductor what its capability takes."""
        return (
            not wish.capability
            or wish.input_type is not None
            or self.catalog.inputs(wish.capability) is not None
        )

    def submit(self, wish: Wish, *, wait: bool, task: TaskId | None = None, principal: str = "") -> Ask:
        """Return the request that submits `wish`. Raises HiveError for a wish that cannot be sent."""
        wish.check()
        now_us = self._clock.now_us()
        session = self._session
        welcome = session.welcome
        encoded = self.catalog.encode(wish)
        limit = welcome.max_body_bytes if welcome else 0
        if limit and (size := sum(map(len, encoded[1]))) > limit:
            raise HiveError(
                "too_large", f"The input has {size} bytes; this mesh takes {limit}.", limit_bytes=limit
            )
        remaining_us = wish.deadline_ms * 1000
        header = submit_header(session.number(), task or wish.task_id(), remaining_us, now_us, wait=wait)
        ids = welcome.capabilities if welcome else {}
        request = submit_of(wish, encoded, header, session.labels, ids, principal)
        return Ask(request, now_us + remaining_us, self._patient, wish.capability or "")

    def delivery(self, wish: Wish, task: TaskId) -> Ask:
        """Return the request that submits what an outbox keeps; whoever delivers decides about repeating it."""
        return replace(self.submit(wish, wait=False, task=task), patient=False)

    def retry(
        self,
        task: Task | str,
        deadline_ms: int = DEFAULT_DEADLINE_MS,
        principal: str = "",
        *,
        wait: bool = False,
    ) -> Ask:
        """Return the request that tries a task again, with what it was given then."""
        old = task_id_of(task)
        now_us = self._clock.now_us()
        again = task_id_for_retry(old)
        header = submit_header(self._session.number(), again, deadline_ms * 1000, now_us, wait=wait)
        return Ask(
            Submit(header, principal=principal, retry_of=old), now_us + deadline_ms * 1000, self._patient
        )

    def watch(self, task: Task | str, timeout_s: float | None, principal: str = "") -> Ask:
        """Return the request for a task's outcome."""
        return Ask(Watch(self._header(task_id_of(task)), principal), self._until(timeout_s), self._patient)

    def cancel(self, task: Task | str, principal: str = "") -> Ask:
        """Return the request that cancels a task."""
        until_us = self._clock.now_us() + QUERY_TIMEOUT_US
        return Ask(Cancel(self._header(task_id_of(task)), principal), until_us, self._patient)

    def query(
        self,
        what: str,
        args: Mapping[str, object] | None = None,
        task: Task | str | None = None,
        principal: str = "",
    ) -> Ask:
        """Return a question about the mesh or about a task."""
        header = self._header(task_id_of(task) if task is not None else NO_TASK)
        query = Query(header, header.attempt, what, dict(args or {}), principal)
        return Ask(query, self._clock.now_us() + QUERY_TIMEOUT_US, self._patient)

    def explain(self, wish: Wish, principal: str = "") -> Ask:
        """Return the question what would become of `wish`; its input may be left out."""
        given = wish.inputs if wish.inputs is not None else {}
        have: list[tuple[str, str]] = []
        if given or wish.input is not None:
            have = [(name, kind) for name, kind, _ in self.catalog.encode(wish)[0]]
        elif wish.input_type is not None:
            stated = wish.input_type if isinstance(wish.input_type, Mapping) else {"input": wish.input_type}
            have = list(stated.items())
        args: dict[str, object] = {"capability": wish.capability or "", "want": wish.want or "", "have": have}
        header = self._header(NO_TASK)._replace(
            labels=self._session.labels.mask(wish.labels),
            priority=wish.priority,
            remaining_us=wish.deadline_ms * 1000,
        )
        query = Query(header, header.attempt, "explain", args, principal)
        return Ask(query, self._clock.now_us() + QUERY_TIMEOUT_US)

    def result(self, answer: Answer) -> Result:
        """Return the result that an answer carries. Raises the HiveError that it is."""
        if isinstance(answer, Outcome):
            return result_of(answer, self._session.labels, self.catalog.types)
        if isinstance(answer, Reply):
            return result_of_view(answer, self.catalog.types)
        raise _unexpected(answer)

    def receipt(self, answer: Answer) -> Task:
        """Return the handle of an accepted task. Raises the HiveError that a refusal is."""
        if isinstance(answer, Receipt | Outcome):
            return Task(answer.header.task.hex(), answer.state)
        raise _unexpected(answer)

    def reply(self, answer: Answer) -> object:
        """Return what a question was answered with. Raises the HiveError that a refusal is."""
        if isinstance(answer, Reply):
            return answer.result
        raise _unexpected(answer)

    def learn(self, answer: Answer) -> None:
        """Take in the answer to a QUERY `capabilities`."""
        self.catalog.learn(cast("Sequence[Mapping[str, object]]", self.reply(answer)))

    def _header(self, task: TaskId) -> Header:
        return EMPTY._replace(attempt=self._session.number(), task=task, sent_us=self._clock.now_us())

    def _until(self, timeout_s: float | None) -> int:
        return NO_TIMEOUT_US if timeout_s is None else self._clock.now_us() + int(timeout_s * 1e6)


def unanswered(endpoint: str, timeout_s: float) -> HiveError:
    """Return the error of a delivery that got no receipt in time: it may have been accepted all the same."""
    detail = f"{endpoint} has not acknowledged it within {timeout_s:.3g} s."
    return HiveError("unreachable", detail, endpoint=endpoint)


def never_reached(endpoint: str, error: HiveError | None) -> HiveError:
    """Return the error of a caller that never got a session: a refusal as it is, else what to do about silence."""
    if error is not None and error.code != "unreachable":
        return error
    detail = f"Nothing answers at {endpoint}. Start a mesh with `hive up CONFIG`, or check the address."
    return HiveError("unreachable", detail, endpoint=endpoint)


def not_yet(task: Task | str, timeout_s: float | None) -> HiveError:
    """Return the error of a caller whose patience ended before the task did."""
    ident = task.id if isinstance(task, Task) else task
    return HiveError("expired", f"Task {ident} has no outcome after {timeout_s} s; it goes on.", task=ident)


def _unexpected(answer: Answer) -> HiveError:
    if isinstance(answer, HiveError):
        return answer
    return HiveError("frame_malformed", f"{type(answer).__name__.upper()} does not answer this request.")
