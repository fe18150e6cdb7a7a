"""Who a peer is, and which addresses may be bound."""

from __future__ import annotations

import pytest

from hive.errors import HiveError
from hive.wire.auth import Authenticator, Insecure, LoopbackOnly, Tokens, check_bind, token_sha256
from hive.wire.messages import EMPTY, Hello


def hello(name: str, token: str = "") -> Hello:
    return Hello(EMPTY, "client", name, "factory", token=token)


def refusal(authenticator: Authenticator, greeting: Hello, address: str) -> str:
    with pytest.raises(HiveError) as caught:
        authenticator.principal(greeting, address)
    return caught.value.code


@pytest.mark.parametrize(
    "endpoint",
    [
        "tcp://127.0.0.1:8421",
        "tcp://127.9.9.9:1",
        "tcp://localhost:*",
        "tcp://[::1]:8421",
        "ipc:///run/x",
        "memory://x",
    ],
)
def test_loopback_may_be_bound(endpoint: str) -> None:
    check_bind(endpoint, insecure=False)
    LoopbackOnly().check_bind(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    ["tcp://0.0.0.0:8421", "tcp://*:8421", "tcp://10.0.0.7:1", "tcp://[::]:8421", "tcp://plant.example:1"],
)
def test_what_others_can_reach_needs_insecure(endpoint: str) -> None:
    for authenticator in (LoopbackOnly(), Tokens({}, LoopbackOnly())):
        with pytest.raises(HiveError, match="insecure: true") as caught:
            authenticator.check_bind(endpoint)
        assert caught.value.code == "insecure_bind"
    check_bind(endpoint, insecure=True)
    Insecure().check_bind(endpoint)
    Tokens({}, Insecure()).check_bind(endpoint)


@pytest.mark.parametrize("address", ["", "127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_a_local_peer_is_who_it_says(address: str) -> None:
    assert LoopbackOnly().principal(hello("line-3"), address) == "line-3"


@pytest.mark.parametrize("address", ["10.0.0.7", "::ffff:10.0.0.7", "fe80::1", "nonsense"])
def test_a_remote_peer_is_believed_only_insecurely(address: str) -> None:
    assert refusal(LoopbackOnly(), hello("line-3"), address) == "unauthenticated"
    assert Insecure().principal(hello("line-3"), address) == "line-3"


def test_a_peer_without_a_name_is_nobody() -> None:
    assert refusal(LoopbackOnly(), hello(""), "127.0.0.1") == "unauthenticated"
    assert refusal(Insecure(), hello(""), "") == "unauthenticated"


def test_a_token_says_who_it_is_whatever_the_name() -> None:
    tokens = Tokens({token_sha256("s3cret"): "line-3"}, LoopbackOnly())
    assert tokens.principal(hello("anyone", "s3cret"), "10.0.0.7") == "line-3"
    assert tokens.principal(hello("other"), "127.0.0.1") == "other"
    assert refusal(tokens, hello("line-3"), "127.0.0.1") == "unauthenticated"
    assert refusal(tokens, hello("line-3", "wrong"), "127.0.0.1") == "unauthenticated"
    assert refusal(tokens, hello("other"), "10.0.0.7") == "unauthenticated"
