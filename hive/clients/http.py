"""The clients over HTTP. Every submission names its task id, so that a repeated one is recognised."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, cast

import httpx

from hive.clients.asker import never_reached, not_yet
from hive.clients.direct import check_task_id
from hive.clients.many import run_threaded
from hive.clients.request import Wish
from hive.clients.result import Result, Task, result_of_json
from hive.errors import HiveError, error_of

_GRACE_S: Final = 2.0
_PLAIN_TIMEOUT_S: Final = 10.0
_RETRY_S: Final = 0.1
_POLL_S: Final = 10.0
_FAILED: Final = 400
_WORTH_REPEATING: Final = frozenset({"queue_full", "planning_unavailable", "draining", "quota_exceeded"})


class _Repeat:
    """Decides whether a request whose submission failed is sent again, and when. No I/O."""

    def __init__(self, url: str, deadline_s: float, *, reached: bool) -> None:
        self._url = url
        self._until = time.monotonic() + deadline_s
        self._reached = reached

    def left_s(self) -> float:
        """Return the time that the caller still has, in seconds."""
        return max(0.0, self._until - time.monotonic())

    def pause_s(self, error: HiveError) -> float:
        """Return the pause before the next try; raise `error` if there shall be none."""
        if error.code == "unreachable":
            if not self._reached:
                raise never_reached(self._url, error)
            pause = _RETRY_S
        elif error.code in _WORTH_REPEATING:
            wanted = error.context.get("retry_after_ms")
            pause = wanted / 1000 if isinstance(wanted, int | float) else _RETRY_S
        else:
            raise error
        if pause >= self.left_s():
            raise error
        return pause


class _Http:
    """What both clients share: headers, bodies, and how an answer is read."""

    def __init__(self, url: str, principal: str, token: str | None, connect_timeout_s: float) -> None:
        self.url = url.rstrip("/")
        self.headers = {"X-Hive-Principal": principal}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"
        self.connect_timeout_s = connect_timeout_s
        self.reached = False

    def timeout(self, seconds: float) -> httpx.Timeout:
        return httpx.Timeout(seconds, connect=min(seconds, self.connect_timeout_s))

    def body(self, wish: Wish) -> dict[str, object]:
        wish.check()
        body = wish.as_json()
        if not wish.idempotency_key:  # a key decides the id by itself
            body["id"] = wish.task_id().hex()
        return body

    def read(self, response: httpx.Response) -> object:
        """Return the JSON of an answer. A problem that is not a task's outcome is raised as its HiveError."""
        self.reached = True
        try:
            value = response.json()
        except ValueError:
            detail = f"{self.url} answered {response.status_code} with something that is not JSON: is this a gateway?"
            raise HiveError("unreachable", detail, endpoint=self.url) from None
        if response.status_code < _FAILED or (isinstance(value, dict) and "state" in value and "id" in value):
            return value
        problem = value if isinstance(value, dict) else {}
        context = {k: v for k, v in problem.items() if k not in _PROBLEM_FIELDS}
        raise error_of(
            str(problem.get("code", "internal")), str(problem.get("detail", response.reason_phrase)), context
        )

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn what the HTTP library raises into errors of the catalogue."""
        try:
            yield
        except httpx.TimeoutException:
            raise HiveError("unreachable", f"{self.url} did not answer in time.", endpoint=self.url) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise HiveError(
                "unreachable", f"{self.url} cannot be reached: {error}.", endpoint=self.url
            ) from None

    def never(self, error: HiveError) -> HiveError:
        return error if self.reached or error.code != "unreachable" else never_reached(self.url, error)


def _handle(raw: object) -> Task:
    receipt = cast("Mapping[str, object]", raw)
    return Task(str(receipt["id"]), str(receipt["state"]))


def _params(args: Mapping[str, object] | None) -> dict[str, str] | None:
    """Return arguments as a query string takes them: lists as names with commas between."""
    if not args:
        return None
    return {
        name: ",".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in args.items()
    }


_PROBLEM_FIELDS: Final = frozenset({"type", "title", "status", "detail", "code", "instance"})


class HttpPort(_Http):
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
        return _handle(self._submit(wish, "/v1/tasks"))

    def result(self, task: Task | str, timeout_s: float | None) -> Result:
        """Wait for a task's outcome."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left_s = _POLL_S if until is None else max(0.0, min(_POLL_S, until - time.monotonic()))
            raw = self.ask(
                "GET", f"/v1/tasks/{check_task_id(task)}?wait_ms={int(left_s * 1000)}", timeout_s=left_s
            )
            result = result_of_json(cast("Mapping[str, object]", raw))
            if result.final:
                return result
            if until is not None and time.monotonic() >= until:
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
        return _handle(raw)

    def query(self, what: str, args: Mapping[str, object] | None = None) -> object:
        """Return the answer to a question about the mesh."""
        return self.ask("GET", f"/v1/{what}", params=args)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        timeout_s: float = _PLAIN_TIMEOUT_S,
        params: Mapping[str, object] | None = None,
    ) -> object:
        """Make one request and return its JSON."""
        try:
            with self.guarded():
                timeout = self.timeout(timeout_s + _GRACE_S)
                return self.read(
                    self._client.request(method, path, json=body, timeout=timeout, params=_params(params))
                )
        except HiveError as error:
            raise self.never(error) from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _submit(self, wish: Wish, path: str) -> Mapping[str, object]:
        body = self.body(wish)
        repeat = _Repeat(self.url, wish.deadline_ms / 1000, reached=self.reached)
        while True:
            try:
                with self.guarded():
                    timeout = self.timeout(repeat.left_s() + _GRACE_S)
                    answer = self.read(self._client.post(path, json=body, timeout=timeout))
                return cast("Mapping[str, object]", answer)
            except HiveError as error:
                pause = repeat.pause_s(error)
            time.sleep(pause)
            body["deadline_ms"] = max(1, int(repeat.left_s() * 1000))


