"""The synchronous client over the wire protocol: one thread, no background thread, a straight path."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from hive.clients.asker import Asker, never_reached, not_yet, unanswered
from hive.clients.request import Wish
from hive.clients.result import Result, Task, failed_result
from hive.clients.session import Greeting, Observer, Session
from hive.clock import Clock, SystemClock
from hive.core.client_events import Answer, Ask
from hive.errors import HiveError
from hive.ids import TaskId, parse_task_id
from hive.transport.base import Connection, Poller, Transport

_NAP_US: Final = 250_000
"""Longest single wait; a safety net, every event ends it earlier."""
_FIRST_LOOK_US: Final = 5_000


class DirectPort(Observer):
    """Talks to a conductor over `transport`. Calls of several threads are served one after another."""

    def __init__(
        self,
        transport: Transport,
        endpoint: str,
        greeting: Greeting,
        connect_timeout_s: float,
        clock: Clock | None = None,
    ) -> None:
        """Connect at the first call."""
        self._clock = clock or SystemClock()
        self._transport = transport
        self._poller: Poller = transport.poller()
        self._session = Session(transport, [endpoint], greeting, self._clock, self)
        self._asker = Asker(self._session, self._clock)
        self._endpoint = endpoint
        self._connect_timeout_us = int(connect_timeout_s * 1e6)
        self._done: dict[int, Answer] = {}
        self._lock = threading.RLock()
        self._started = False
        self._reached = False

    def run(self, wish: Wish) -> Result:
        """Submit and wait for the outcome."""
        with self._lock:
            self._prepare(wish)
            return self._result(self._call(self._asker.submit(wish, wait=True)))

    def submit(self, wish: Wish) -> Task:
        """Submit and wait for the receipt only."""
        with self._lock:
            self._prepare(wish)
            return self._asker.receipt(self._call(self._asker.submit(wish, wait=False)))

    def deliver(self, wish: Wish, task: TaskId, timeout_s: float) -> Task:
        """Submit under this id, once, and wait for the receipt for so long."""
        with self._lock:
            until_us = self._clock.now_us() + int(timeout_s * 1e6)
            self._connect()
            late = unanswered(self._endpoint, timeout_s)
            while not self._session.up:
                if self._clock.now_us() >= until_us:
                    raise self._session.error or late
                if not self._session.pump():
                    self._nap(until_us)
            self._prepare(wish)
            return self._asker.receipt(self._call(self._asker.delivery(wish, task), until_us, late))

    def result(self, task: Task | str, timeout_s: float | None) -> Result:
        """Wait for a task's outcome."""
        with self._lock:
            self._connect()
            answer = self._call(self._asker.watch(task, timeout_s))
            if isinstance(answer, HiveError) and answer.code == "expired":
                raise not_yet(task, timeout_s)
            return self._result(answer)

    def task(self, task: Task | str) -> Result:
        """Return where a task stands."""
        with self._lock:
            self._connect()
            return self._result(self._call(self._asker.query("task", task=task)))

    def cancel(self, task: Task | str) -> Result:
        """Cancel a task and return its outcome, whatever that is by now."""
        with self._lock:
            self._connect()
            return self._result(self._call(self._asker.cancel(task)))

    def run_all(self, wishes: Iterable[Wish], concurrency: int) -> Iterator[tuple[int, Result]]:
        """Keep `concurrency` tasks in flight; yield (position, result) as outcomes come. Failures are results too."""
        with self._lock:
            source = enumerate(wishes)
            open_: dict[int, tuple[int, str]] = {}
            exhausted = False
            while open_ or not exhausted:
                while not exhausted and len(open_) < concurrency:
                    position, wish = next(source, (-1, None))
                    if wish is None:
                        exhausted = True
                        break
                    try:
                        self._prepare(wish)
                        ask = self._asker.submit(wish, wait=True)
                        self._session.ask(ask)
                    except HiveError as error:
                        if not self._reached:
                            raise
                        yield position, failed_result("", error)
                        continue
                    open_[ask.request.header.attempt] = (position, ask.request.header.task.hex())
                for number in [n for n in open_ if n in self._done] if self._done else ():
                    position, ident = open_.pop(number)
                    yield position, self._outcome(ident, self._done.pop(number))
                if open_ and (exhausted or len(open_) >= concurrency) and not self._session.pump():
                    self._nap()

    def explain(self, wish: Wish) -> object:
        """Return what would become of a task."""
        with self._lock:
            self._prepare(wish)
            return self._asker.reply(self._call(self._asker.explain(wish)))

    def retry(self, task: Task | str, deadline_ms: int) -> Task:
        """Try a task again and return the handle of the one that does."""
        with self._lock:
            self._connect()
            return self._asker.receipt(self._call(self._asker.retry(task, deadline_ms)))

    def query(self, what: str, args: Mapping[str, object] | None = None) -> object:
        """Return the answer to a question about the mesh."""
        with self._lock:
            self._connect()
            return self._asker.reply(self._call(self._asker.query(what, args)))

    def close(self) -> None:
        """Close the connection and the transport. Safe to call twice."""
        with self._lock:
            if self._started:
                self._started = False
                self._session.stop(HiveError("unreachable", "The client was closed."))
            self._transport.close()

    def connected(self, connection: Connection) -> None:
        """Wait for the new connection too."""
        self._poller.add(connection)

    def disconnected(self, connection: Connection) -> None:
        """Stop waiting for the old connection."""
        self._poller.remove(connection)

    def finished(self, number: int, answer: Answer) -> None:
        """Keep an answer for whoever waits for it."""
        self._done[number] = answer

    def _prepare(self, wish: Wish) -> None:
        """Have a session, and know what the wish's capability takes; it may also be one that is yet to come."""
        if not self._session.up:
            self._connect()
        if not self._asker.knows(wish):
            self._asker.learn(self._call(self._asker.query("capabilities")))

    def _connect(self) -> None:
        """Get the first session. Later ones are awaited by each request, for as long as its deadline lasts."""
        if not self._started:
            self._session.start()
            self._started = True
        until_us = self._clock.now_us() + self._connect_timeout_us
        while not self._reached:
            if not self._session.pump():
                self._nap(until_us)
            self._reached = self._session.up
            error = self._session.error
            refused = error is not None and error.code != "unreachable"
            if not self._reached and (refused or self._clock.now_us() >= until_us):
                raise never_reached(self._endpoint, error)

    def _call(self, ask: Ask, until_us: int = -1, late: HiveError | None = None) -> Answer:
        """Return the answer to a request; raise `late` if there is none at `until_us`."""
        number = ask.request.header.attempt
        self._session.ask(ask)
        done = self._done
        try:
            self._poller.wait(_FIRST_LOOK_US)  # most answers come at once, and no timer minds so short a wait
            self._session.pump()
            while number not in done:
                self._nap(until_us)
                self._session.pump()
                self._in_time(until_us, late)
            return done.pop(number)
        except BaseException:
            self._session.withdraw(number)  # Ctrl-C: nobody waits for it any more
            raise

    def _in_time(self, until_us: int, late: HiveError | None) -> None:
        if late is not None and self._clock.now_us() >= until_us:
            raise late

    def _nap(self, until_us: int = -1) -> None:
        now_us = self._clock.now_us()
        due = [instant for instant in (self._session.next_us(), until_us) if instant >= 0]
        self._poller.wait(max(0, min(_NAP_US, min(due) - now_us)) if due else _NAP_US)

    def _result(self, answer: Answer) -> Result:
        try:
            return self._asker.result(answer)
        except HiveError as error:
            if error is answer or error.code != "type_unknown":
                raise
        self._asker.learn(self._call(self._asker.query("capabilities")))  # a type that a manifest added since
        return self._asker.result(answer)

    def _outcome(self, ident: str, answer: Answer) -> Result:
        try:
            return self._result(answer)
        except HiveError as error:
            return failed_result(ident, error)


def check_task_id(task: Task | str) -> str:
    """Return the id as text; raise HiveError(bad_request) unless it is one."""
    return parse_task_id(task.id if isinstance(task, Task) else task).hex()
