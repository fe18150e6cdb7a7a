"""The clients over HTTP. Every submission names its task id, so that a repeated one is recognised."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

import httpx

from hive.clients.asker import not_yet
from hive.clients.direct import check_task_id
from hive.clients.many import run_threaded
from hive.clients.request import Wish
from hive.clients.rest import GRACE_S, PLAIN_TIMEOUT_S, POLL_S, Http, Repeat, handle_of, params_of
from hive.clients.result import Result, Task, result_of_json
from hive.errors import HiveError
from hive.ids import TaskId


class HttpPort(Http):
    """The synchronous client over HTTP. Safe for several threads."""

    def __init__(self, url: str, principal: str, token: str | None, connect_timeout_s: float) -> None:
        """Connect at the first call."""
        super().__init__(url, principal, token, connect_timeout_s)
        limits = httpx.Limits(max_connections=256, max_keepalive_connections=256)
        self._client = httpx.Client(base_url=self.url, headers=self.headers, limits=limits, trust_env=False)

    def run(self, wish: Wish) -> Result:
        """Submit and wait for the outcome."""
        return result_of_json(self._submit(wish, "/v1/tasks?wait=1"))

    def submit(self, wish: Wish) -> Task:
        """Submit and return the handle."""
        return handle_of(self._submit(wish, "/v1/tasks"))

    def deliver(self, wish: Wish, task: TaskId, timeout_s: float) -> Task:
        """Submit under this id, once, and wait for the receipt for so long."""
        return handle_of(self.ask("POST", "/v1/tasks", self.body(wish, task), timeout_s, again=False))

    def result(self, task: Task | str, timeout_s: float | None) -> Result:
        """Wait for a task's outcome, also through a restart of the gateway or its conductor."""
        repeat = Repeat(self.url, math.inf if timeout_s is None else timeout_s, reached=self.reached)
        while True:
            left_s = min(POLL_S, repeat.left_s())
            path = f"/v1/tasks/{check_task_id(task)}?wait_ms={int(left_s * 1000)}"
            try:
                raw = self.ask("GET", path, timeout_s=left_s, again=False)
            except HiveError as error:
                pause = repeat.pause_s(error)
                time.sleep(pause)
                continue
            result = result_of_json(cast("Mapping[str, object]", raw))
            if result.final:
                return result
            if repeat.left_s() <= 0:
                raise not_yet(task, timeout_s)

    def task(self, task: Task | str) -> Result:
        """Return where a task stands."""
        return result_of_json(
            cast("Mapping[str, object]", self.ask("GET", f"/v1/tasks/{check_task_id(task)}"))
        )

    def cancel(self, task: Task | str) -> Result:
        """Cancel a task and return its outcome, whatever that is by now."""
        return result_of_json(
            cast("Mapping[str, object]", self.ask("DELETE", f"/v1/tasks/{check_task_id(task)}"))
        )

    def run_all(self, wishes: Iterable[Wish], concurrency: int) -> Iterator[tuple[int, Result]]:
        """Yield (position, result) of each wish as it ends, each on a thread of its own."""
        return run_threaded(self, wishes, concurrency)

    def explain(self, wish: Wish) -> object:
        """Return what would become of a task."""
        return self.ask("POST", "/v1/explain", wish.as_json())

    def retry(self, task: Task | str, deadline_ms: int) -> Task:
        """Try a task again and return the handle of the one that does."""
        raw = self.ask("POST", f"/v1/tasks/{check_task_id(task)}/retry?deadline_ms={deadline_ms}")
        return handle_of(raw)

    def query(self, what: str, args: Mapping[str, object] | None = None) -> object:
        """Return the answer to a question about the mesh."""
        return self.ask("GET", f"/v1/{what}", params=args)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        timeout_s: float = PLAIN_TIMEOUT_S,
        params: Mapping[str, object] | None = None,
        *,
        again: bool = True,
    ) -> object:
        """Make one request and return its JSON; with `again`, for what may be asked twice, until time is up."""
        repeat = Repeat(self.url, timeout_s if again else 0.0, reached=self.reached)
        timeout = self.timeout(timeout_s + GRACE_S)
        while True:
            try:
                with self.guarded():
                    return self.read(
                        self._client.request(
                            method, path, json=body, timeout=timeout, params=params_of(params)
                        )
                    )
            except HiveError as error:
                pause = repeat.pause_s(error)
            time.sleep(pause)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _submit(self, wish: Wish, path: str) -> Mapping[str, object]:
        body = self.body(wish)
        repeat = Repeat(self.url, wish.deadline_ms / 1000, reached=self.reached)
        while True:
            try:
                with self.guarded():
                    timeout = self.timeout(repeat.left_s() + GRACE_S)
                    answer = self.read(self._client.post(path, json=body, timeout=timeout))
                return cast("Mapping[str, object]", answer)
            except HiveError as error:
                pause = repeat.pause_s(error)
            time.sleep(pause)
            body["deadline_ms"] = max(1, int(repeat.left_s() * 1000))


