"""Which mesh a command talks to, and what is said when there is none."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from hive.cli.connect import (
    DEFAULT_URL,
    DEFAULT_WIRE,
    asking_http,
    asking_wire,
    explained,
    meshes,
    name,
    url_of,
)
from hive.cli.everywhere import asking_every_site
from hive.errors import HiveError
from hive.local import MESH_FILE
from hive.state_dir import write_json
from tests.fakes.conductor import FakeConductor


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HIVE_HOME", str(tmp_path))
    for variable in ("HIVE_URL", "HIVE_PRINCIPAL", "HIVE_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def up(home: Path, mesh: str, http: str = "http://127.0.0.1:1", bind: str = "tcp://127.0.0.1:2") -> None:
    """Make this process look like the supervisor of a mesh."""
    (home / mesh).mkdir()
    about = {"mesh": mesh, "pid": os.getpid(), "started": psutil.Process().create_time()}
    write_json(home / mesh / MESH_FILE, {**about, "sites": {"a": {"bind": bind, "http": http}}})


def test_what_the_user_writes_comes_first(home: Path) -> None:
    up(home, "m")
    assert url_of("http://elsewhere") == "http://elsewhere"


def test_the_mesh_that_runs_here_comes_next(home: Path) -> None:
    up(home, "m")
    assert (url_of(None), url_of(None, wire=True)) == ("http://127.0.0.1:1", "tcp://127.0.0.1:2")


def test_a_mesh_without_a_gateway_is_asked_over_the_wire(home: Path) -> None:
    up(home, "m", http="")
    assert url_of(None) == "tcp://127.0.0.1:2"


def test_with_nothing_here_the_default_addresses_are_tried() -> None:
    assert (url_of(None), url_of(None, wire=True)) == (DEFAULT_URL, DEFAULT_WIRE)


def test_of_several_meshes_one_has_to_be_named(home: Path) -> None:
    up(home, "m")
    up(home, "n", http="http://127.0.0.1:9")
    with pytest.raises(HiveError, match=r"m at http://127\.0\.0\.1:1, n at http://127\.0\.0\.1:9") as caught:
        url_of(None)
    assert caught.value.code == "bad_request"


def test_nodes_are_asked_of_every_site_of_the_mesh(home: Path) -> None:
    with FakeConductor() as one, FakeConductor() as other:
        up(home, "m")
        mesh = {
            **meshes()[0],
            "sites": {n: {"bind": c.endpoint, "http": ""} for n, c in (("a", one), ("b", other))},
        }
        write_json(home / "m" / MESH_FILE, mesh)
        with asking_every_site(None) as sites:
            assert [row["id"] for row in sites.rows(lambda client: client.nodes())] == ["press-1/intent"] * 2
        with asking_every_site(one.endpoint) as sites:
            assert [row["id"] for row in sites.rows(lambda client: client.nodes())] == ["press-1/intent"]


def test_a_site_that_is_silent_hides_no_other(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeConductor() as one:
        up(home, "m")
        sites = {"a": {"bind": one.endpoint, "http": ""}, "b": {"bind": "tcp://127.0.0.1:1", "http": ""}}
        write_json(home / "m" / MESH_FILE, {**meshes()[0], "sites": sites})
        with asking_every_site(None) as everywhere:
            assert len(everywhere.rows(lambda client: client.nodes())) == 1
            assert "b does not answer" in capsys.readouterr().err
            assert everywhere.ask(lambda client: client.nodes())[1] == ["b"]
        assert url_of("a") == one.endpoint
        with pytest.raises(HiveError, match=r"'c' is neither an address .* sites that run here: a, b"):
            url_of("c")


def test_a_mesh_whose_supervisor_is_gone_does_not_run(home: Path) -> None:
    up(home, "m")
    write_json(home / "m" / MESH_FILE, {"mesh": "m", "pid": 2**22, "started": 0.0})
    assert meshes() == []


def test_silence_where_nothing_was_started_is_no_fault_of_the_network() -> None:
    with pytest.raises(HiveError) as caught, explained(None):
        raise HiveError("unreachable", "Nothing answers.")
    assert caught.value.code == "not_running"


def test_silence_at_an_address_that_was_given_stays_what_it_is(home: Path) -> None:
    for asked in ("http://elsewhere", None):
        with pytest.raises(HiveError) as caught, explained(asked):
            raise HiveError("unreachable", "Nothing answers.")
        assert (caught.value.code, asked is None) in (("unreachable", False), ("not_running", True))
    up(home, "m")
    with pytest.raises(HiveError) as caught, explained(None):
        raise HiveError("unreachable", "Nothing answers.")
    assert caught.value.code == "unreachable"


def test_other_errors_pass() -> None:
    with pytest.raises(HiveError) as caught, explained(None):
        raise HiveError("forbidden")
    assert caught.value.code == "forbidden"


def test_each_question_has_its_kind_of_address() -> None:
    with pytest.raises(HiveError, match="give its http:// address"), asking_http("tcp://h:1"):
        pass
    with pytest.raises(HiveError, match="give its tcp:// address"), asking_wire("http://h:1"):
        pass


def test_the_principal_is_the_one_given_or_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert name(None) == "local"
    monkeypatch.setenv("HIVE_PRINCIPAL", "anna")
    assert (name(None), name("bert")) == ("anna", "bert")
