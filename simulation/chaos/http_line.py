"""Asking over HTTP as the API's documentation says, with nothing of Hive's own client: a second opinion of it."""

from __future__ import annotations

from typing import Any, Final

import httpx

from simulation.chaos.line import Order, Told, ended, refused

_TIMEOUT_S: Final = 10.0
_CONNECTIONS: Final = 128
_ACCEPTED: Final = 202


class HttpLine:
    """One gateway."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Prepare; nothing is sent yet. `transport` stands for the network."""
        limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
        self._client = httpx.AsyncClient(
            base_url=url, timeout=_TIMEOUT_S, limits=limits, trust_env=False, transport=transport
        )

    async def submit(self, order: Order) -> Told:
        """POST /v1/tasks, with ?wait=1 unless it is to be durable."""
        body: dict[str, object] = {
            "capability": order.capability,
            "input": order.payload,
            "labels": [order.label],
            "deadline_ms": order.deadline_ms,
            "hold": order.hold,
        }
        if order.key:
            body["idempotency_key"] = order.key
        elif order.task:
            body["id"] = order.task
        return await self._ask("POST", "/v1/tasks" if order.durable else "/v1/tasks?wait=1", body)

    async def read(self, task: str, wait_s: float) -> Told:
        """GET /v1/tasks/ID."""
        return await self._ask("GET", f"/v1/tasks/{task}?wait_ms={int(wait_s * 1000)}")

    async def cancel(self, task: str) -> Told:
        """DELETE /v1/tasks/ID."""
        return await self._ask("DELETE", f"/v1/tasks/{task}")

    async def whole(self, task: str, wait_s: float) -> tuple[Told, dict[str, Any]]:
        """Read a task and return the document too, which has its provenance."""
        return await self._document("GET", f"/v1/tasks/{task}?wait_ms={int(wait_s * 1000)}", None)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _ask(self, method: str, path: str, body: object = None) -> Told:
        told, _ = await self._document(method, path, body)
        if told.kind == "fail" and path.endswith("?wait=1"):
            return refused(told.code, told.again_s, durable=False)
        return told

    async def _document(self, method: str, path: str, body: object) -> tuple[Told, dict[str, Any]]:
        try:
            answer = await self._client.request(method, path, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return Told("fail", code="not connected"), {}  # not a byte of it was sent
        except httpx.HTTPError as error:
            return Told("unknown", code=type(error).__name__), {}
        try:
            said = answer.json()
        except ValueError:
            return Told("unknown", code=f"status {answer.status_code}"), {}
        if not isinstance(said, dict):
            return Told("unknown", code=f"status {answer.status_code}"), {}
        return _told(answer.status_code, said), said


def _told(status: int, said: dict[str, Any]) -> Told:
    state = str(said.get("state", ""))
    if state == "refused" or not state:
        code = str(said.get("code") or f"status {status}")
        return refused(code, float(said.get("retry_after_ms") or 0) / 1000)
    if status == _ACCEPTED:
        return Told("ok", str(said["id"]), state)
    error = said.get("error") or {"code": said.get("code", "")}
    return ended(str(said["id"]), state, said.get("output"), error)
