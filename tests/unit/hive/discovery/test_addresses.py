"""What a bound host stands for."""

from __future__ import annotations

import pytest

from hive.discovery.addresses import is_any, is_loopback, own_addresses
from hive.discovery.base import Advert


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("plant.example", False)],
)
def test_loopback_is_told_from_the_rest(host: str, loopback: bool) -> None:  # noqa: FBT001
    assert is_loopback(host) is loopback
    assert not is_any(host)


def test_an_own_address_is_itself_and_a_wildcard_is_every_address_of_the_lan() -> None:
    assert own_addresses("10.1.2.3") == ("10.1.2.3",)
    assert own_addresses("localhost") == ("127.0.0.1",)
    everywhere = own_addresses("")
    assert everywhere == ("127.0.0.1",) or not any(is_loopback(address) for address in everywhere)


def test_a_name_that_stands_for_nothing_has_no_address() -> None:
    assert own_addresses("no-such-host.invalid") == ()


def test_endpoints_are_ipv4_first_and_bracketed() -> None:
    advert = Advert("conductor", "m", "s", "s", 8421, addresses=("fd00::1", "10.0.0.1"))
    assert advert.endpoints == ("tcp://10.0.0.1:8421", "tcp://[fd00::1]:8421")
