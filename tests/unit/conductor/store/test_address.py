"""Where a store is, as people write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from conductor.store.address import Address, address_of
from hive.errors import HiveError

STATE = Path("/state/mesh")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:", "/state/mesh/stores/plant-a.db"),
        ("sqlite:///var/x/{site}.db", "/var/x/plant-a.db"),
        ("sqlite:////var/x.db", "/var/x.db"),
        ("sqlite:///a%20b.db", "/a b.db"),
    ],
)
def test_a_file(text: str, path: str) -> None:
    address = address_of(text, STATE, "plant-a")
    assert address == Address("sqlite", Path(path))
    assert address_of(address.shown, STATE, "plant-a") == address


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_database_and_its_password_apart(scheme: str) -> None:
    address = address_of(f"{scheme}://hive:s%40cret@db:5433/hive_{{site}}?sslmode=require", STATE, "plant-a")
    assert address == Address("postgresql", None, address.url, "s@cret")
    assert address.shown == "postgresql://hive@db:5433/hive_plant-a?sslmode=require"
    assert address_of(address.shown, STATE, "plant-a") == Address("postgresql", None, address.shown)


def test_a_socket_of_postgres() -> None:
    text = "postgresql:///hive?host=/run/postgresql"
    assert address_of(text, STATE, "a").url == text


def test_memory() -> None:
    assert address_of("memory:", STATE, "a") == Address("memory")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "memory:x",
        "sqlite:x.db",
        "sqlite://x.db",
        "sqlite:///x.db?mode=ro",
        "mysql://hive:s3cret@db/hive",
        "postgresql:hive",
        "postgresql://hive:s3cret@db:port/hive",
        "postgresql://db/hive?password=s3cret",
    ],
)
def test_what_names_no_store_is_told_without_a_password(text: str) -> None:
    with pytest.raises(HiveError) as caught:
        address_of(text, STATE, "a")
    assert caught.value.code == "config_invalid"
    assert "s3cret" not in caught.value.detail
