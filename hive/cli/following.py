"""Following a task: the gateway's server-sent events as (name, JSON object) pairs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

from hive.cli.connect import explained, name, url_of
from hive.clients.direct import check_task_id
from hive.errors import HiveError, error_of

_SILENCE_S: Final = 60.0
Event = tuple[str, dict[str, Any]]


def follow(task: str, url: str | None, principal: str | None) -> Iterator[Event]:
    """Yield what happens to a task until its `outcome`.

    Raises HiveError: task_unknown, what a `problem` event says, not_running or unreachable.
    """
    chosen = url_of(url)
    if not chosen.startswith("http"):
        raise HiveError("bad_request", f"Events come from a gateway; give its http:// address, not {chosen}.")
    headers = {"X-Hive-Principal": name(principal)}
    if token := os.environ.get("HIVE_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    where = f"{chosen.rstrip('/')}/v1/tasks/{check_task_id(task)}/events"
    # The gateway keeps a silent stream alive with a comment every few seconds; more silence means that it is gone.
    stream = httpx.stream("GET", where, headers=headers, timeout=_SILENCE_S, trust_env=False)
    with explained(url), _guarded(chosen), stream as response:
        if response.is_error:
            response.read()
            raise _problem(response.json())
        yield from parsed(response.iter_lines())


def parsed(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events in the lines of a stream (WHATWG HTML, 9.2.6); raise what a `problem` event says."""
    what, data = "message", ""
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            what = value
        elif field == "data":
            data += value
        elif not line and data:
            document = json.loads(data)
            if what == "problem":
                raise _problem(document)
            yield what, document
            what, data = "message", ""


def _problem(document: dict[str, Any]) -> HiveError:
    return error_of(str(document.get("code", "internal")), str(document.get("detail", "")))


@contextmanager
def _guarded(url: str) -> Iterator[None]:
    """Turn what the HTTP library raises into `unreachable`."""
    try:
        yield
    except httpx.HTTPError as error:
        raise HiveError("unreachable", f"{url} cannot be reached: {error}.") from error