class AsyncHttpPort(Http):
    """The asynchronous client over HTTP."""

    def __init__(self, url: str, principal: str, token: str | None, connect_timeout_s: float) -> None:
        """Connect at the first call."""
        super().__init__(url, principal, token, connect_timeout_s)
        limits = httpx.Limits(max_connections=256, max_keepalive_connections=256)
        self._client = httpx.AsyncClient(
            base_url=self.url, headers=self.headers, limits=limits, trust_env=False
        )

    async def run(self, wish: Wish) -> Result:
        """Submit and wait for the outcome."""
        return result_of_json(await self._submit(wish, "/v1/tasks?wait=1"))

    async def submit(self, wish: Wish) -> Task:
        """Submit and return the handle."""
        return handle_of(await self._submit(wish, "/v1/tasks"))

    async def deliver(self, wish: Wish, task: TaskId, timeout_s: float) -> Task:
        """Submit under this id, once, and wait for the receipt for so long."""
        return handle_of(await self.ask("POST", "/v1/tasks", self.body(wish, task), timeout_s, again=False))

    async def result(self, task: Task | str, timeout_s: float | None) -> Result:
        """Wait for a task's outcome, also through a restart of the gateway or its conductor."""
        repeat = Repeat(self.url, math.inf if timeout_s is None else timeout_s, reached=self.reached)
        while True:
            left_s = min(POLL_S, repeat.left_s())
            path = f"/v1/tasks/{check_task_id(task)}?wait_ms={int(left_s * 1000)}"
            try:
                raw = await self.ask("GET", path, timeout_s=left_s, again=False)
            except HiveError as error:
                pause = repeat.pause_s(error)
                await asyncio.sleep(pause)
                continue
            result = result_of_json(cast("Mapping[str, object]", raw))
            if result.final:
                return result
            if repeat.left_s() <= 0:
                raise not_yet(task, timeout_s)

    async def task(self, task: Task | str) -> Result:
        """Return where a task stands."""
        return result_of_json(
            cast("Mapping[str, object]", await self.ask("GET", f"/v1/tasks/{check_task_id(task)}"))
        )

    async def cancel(self, task: Task | str) -> Result:
        """Cancel a task and return its outcome, whatever that is by now."""
        raw = await self.ask("DELETE", f"/v1/tasks/{check_task_id(task)}")
        return result_of_json(cast("Mapping[str, object]", raw))

    async def explain(self, wish: Wish) -> object:
        """Return what would become of a task."""
        return await self.ask("POST", "/v1/explain", wish.as_json())

    async def retry(self, task: Task | str, deadline_ms: int) -> Task:
        """Try a task again and return the handle of the one that does."""
        raw = await self.ask("POST", f"/v1/tasks/{check_task_id(task)}/retry?deadline_ms={deadline_ms}")
        return handle_of(raw)

    async def query(self, what: str, args: Mapping[str, object] | None = None) -> object:
        """Return the answer to a question about the mesh."""
        return await self.ask("GET", f"/v1/{what}", params=args)

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        timeout_s: float = PLAIN_TIMEOUT_S,
        params: Mapping[str, object] | None = None,
        *,
        again: bool = True,
    ) -> object:
        """Make one request and return its JSON; with `again`, for what may be asked twice, until time is up."""
        repeat = Repeat(self.url, timeout_s if again else 0.0, reached=self.reached)
        timeout = self.timeout(timeout_s + GRACE_S)
        while True:
            try:
                with self.guarded():
                    return self.read(
                        await self._client.request(
                            method, path, json=body, timeout=timeout, params=params_of(params)
                        )
                    )
            except HiveError as error:
                pause = repeat.pause_s(error)
            await asyncio.sleep(pause)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _submit(self, wish: Wish, path: str) -> Mapping[str, object]:
        body = self.body(wish)
        repeat = Repeat(self.url, wish.deadline_ms / 1000, reached=self.reached)
        while True:
            try:
                with self.guarded():
                    timeout = self.timeout(repeat.left_s() + GRACE_S)
                    answer = self.read(await self._client.post(path, json=body, timeout=timeout))
                return cast("Mapping[str, object]", answer)
            except HiveError as error:
                pause = repeat.pause_s(error)
            await asyncio.sleep(pause)
            body["deadline_ms"] = max(1, int(repeat.left_s() * 1000))
