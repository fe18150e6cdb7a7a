"""Nothing answers: is no mesh running here, or is the address wrong?"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hive.cli.app import app
from hive.cli.connect import DEFAULT_URL, explained, name, url_of
from hive.errors import CATALOGUE, HiveError

TASK = "1" * 32
ASKING = (
    "nodes",
    "capabilities",
    "graph",
    "submit text.redact hello",
    "explain text.redact hello",
    f"task show {TASK}",
    f"task cancel {TASK}",
    f"task watch {TASK}",
)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Hold a port at which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def no_mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIVE_HOME", str(tmp_path))


@pytest.mark.parametrize("words", ASKING)
def test_an_address_at_which_nothing_answers_is_named(words: str, closed_port: int) -> None:
    url = f"http://127.0.0.1:{closed_port}"
    done = CliRunner().invoke(app, [*words.split(), "--url", url], env={"COLUMNS": "200"})
    assert done.exit_code == CATALOGUE["unreachable"].exit_status
    assert done.stdout == ""
    assert url in done.stderr


def test_with_json_the_error_is_the_one_value_on_stdout(closed_port: int) -> None:
    done = CliRunner().invoke(app, ["nodes", "--json", "--url", f"http://127.0.0.1:{closed_port}"])
    assert json.loads(done.stdout)["code"] == "unreachable"


@pytest.mark.usefixtures("no_mesh")
def test_without_a_mesh_and_without_an_address_it_says_how_to_start_one() -> None:
    assert url_of(None) == DEFAULT_URL
    with pytest.raises(HiveError, match="`hive up dev` starts one") as caught, explained(None):
        raise HiveError("unreachable", "Connection refused.")
    assert caught.value.code == "not_running"


@pytest.mark.usefixtures("no_mesh")
def test_an_address_that_was_given_is_never_called_not_running() -> None:
    with pytest.raises(HiveError) as caught, explained("http://127.0.0.1:1"):
        raise HiveError("unreachable", "Connection refused.")
    assert caught.value.code == "unreachable"


@pytest.mark.usefixtures("no_mesh")
def test_status_and_down_without_a_mesh() -> None:
    status = CliRunner().invoke(app, ["status", "--json"])
    assert (status.exit_code, json.loads(status.stdout)) == (1, [])
    assert CliRunner().invoke(app, ["down"]).exit_code == CATALOGUE["not_running"].exit_status


def test_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HIVE_PRINCIPAL", raising=False)
    assert name(None) == "local"
    monkeypatch.setenv("HIVE_PRINCIPAL", "night-shift")
    assert name(None) == "night-shift"
    assert name("office") == "office"
