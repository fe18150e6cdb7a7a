"""Ports that are taken are named before a process starts."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from hive.cli.preflight import addresses, check_ports, owner
from hive.config import MeshConfig, parse_config, parse_source
from hive.errors import HiveError


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def free() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


PORT = free()


def mesh(bind: str, http: str) -> MeshConfig:
    text = f"mesh: m\nsites:\n  a:\n    conductor: {{bind: '{bind}', http: {http}, insecure: true}}\n"
    return parse_config(parse_source(text, "m.yaml"))


@pytest.mark.parametrize("key", ["bind", "http.port"])
def test_a_taken_port_is_named_with_its_place_in_the_file_and_its_process(key: str, taken: int) -> None:
    config = (
        mesh(f"tcp://127.0.0.1:{taken}", "null")
        if key == "bind"
        else mesh(f"tcp://127.0.0.1:{free()}", f"{{port: {taken}}}")
    )
    with pytest.raises(HiveError) as caught:
        check_ports(config)
    assert caught.value.code == "address_in_use"
    assert caught.value.detail.startswith(f"Port {taken} of 127.0.0.1 is taken by process {os.getpid()} (")
    assert caught.value.detail.endswith(f"write another port at `sites.a.conductor.{key}`.")


def test_free_ports_pass() -> None:
    check_ports(mesh(f"tcp://127.0.0.1:{free()}", f"{{port: {free()}}}"))


@pytest.mark.parametrize(
    ("bind", "http", "key", "says"),
    [
        ("tcp://127.0.0.1:0", "null", "bind", "port 0"),
        (f"tcp://127.0.0.1:{PORT}", "{port: 0}", "http.port", "port 0"),
        (
            f"tcp://127.0.0.1:{PORT}",
            "{host: no.such.invalid}",
            "http.port",
            "no.such.invalid is no address of",
        ),
        (f"tcp://192.0.2.1:{PORT}", "null", "bind", "192.0.2.1 is no address of this machine"),
    ],
)
def test_an_address_that_cannot_be_had_is_a_mistake_of_the_file(
    bind: str, http: str, key: str, says: str
) -> None:
    with pytest.raises(HiveError) as caught:
        check_ports(mesh(bind, http))
    assert caught.value.code == "config_invalid"
    assert says in caught.value.detail
    assert f"`sites.a.conductor.{key}`" in caught.value.detail


def test_nobody_owns_a_port_where_nobody_listens() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        assert owner(probe.getsockname()[1]) == ""


def test_an_address_of_ip_version_6_loses_its_brackets() -> None:
    assert list(addresses(mesh("tcp://[::1]:7001", "null"))) == [("sites.a.conductor.bind", "::1", 7001)]
