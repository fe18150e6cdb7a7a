"""What is an address."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from hive.errors import HiveError
from hive.transport.endpoints import check_endpoint, is_served


@pytest.mark.parametrize(
    "endpoint",
    [
        "tcp://127.0.0.1:8421",
        "tcp://*:*",
        "tcp://plant-a.example:1",
        "tcp://[::1]:65535",
        "tcp://[fe80::1%eth0]:1",
        "ipc:///x",
    ],
)
def test_addresses(endpoint: str) -> None:
    check_endpoint(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "tcp://",
        "tcp://h",
        "tcp://h:",
        "tcp://h:65536",
        "tcp://h:1/x",
        "udp://h:1",
        "ipc://",
        "ipc:///" + "x" * 107,
    ],
)
def test_what_is_none(endpoint: str) -> None:
    with pytest.raises(HiveError) as caught:
        check_endpoint(endpoint)
    assert caught.value.code == "bad_request"


def test_a_socket_file_is_served_only_while_somebody_listens(hive_home: Path) -> None:
    path = hive_home / "served"
    assert not is_served(f"ipc://{path}")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        assert is_served(f"ipc://{path}")
    assert path.exists()
    assert not is_served(f"ipc://{path}")
    assert not is_served("tcp://127.0.0.1:1")