class AsyncHttpPort(_Http):
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
        return _handle(await self._submit(wish, "/v1/tasks"))

    async def result(self, task: Task | str, timeout_s: float | None) -> Result:
        """Wait for a task's outcome."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left_s = _POLL_S if until is None else max(0.0, min(_POLL_S, until - time.monotonic()))
            path = f"/v1/tasks/{check_task_id(task)}?wait_ms={int(left_s * 1000)}"
            result = result_of_json(
                cast("Mapping[str, object]", await self.ask("GET", path, timeout_s=left_s))
            )
            if result.final:
                return result
            if until is not None and time.monotonic() >= until:
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
        return _handle(raw)

    async def query(self, what: str, args: Mapping[str, object] | None = None) -> object:
        """Return the answer to a question about the mesh."""
        return await self.ask("GET", f"/v1/{what}", params=args)

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        timeout_s: float = _PLAIN_TIMEOUT_S,
        params: Mapping[str, object] | None = None,
    ) -> object:
        """Make one request and return its JSON."""
        try:
            with self.guarded():
                timeout = self.timeout(timeout_s + _GRACE_S)
                return self.read(
                    await self._client.request(
                        method, path, json=body, timeout=timeout, params=_params(params)
                    )
                )
        except HiveError as error:
            raise self.never(error) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _submit(self, wish: Wish, path: str) -> Mapping[str, object]:
        body = self.body(wish)
        repeat = _Repeat(self.url, wish.deadline_ms / 1000, reached=self.reached)
        while True:
            try:
                with self.guarded():
                    timeout = self.timeout(repeat.left_s() + _GRACE_S)
                    answer = self.read(await self._client.post(path, json=body, timeout=timeout))
                return cast("Mapping[str, object]", answer)
            except HiveError as error:
                pause = repeat.pause_s(error)
            await asyncio.sleep(pause)
            body["deadline_ms"] = max(1, int(repeat.left_s() * 1000))
