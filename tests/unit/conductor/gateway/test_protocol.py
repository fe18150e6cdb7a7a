"""What comes before a request: bytes that are no HTTP, half a request, one connection too many."""

from __future__ import annotations

import json
import resource
import socket
from collections.abc import Iterator

import httpx
import pytest

from conductor.gateway.serve import descriptors
from conductor.gateway.settings import GatewaySettings
from tests.fakes.gateway import GatewayThread

NOWHERE = "tcp://127.0.0.1:9"
JSON_POST = b"POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
SETTINGS = GatewaySettings(port=0, head_timeout_s=0.2, max_connections=3)


@pytest.fixture(scope="module")
def url() -> Iterator[httpx.URL]:
    with GatewayThread(NOWHERE, SETTINGS) as gateway:
        yield httpx.URL(gateway.url)


def connect(url: httpx.URL) -> socket.socket:
    return socket.create_connection((url.host, url.port or 0), timeout=10)


def said(caller: socket.socket) -> bytes:
    """Return everything until the gateway hangs up."""
    parts = []
    while part := caller.recv(65_536):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        JSON_POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_a_problem_too(url: httpx.URL, garbage: bytes) -> None:
    with connect(url) as caller:
        caller.sendall(garbage)
        head, _, body = said(caller).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["code"] == "bad_request"


@pytest.mark.parametrize("half", [b"", b"POST /v1/ta", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"])
def test_half_a_request_does_not_keep_its_connection(url: httpx.URL, half: bytes) -> None:
    with connect(url) as caller:
        caller.sendall(half)
        assert said(caller) == b""


def test_half_a_request_after_a_whole_one_does_not_either(url: httpx.URL) -> None:
    with connect(url) as caller:
        caller.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert caller.recv(100).startswith(b"HTTP/1.1 200 ")
        caller.sendall(b"\r\n")
        said(caller)


def test_one_connection_too_many_is_told_so_and_room_comes_back(url: httpx.URL) -> None:
    ask = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    callers = [connect(url) for _ in range(SETTINGS.max_connections)]
    for caller in callers:
        caller.sendall(ask)
        assert caller.recv(100).startswith(b"HTTP/1.1 200 ")
    with connect(url) as late:
        late.sendall(ask)
        head, _, body = said(late).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 429 ")
    assert b"retry-after: 1" in head
    assert json.loads(body)["code"] == "queue_full"
    for caller in callers:
        caller.close()
    assert httpx.get(f"{url}/healthz").status_code == 200


def test_an_upgrade_is_answered_in_http(url: httpx.URL) -> None:
    asks = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "x"}
    assert httpx.get(f"{url}/healthz", headers=asks).json() == {"alive": True}


def test_load_balancers_may_look_with_head(url: httpx.URL) -> None:
    answer = httpx.head(f"{url}/healthz")
    assert (answer.status_code, answer.content) == (200, b"")
    assert httpx.head(f"{url}/readyz").status_code == 503


@pytest.mark.parametrize(
    ("connections", "soft", "hard", "then"),
    [
        (1_000, 1_024, 4_096, (1_128, 1_000)),
        (1_000, 1_024, 1_024, (1_024, 896)),
        (1_000, 20_000, 20_000, (20_000, 1_000)),
        (1_000, 256, resource.RLIM_INFINITY, (1_128, 1_000)),
        (1_000, resource.RLIM_INFINITY, resource.RLIM_INFINITY, (resource.RLIM_INFINITY, 1_000)),
        (1_000, 64, 64, (64, 1)),
    ],
)
def test_no_more_connections_are_taken_than_descriptors_may_be_had(
    connections: int, soft: int, hard: int, then: tuple[int, int]
) -> None:
    assert descriptors(connections, soft, hard) == then
