"""The client that waits: `Client`, with the same methods for every kind of address."""

# ruff: noqa: A002 - `input` is the API's own name for what a task works on
from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

from hive.clients.many import bar
from hive.clients.options import MapOptions, Options
from hive.clients.ports import CONNECT_TIMEOUT_S, has_outbox, keeping, kept_in, sync_port
from hive.clients.request import DEFAULT_DEADLINE_MS, Wish, page_of
from hive.clients.result import Result, Task
from hive.clients.session import Greeting
from hive.errors import HiveError

if TYPE_CHECKING:
    from hive.clients.courier import Delivery
    from hive.clients.outbox import Outbox
    from hive.transport.base import Transport

Rows = list[dict[str, Any]]


class Client:
    """Asks a mesh for things. Use it as a context manager, or call `close`.

    Calls of several threads on one `tcp://` client are served one after another; `map`, or a client per thread,
    keeps several tasks in flight. A connection that is lost is made again, and what was not answered is asked
    again under the same task id, for as long as each task's deadline lasts.
    """

    def __init__(
        self,
        url: str,
        principal: str = "local",
        token: str | None = None,
        mesh: str = "",
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        transport: Transport | None = None,
        outbox: Outbox | str | os.PathLike[str] | None = None,
    ) -> None:
        """Make a client for `url`; nothing is sent before the first call.

        `principal` is the name to go by where the mesh knows no tokens; with `token` the token decides. An empty
        `mesh` accepts whichever mesh answers. `connect_timeout_s` bounds the wait for the first connection.
        With `outbox` (a path, or an Outbox) every durable submission is put on this machine's disk first, and stays
        there until a mesh has accepted it. Raises HiveError: bad_request (an address of an unknown kind), and for the
        outbox outbox_invalid and state_unwritable.
        """
        greeting = Greeting("client", principal, mesh, token or "")
        kept = kept_in(outbox, principal, connect_timeout_s)
        port = sync_port(url, greeting, connect_timeout_s, transport)
        self._keeping = keeping(port, kept)
        self._port = self._keeping or port
        self.url = url

    def run(self, capability: str | None = None, input: object = None, **options: Unpack[Options]) -> Result:
        """Submit a task and wait for its outcome.

        `options`: `want` (a data type, instead of a capability), `inputs` and `input_type`, `labels`,
        `deadline_ms` (30,000), `priority` (0 to 9, default 5, 9 first), `min_confidence`, `idempotency_key`,
        `durable`, `hold`; `Wish` explains each. Returns the Result of every accepted task, failed ones too
        (`Result.check` raises their error). Raises HiveError when nothing was accepted or no outcome came:
        `forbidden`, `no_route`, `input_invalid`, `unreachable`...
        """
        return self._port.run(Wish(capability, input, **options))

    def submit(
        self,
        capability: str | None = None,
        input: object = None,
        *,
        expires_ms: int | None = None,
        **options: Unpack[Options],
    ) -> Task:
        """Submit a task and return its handle at once; arguments and errors as in `run`.

        With an outbox it is on the disk first; then what waits there is delivered, in order, for at most
        `connect_timeout_s`. Where that fails the handle's state is `kept`, and nothing is raised: a later call, `flush`
        or `hive outbox deliver` delivers it. `deadline_ms` counts from the delivery; `expires_ms` is how long it may
        wait before (for ever, if not given). Raises what the mesh refuses it for at once, and outbox_full,
        outbox_in_use, state_unwritable, key_conflict.
        """
        wish = Wish(capability, input, **options)
        if expires_ms is None:
            return self._port.submit(wish)
        return has_outbox(self._keeping).submit(wish, expires_ms)

    def flush(self, timeout_s: float | None = None) -> Delivery:
        """Deliver what the outbox keeps, in order, until nothing is left or `timeout_s` is over; say what came of it.

        Raises HiveError: bad_request (no outbox), outbox_in_use (another process delivers it), and what says that
        nothing can be delivered before somebody acts, such as unauthenticated.
        """
        return has_outbox(self._keeping).flush(timeout_s)

    @property
    def outbox(self) -> Outbox:
        """The outbox: `entries()`, `counts()`, `find(…)`, `drop(…)`. Raises HiveError(bad_request) without one."""
        return has_outbox(self._keeping).outbox

    def result(self, task: Task | str, timeout_s: float | None = None) -> Result:
        """Wait for a task's outcome. Raises HiveError: task_unknown, or expired after `timeout_s` seconds."""
        return self._port.result(task, timeout_s)

    def task(self, task: Task | str) -> Result:
        """Return where a task stands now. Raises HiveError(task_unknown)."""
        return self._port.task(task)

    def cancel(self, task: Task | str) -> Result:
        """Cancel a task; return its outcome, which is another one if it had ended. Raises HiveError(task_unknown)."""
        return self._port.cancel(task)

    def map(
        self,
        capability: str | None,
        inputs: Iterable[object],
        *,
        concurrency: int = 64,
        progress: bool = True,
        **options: Unpack[MapOptions],
    ) -> list[Result]:
        """Run one task per input, `concurrency` at a time, and return the results in the order of the inputs.

        A task that was refused or not answered is a Result with its error, so one bad input spoils nothing.
        `progress` shows a bar where stderr is a terminal. `options` are those of `run`.
        """
        if concurrency < 1:
            raise HiveError("bad_request", f"`concurrency` is {concurrency}: it must be at least 1.")
        wishes = (Wish(capability, value, **options) for value in inputs)
        total = len(inputs) if isinstance(inputs, Sequence) else None
        found: dict[int, Result] = {}
        with bar(capability or str(options.get("want")), total, show=progress) as advance:
            for position, result in self._port.run_all(wishes, concurrency):
                found[position] = result
                advance()
        return [found[position] for position in range(len(found))]

    def explain(
        self, capability: str | None = None, input: object = None, **options: Unpack[Options]
    ) -> dict[str, Any]:
        """Return what would become of a task, without running it: the plan, the candidates, or the refusal."""
        return cast("dict[str, Any]", self._port.explain(Wish(capability, input, **options)))

    def tasks(self, states: Sequence[str] = (), limit: int = 100, before: int = 0) -> Rows:
        """Return your tasks, the newest first: those in memory, and every durable one that the store still has.

        `states` are `open` or final ones (all if empty). `before` is the `cursor` of the last row of the page before.
        Raises HiveError(bad_request) for a state that there is not.
        """
        return cast("Rows", self._port.query("tasks", page_of(states, limit, before)))

    def retry(self, task: Task | str, deadline_ms: int = DEFAULT_DEADLINE_MS) -> Task:
        """Try a durable task again that failed or was set aside, as a new task; to retry twice is to retry once.

        Raises HiveError: task_unknown, not_retryable, and what `submit` raises.
        """
        return self._port.retry(task, deadline_ms)

    def nodes(self) -> Rows:
        """Return the nodes of the site."""
        return cast("Rows", self._port.query("nodes"))

    def capabilities(self) -> Rows:
        """Return what the mesh can do."""
        return cast("Rows", self._port.query("capabilities"))

    def sites(self) -> Rows:
        """Return the site that is asked, with its links to others: how each is and how many tasks wait for it."""
        return cast("Rows", self._port.query("sites"))

    def close(self) -> None:
        """Close the connection. Safe to call twice."""
        self._port.close()

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the client."""
        self.close()
