"""A task's changes as server-sent events (the WHATWG HTML standard, section 9.2)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

from conductor.gateway.backend import draining
from conductor.gateway.problems import problem_of
from hive.clients.result import Result
from hive.errors import HiveError
from hive.wire.messages import Event

Change = Event | Result


async def stream_of(
    first: Change,
    stream: AsyncGenerator[Change, None],
    number: int,
    keep_alive_s: float,
    stopping: asyncio.Event,
) -> AsyncGenerator[bytes, None]:
    """Yield the frames of an event stream, with a comment wherever nothing happens for a while.

    When `stopping` is set it ends, with a problem that says so.
    """
    yield _frame(first, number)
    stopped = asyncio.ensure_future(stopping.wait())
    following: asyncio.Task[Change | None] | None = None
    try:
        while True:
            if following is None:
                following = asyncio.ensure_future(_next(stream))
                number += 1
            done, _ = await asyncio.wait(
                (following, stopped), timeout=keep_alive_s, return_when=asyncio.FIRST_COMPLETED
            )
            if stopped in done and following not in done:
                raise draining()
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
        stopped.cancel()
        if following is not None:
            following.cancel()
            await asyncio.wait((following,))
        await stream.aclose()


async def _next(stream: AsyncGenerator[Change, None]) -> Change | None:
    return await anext(stream, None)


def _frame(item: Change, number: int) -> bytes:
    if isinstance(item, Event):
        data = {"id": item.header.task.hex(), "what": item.what, **item.about}
        return f"id: {number}\nevent: {item.what}\ndata: {_data(data)}\n\n".encode()
    return f"id: {number}\nevent: outcome\ndata: {_data(item.as_json())}\n\n".encode()


def _data(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), default=str)
