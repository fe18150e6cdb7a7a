"""`hive node run` with words that name no node: refused before anything is written or started."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hive.errors import CATALOGUE
from specialists.cli import node_app

GOOD = {"--specialist": "mesh-echo", "--site": "home", "--mesh": "m", "--conductor": "tcp://127.0.0.1:9"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"--site": ""}, "--site '' is no name"),
        ({"--site": "a/../b"}, "--site 'a/../b' is no name"),
        ({"--mesh": "../m"}, "--mesh '../m' is no name"),
        ({"--mesh": "Größe"}, "--mesh 'Größe' is no name"),
        ({"--name": "../x"}, "--name '../x' is no node id"),
        ({"--name": "desk/"}, "--name 'desk/' is no node id"),
        ({"--name": "a" * 181}, "at most 180"),
        ({"--specialist": ""}, "is no node id"),
        ({"--conductor": "tcp://127.0.0.1:0"}, "nobody answers at port 0"),
    ],
)
def test_what_names_nothing_is_wrong_usage(
    change: dict[str, str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIVE_HOME", str(tmp_path / "home"))
    words = [word for option in {**GOOD, **change}.items() for word in option]
    done = CliRunner().invoke(node_app, ["run", *words])
    assert done.exit_code == CATALOGUE["bad_request"].exit_status
    assert says in done.stderr
    assert list(tmp_path.iterdir()) == []
