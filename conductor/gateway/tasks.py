"""Tasks over HTTP: submit, wait, read, cancel, many at once, and what happens to one as a stream of events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from conductor.gateway.backend import Backend, CallerLeftError
from conductor.gateway.callers import Callers
from conductor.gateway.problems import dump, failed_outcome, problem_of
from conductor.gateway.schemas import Problem, ResultOut, TaskIn, TaskOut, parse, parse_json
from conductor.gateway.settings import GatewaySettings
from hive.clients.result import Result
from hive.errors import HiveError
from hive.ids import parse_task_id
from hive.wire.messages import Event

_JSON: Final = "application/json"
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


def task_routes(backend: Backend, callers: Callers, settings: GatewaySettings) -> APIRouter:
    """Return the routes under /v1/tasks."""
    router = APIRouter(tags=["tasks"], responses=_PROBLEMS)
    schema = TaskIn.model_json_schema()

    @router.post(
        "/v1/tasks",
        summary="Submit a task",
        status_code=202,
        response_model=None,
        responses={200: {"model": ResultOut, "description": "With `wait`: done."}, 202: {"model": TaskOut}},
        openapi_extra=_described(schema),
    )
    async def submit(request: Request) -> Response:
        """Answer 202 with the task's id, or with `?wait=1` its outcome.

        An outcome other than `done` has the status of its error, and is a problem document that holds the
        outcome's members too. A caller that closes its connection stops to wait; its task goes on.
        """
        wait = _wait(request)
        principal = callers.principal(request)
        task = parse(TaskIn, parse_json(await callers.body(request)))
        if not wait:
            receipt = await backend.submit(task.wish(), task.id, principal)
            location = {"Location": f"/v1/tasks/{receipt.id}"}
            return Response(dump(receipt.as_json()), 202, location, _JSON)
        try:
            result = await backend.run(task.wish(), task.id, principal, request)
        except CallerLeftError:
            return Response(status_code=_LEFT)
        if result.ok:
            return Response(dump(result.as_json()), 200, None, _JSON)
        return failed_outcome(result, f"/v1/tasks/{result.id}")

    @router.post(
        "/v1/tasks:batch",
        summary="Submit many tasks",
        response_model=None,
        responses={200: {"model": list[ResultOut | TaskOut | Problem]}},
        openapi_extra=_described({"type": "array", "items": schema, "maxItems": settings.max_batch}),
    )
    async def submit_batch(request: Request) -> Response:
        """Answer a list with one entry per task, in the same order: its receipt or outcome, or its problem.

        The status is 200 whatever the entries are: one bad task spoils no other.
        """
        wait = _wait(request)
        principal = callers.principal(request)
        items = parse_json(await callers.body(request))
        if not isinstance(items, list) or not 0 < len(items) <= settings.max_batch:
            raise HiveError(
                "bad_request", f"The body must be a JSON array of 1 to {settings.max_batch} tasks."
            )
        answers = [_one(backend, item, principal, position, wait=wait) for position, item in enumerate(items)]
        return Response(dump(await asyncio.gather(*answers)), 200, None, _JSON)

    @router.get(
        "/v1/tasks/{task}", summary="Read a task", response_model=None, responses={200: {"model": ResultOut}}
    )
    async def read(
        request: Request,
        task: TaskId,
        wait_ms: Annotated[int, Query(ge=0, description="Hold on this long for the outcome.")] = 0,
    ) -> Response:
        """Answer where the task stands. Only its own principal finds it."""
        principal = callers.principal(request)
        try:
            result = await backend.read(_id(task), principal, min(wait_ms, settings.max_wait_ms), request)
        except CallerLeftError:
            return Response(status_code=_LEFT)
        return Response(dump(result.as_json()), 200, None, _JSON)

    @router.delete(
        "/v1/tasks/{task}",
        summary="Cancel a task",
        response_model=None,
        responses={200: {"model": ResultOut}},
    )
    async def cancel(request: Request, task: TaskId) -> Response:
        """Answer the task's outcome: `cancelled`, or what it had come to before."""
        result = await backend.cancel(_id(task), callers.principal(request))
        return Response(dump(result.as_json()), 200, None, _JSON)

    @router.get(
        "/v1/tasks/{task}/events",
        summary="Follow a task",
        response_model=None,
        responses={
            200: {"content": {"text/event-stream": {}}, "description": "Ends with an `outcome` event."}
        },
    )
    async def events(request: Request, task: TaskId) -> Response:
        """Stream what happens to the task, beginning with where it stands, as server-sent events.

        The last event is `outcome` and holds what reading the task answers. A reader that comes back with
        `Last-Event-ID` goes on counting there; what it missed is in the outcome's provenance.
        """
        stream = backend.watch(_id(task), callers.principal(request))
        first = await anext(stream)  # a task that is unknown is a problem, not a stream
        number = request.headers.get("last-event-id", "0")
        start = int(number) + 1 if number.isdecimal() and len(number) < len("1000000000") else 1
        body = _sse(first, stream, start, settings.keep_alive_s)
        return StreamingResponse(body, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    return router


async def _one(backend: Backend, item: object, principal: str, position: int, *, wait: bool) -> object:
    """Return the JSON of one task of a batch."""
    try:
        task = parse(TaskIn, item)
        if wait:
            return (await backend.run(task.wish(), task.id, principal, None)).as_json()
        return (await backend.submit(task.wish(), task.id, principal)).as_json()
    except HiveError as error:
        return problem_of(error, f"/v1/tasks:batch#{position}")


async def _sse(
    first: Event | Result, stream: AsyncGenerator[Event | Result, None], number: int, keep_alive_s: float
) -> AsyncGenerator[bytes, None]:
    """Yield the frames of an event stream, with a comment wherever nothing happens for a while."""
    yield _frame(first, number)
    following: asyncio.Task[Event | Result | None] | None = None
    try:
        while True:
            if following is None:
                following = asyncio.ensure_future(_next(stream))
                number += 1
            done, _ = await asyncio.wait((following,), timeout=keep_alive_s)
            if not done:
                yield b": still here\n\n"
                continue
            item = following.result()
            following = None
            if item is None:
                return
            yield _frame(item, number)
    except HiveError as error:
        yield f"id: {number}\nevent: problem\ndata: {_data(problem_of(error, ''))}\n\n".encode()
    finally:
        if following is not None:
            following.cancel()
            await asyncio.wait((following,))
        await stream.aclose()


async def _next(stream: AsyncGenerator[Event | Result, None]) -> Event | Result | None:
    return await anext(stream, None)


def _frame(item: Event | Result, number: int) -> bytes:
    if isinstance(item, Event):
        data = {"id": item.header.task.hex(), "what": item.what, **item.about}
        return f"id: {number}\nevent: {item.what}\ndata: {_data(data)}\n\n".encode()
    return f"id: {number}\nevent: outcome\ndata: {_data(item.as_json())}\n\n".encode()


def _data(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), default=str)


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
