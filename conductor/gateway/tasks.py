"""Tasks over HTTP: submit, wait, read, cancel, many at once, and what happens to one as a stream of events."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from conductor.gateway.backend import Backend, CallerLeftError
from conductor.gateway.callers import Callers
from conductor.gateway.events import stream_of
from conductor.gateway.problems import dump, failed_outcome, problem_of
from conductor.gateway.schemas import Problem, ResultOut, TaskIn, TaskOut, TaskRow, parse, parse_json
from conductor.gateway.settings import GatewaySettings
from hive.clients.request import DEFAULT_DEADLINE_MS, MAX_DEADLINE_MS, page_of
from hive.errors import HiveError
from hive.ids import parse_task_id

_JSON: Final = "application/json"
_TRACEPARENT: Final = "traceparent"
_LEFT: Final = 499  # nobody reads it; the log's word for a caller that closed its connection
_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"model": Problem, "description": "Refused; `code` says why."},
    "5XX": {"model": Problem, "description": "The mesh could not; `code` says why."},
}
TaskId = Annotated[str, Path(description="The task's id: 32 hexadecimal digits.")]
_WAITS: Final = {b"": False, b"wait=1": True, b"wait=0": False, b"wait=true": True, b"wait=false": False}
_WAIT: Final[dict[str, Any]] = {
    "name": "wait",
    "in": "query",
    "description": "Hold the answer until the outcome.",
    "schema": {"type": "boolean", "default": False},
}


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what FastAPI cannot see of a request that is read by hand, in one pass over its body."""
    return {"requestBody": {"required": True, "content": {_JSON: {"schema": schema}}}, "parameters": [_WAIT]}


