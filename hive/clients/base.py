"""What a way of asking a mesh must be able to do: over the wire protocol or over HTTP, waiting or asynchronous."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from hive.clients.request import Wish
from hive.clients.result import Result, Task
from hive.ids import TaskId


class SyncPort(Protocol):
    """What a synchronous port can do."""

    def run(self, wish: Wish) -> Result:
        """Submit and wait for the outcome."""
        ...

    def submit(self, wish: Wish) -> Task:
        """Submit and wait for the receipt only."""
        ...

    def deliver(self, wish: Wish, task: TaskId, timeout_s: float) -> Task:
        """Submit once, under this id, and wait so long for the receipt. Raises HiveError(unreachable) without one."""
        ...

    def result(self, task: Task | str, timeout_s: float | None) -> Result:
        """Wait for a task's outcome."""
        ...

    def task(self, task: Task | str) -> Result:
        """Return where a task stands."""
        ...

    def cancel(self, task: Task | str) -> Result:
        """Cancel a task and return its outcome."""
        ...

    def explain(self, wish: Wish) -> object:
        """Return what would become of a task."""
        ...

    def retry(self, task: Task | str, deadline_ms: int) -> Task:
        """Try a task again and return the handle of the one that does."""
        ...

    def query(self, what: str, args: Mapping[str, object] | None = None) -> object:
        """Return the answer to a question about the mesh."""
        ...

    def run_all(self, wishes: Iterable[Wish], concurrency: int) -> Iterator[tuple[int, Result]]:
        """Yield (position, result) of each wish as it ends."""
        ...

    def close(self) -> None:
        """Release everything."""
        ...


class AsyncPort(Protocol):
    """What an asynchronous port can do."""

    async def run(self, wish: Wish) -> Result:
        """Submit and wait for the outcome."""
        ...

    async def submit(self, wish: Wish) -> Task:
        """Submit and wait for the receipt only."""
        ...

    async def deliver(self, wish: Wish, task: TaskId, timeout_s: float) -> Task:
        """Submit once, under this id, and wait so long for the receipt. Raises HiveError(unreachable) without one."""
        ...

    async def result(self, task: Task | str, timeout_s: float | None) -> Result:
        """Wait for a task's outcome."""
        ...

    async def task(self, task: Task | str) -> Result:
        """Return where a task stands."""
        ...

    async def cancel(self, task: Task | str) -> Result:
        """Cancel a task and return its outcome."""
        ...

    async def explain(self, wish: Wish) -> object:
        """Return what would become of a task."""
        ...

    async def retry(self, task: Task | str, deadline_ms: int) -> Task:
        """Try a task again and return the handle of the one that does."""
        ...

    async def query(self, what: str, args: Mapping[str, object] | None = None) -> object:
        """Return the answer to a question about the mesh."""
        ...

    async def close(self) -> None:
        """Release everything."""
        ...
