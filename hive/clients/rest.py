"""What the two HTTP clients share: headers, bodies, how an answer is read, and when a submission is repeated."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, cast

import httpx

from hive.clients.asker import never_reached
from hive.clients.request import Wish
from hive.clients.result import Task
from hive.errors import MENDED_BY_TIME, HiveError, error_of
from hive.ids import TaskId

GRACE_S: Final = 2.0
PLAIN_TIMEOUT_S: Final = 10.0
_RETRY_S: Final = 0.1
POLL_S: Final = 10.0
_FAILED: Final = 400
_PROBLEM_FIELDS: Final = frozenset({"type", "title", "status", "detail", "code", "instance"})


class Repeat:
    """Decides whether a request that failed is sent again, and when. No I/O."""

    def __init__(self, url: str, deadline_s: float, *, reached: bool) -> None:
        """Allow `deadline_s` from now; `reached` says whether the gateway ever answered."""
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
        elif error.code in MENDED_BY_TIME:
            wanted = error.context.get("retry_after_ms")
            pause = wanted / 1000 if isinstance(wanted, int | float) else _RETRY_S
        else:
            raise error
        if pause >= self.left_s():
            raise error
        return pause


class Http:
    """What both clients share: headers, bodies, and how an answer is read."""

    def __init__(self, url: str, principal: str, token: str | None, connect_timeout_s: float) -> None:
        """Remember whom to ask and as whom."""
        self.url = url.rstrip("/")
        self.headers = {"X-Hive-Principal": principal}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"
        self.connect_timeout_s = connect_timeout_s
        self.reached = False

    def timeout(self, seconds: float) -> httpx.Timeout:
        """Return the limits of one request that may take `seconds`."""
        return httpx.Timeout(seconds, connect=min(seconds, self.connect_timeout_s))

    def body(self, wish: Wish, task: TaskId | None = None) -> dict[str, object]:
        """Return the JSON of a submission, its task id decided. Raises HiveError for a wish that cannot be sent."""
        wish.check()
        body = wish.as_json()
        if not wish.idempotency_key:  # a key decides the id by itself
            body["id"] = (task or wish.task_id()).hex()
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


def handle_of(raw: object) -> Task:
    """Return the handle that a receipt describes."""
    receipt = cast("Mapping[str, object]", raw)
    return Task(str(receipt["id"]), str(receipt["state"]))


def params_of(args: Mapping[str, object] | None) -> dict[str, str] | None:
    """Return arguments as a query string takes them: lists as names with commas between."""
    if not args:
        return None
    return {
        name: ",".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in args.items()
    }
