"""What callers take answers to mean: accepted, certainly refused, or nobody knows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import httpx
import pytest

from simulation.chaos.http_line import HttpLine
from simulation.chaos.line import Order, Told, refused

ORDER = Order("p", "mesh.echo", "internal", 1000, durable=True, hold=False, task="7" * 32)


def ask(order: Order, answer: Callable[[httpx.Request], httpx.Response]) -> Told:
    async def once() -> Told:
        line = HttpLine("http://gateway", httpx.MockTransport(answer))
        try:
            return await line.submit(order)
        finally:
            await line.close()

    return asyncio.run(once())


def test_a_receipt_is_a_promise_and_no_outcome() -> None:
    asked: list[tuple[str, object]] = []

    def gateway(request: httpx.Request) -> httpx.Response:
        asked.append((str(request.url), json.loads(request.content)))
        return httpx.Response(202, json={"id": "t", "state": "queued"})

    assert ask(ORDER, gateway) == Told("ok", "t", "queued")
    url, body = asked[0]
    assert url == "http://gateway/v1/tasks"
    assert body == {
        "capability": "mesh.echo", "input": "p", "labels": ["internal"], "deadline_ms": 1000, "hold": False,
        "id": "7" * 32,
    }  # fmt: skip


def test_an_outcome_is_kept_by_its_answer_or_its_code() -> None:
    interactive = Order("p", "mesh.echo", "internal", 1000, durable=False, hold=False)
    done = {"id": "t", "state": "done", "output": "P", "error": None}
    failed = {"id": "t", "state": "failed", "code": "no_node", "status": 503}
    assert ask(interactive, lambda _: httpx.Response(200, json=done)) == Told("ok", "t", "done", "P")
    assert ask(interactive, lambda _: httpx.Response(503, json=failed)) == Told(
        "ok", "t", "failed", "no_node"
    )


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (429, {"code": "queue_full", "retry_after_ms": 500}, Told("fail", code="queue_full", again_s=0.5)),
        (403, {"code": "label_forbidden"}, Told("fail", code="label_forbidden")),
        (503, {"code": "unreachable"}, Told("unknown", code="unreachable")),
        (500, {"code": "internal"}, Told("unknown", code="internal")),
        (502, [], Told("unknown", code="status 502")),
    ],
)
def test_a_refusal_is_certain_or_it_is_not(status: int, body: object, told: Told) -> None:
    assert ask(ORDER, lambda _: httpx.Response(status, json=body)) == told


def test_an_answer_that_is_lost_leaves_the_call_open_and_one_that_was_never_asked_does_not() -> None:
    def lost(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("gone")

    def deaf(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody")

    assert ask(ORDER, lost) == Told("unknown", code="ReadError")
    assert ask(ORDER, deaf) == Told("fail", code="not connected")


def test_a_refusal_of_what_is_not_durable_may_be_that_of_a_second_conductor() -> None:
    assert [refused(code, durable=False).kind for code in ("planning_unavailable", "forbidden")] == [
        "unknown",
        "fail",
    ]
    assert refused("planning_unavailable").kind == "fail"
    interactive = Order("p", "mesh.echo", "internal", 1000, durable=False, hold=False)
    told = ask(interactive, lambda _: httpx.Response(503, json={"code": "planning_unavailable"}))
    assert told == Told("unknown", code="planning_unavailable")


def test_a_store_that_fails_may_have_kept_it_all_the_same() -> None:
    assert refused("store_unavailable").kind == "unknown"