class TaskRoutes:
    """What is served under /v1/tasks."""

    def __init__(self, backend: Backend, callers: Callers, settings: GatewaySettings) -> None:
        """Serve by `backend`, for `callers`."""
        self._backend = backend
        self._callers = callers
        self._settings = settings

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(tags=["tasks"], responses=_PROBLEMS)
        schema = TaskIn.model_json_schema()
        many = {"type": "array", "items": schema, "maxItems": self._settings.max_batch}
        result: dict[int | str, dict[str, Any]] = {200: {"model": ResultOut}}
        receipt: dict[int | str, dict[str, Any]] = {202: {"model": TaskOut}}
        answers: dict[int | str, dict[str, Any]] = {200: {"model": list[ResultOut | TaskOut | Problem]}}
        stream: dict[int | str, dict[str, Any]] = {
            200: {"content": {"text/event-stream": {}}, "description": "Events."}
        }
        add = partial(router.add_api_route, response_model=None)
        add(
            "/v1/tasks", self.submit, methods=["POST"], summary="Submit a task", status_code=202,
            responses={**result, **receipt}, openapi_extra=_described(schema),
        )  # fmt: skip
        add(
            "/v1/tasks:batch", self.submit_batch, methods=["POST"], summary="Submit many tasks",
            responses=answers, openapi_extra=_described(many),
        )  # fmt: skip
        add(
            "/v1/tasks", self.page, methods=["GET"], summary="List your tasks",
            responses={200: {"model": list[TaskRow]}},
        )  # fmt: skip
        one = "/v1/tasks/{task}"
        add(one, self.read, methods=["GET"], summary="Read a task", responses=result)
        add(one, self.cancel, methods=["DELETE"], summary="Cancel a task", responses=result)
        add(
            f"{one}/retry", self.retry, methods=["POST"], summary="Try a task again", status_code=202,
            responses=receipt,
        )  # fmt: skip
        add(f"{one}/events", self.events, methods=["GET"], summary="Follow a task", responses=stream)
        return router

    async def submit(self, request: Request) -> Response:
        """Answer 202 with the task's id, or with `?wait=1` its outcome.

        An outcome other than `done` has the status of its error, and is a problem document that holds the
        outcome's members too. A caller that closes its connection stops to wait; its task goes on.
        """
        wait = _wait(request)
        principal = self._callers.principal(request)
        task = parse(TaskIn, parse_json(await self._callers.body(request)))
        wish = task.wish(request.headers.get(_TRACEPARENT))
        if not wait:
            receipt = await self._backend.submit(wish, task.id, principal)
            location = {"Location": f"/v1/tasks/{receipt.id}"}
            return Response(dump(receipt.as_json()), 202, location, _JSON)
        try:
            result = await self._backend.run(wish, task.id, principal, request)
        except CallerLeftError:
            return Response(status_code=_LEFT)
        if result.ok:
            return Response(dump(result.as_json()), 200, None, _JSON)
        return failed_outcome(result, f"/v1/tasks/{result.id}")

    async def submit_batch(self, request: Request) -> Response:
        """Answer a list with one entry per task, in the same order: its receipt or outcome, or its problem.

        The status is 200 whatever the entries are: one bad task spoils no other.
        """
        wait = _wait(request)
        principal = self._callers.principal(request)
        items = parse_json(await self._callers.body(request))
        if not isinstance(items, list) or not 0 < len(items) <= self._settings.max_batch:
            raise HiveError(
                "bad_request", f"The body must be a JSON array of 1 to {self._settings.max_batch} tasks."
            )
        one = partial(_one, self._backend, principal, request.headers.get(_TRACEPARENT), wait=wait)
        answers = [one(item, position) for position, item in enumerate(items)]
        return Response(dump(await asyncio.gather(*answers)), 200, None, _JSON)

    async def read(
        self,
        request: Request,
        task: TaskId,
        wait_ms: Annotated[int, Query(ge=0, description="Hold on this long for the outcome.")] = 0,
    ) -> Response:
        """Answer where the task stands. Only its own principal finds it."""
        principal = self._callers.principal(request)
        try:
            result = await self._backend.read(
                _id(task), principal, min(wait_ms, self._settings.max_wait_ms), request
            )
        except CallerLeftError:
            return Response(status_code=_LEFT)
        return Response(dump(result.as_json()), 200, None, _JSON)

    async def page(
        self,
        request: Request,
        states: Annotated[
            str, Query(description="Only these, with commas between: `open`, `failed`, …")
        ] = "",
        limit: Annotated[int, Query(ge=1, le=1000, description="Rows of one page.")] = 100,
        before: Annotated[
            int, Query(description="The `cursor` of the last row of the page before; 0 for the first.")
        ] = 0,
    ) -> Response:
        """Answer with your tasks, the newest first: those in memory, and every durable one that the store has."""
        args = page_of([state for state in states.split(",") if state], limit, before)
        rows = await self._backend.query("tasks", self._callers.principal(request), args)
        return Response(dump(rows), 200, None, _JSON)

    async def retry(
        self,
        request: Request,
        task: TaskId,
        deadline_ms: Annotated[
            int, Query(ge=1, le=MAX_DEADLINE_MS, description="How long it may take, from now.")
        ] = DEFAULT_DEADLINE_MS,
    ) -> Response:
        """Try a durable task again that failed or was set aside, as a new task; a repeated retry is the same one."""
        receipt = await self._backend.retry(_id(task), self._callers.principal(request), deadline_ms)
        return Response(dump(receipt.as_json()), 202, {"Location": f"/v1/tasks/{receipt.id}"}, _JSON)

    async def cancel(self, request: Request, task: TaskId) -> Response:
        """Answer the task's outcome: `cancelled`, or what it had come to before."""
        result = await self._backend.cancel(_id(task), self._callers.principal(request))
        return Response(dump(result.as_json()), 200, None, _JSON)

    async def events(self, request: Request, task: TaskId) -> Response:
        """Stream what happens to the task, beginning with where it stands, as server-sent events.

        The last event is `outcome` and holds what reading the task answers. A reader that comes back with
        `Last-Event-ID` goes on counting there; what it missed is in the outcome's provenance.
        """
        stream = self._backend.watch(_id(task), self._callers.principal(request))
        first = await anext(stream)  # a task that is unknown is a problem, not a stream
        number = request.headers.get("last-event-id", "0")
        start = int(number) + 1 if number.isdecimal() and len(number) < len("1000000000") else 1
        body = stream_of(first, stream, start, self._settings.keep_alive_s, self._backend.draining)
        return StreamingResponse(body, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _one(
    backend: Backend, principal: str, traceparent: str | None, item: object, position: int, *, wait: bool
) -> object:
    """Return the JSON of one task of a batch."""
    try:
        task = parse(TaskIn, item)
        wish = task.wish(traceparent)
        if wait:
            return (await backend.run(wish, task.id, principal, None)).as_json()
        return (await backend.submit(wish, task.id, principal)).as_json()
    except HiveError as error:
        return problem_of(error, f"/v1/tasks:batch#{position}")


def _wait(request: Request) -> bool:
    """Return what `?wait=` says. Raises HiveError(bad_request) for anything that is not a yes or a no."""
    wait = _WAITS.get(request.scope["query_string"])
    if wait is None:
        query = request.query_params
        wait = _WAITS.get(f"wait={query['wait']}".lower().encode()) if "wait" in query else False
    if wait is None:
        raise HiveError("bad_request", f"`wait` is {request.query_params['wait']!r}: write 1 or 0.")
    return wait


def _id(text: str) -> str:
    return parse_task_id(text).hex()
