"""`hive config`: what a file describes, or what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hive.cli.app import app
from hive.config import bundled_configs, json_schema
from hive.errors import CATALOGUE

GOOD = """\
mesh: small
sites:
  home:
    conductor: {bind: "tcp://127.0.0.1:8421"}
    devices: {desk: {nodes: [{specialist: mesh-echo, count: 2}]}}
"""


def run(*words: str) -> tuple[int, str, str]:
    """Return (exit status, stdout, stderr)."""
    done = CliRunner().invoke(app, ["config", *words], env={"COLUMNS": "200", "NO_COLOR": "1"})
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def mesh(tmp_path: Path) -> Path:
    path = tmp_path / "mesh.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_check_shows_what_a_good_file_describes(mesh: Path) -> None:
    status, text, said = run("check", str(mesh))
    assert (status, said) == (0, "")
    for part in ("small", "site home", "tcp://127.0.0.1:8421", "device desk", "desk/mesh-echo-2", "valid"):
        assert part in text


def test_check_as_json(mesh: Path) -> None:
    status, text, _ = run("check", str(mesh), "--json")
    nodes = {"home/desk": ["desk/mesh-echo", "desk/mesh-echo-2"]}
    assert (status, json.loads(text)) == (0, {"mesh": "small", "sites": ["home"], "devices": nodes})


def test_check_names_every_mistake_with_file_line_and_what_to_write(mesh: Path) -> None:
    mesh.write_text(GOOD.replace("specialist:", "specalist:").replace("bind:", "bnd:"), encoding="utf-8")
    status, text, said = run("check", str(mesh))
    assert (status, text) == (CATALOGUE["config_invalid"].exit_status, "")
    assert f"{mesh}:4: sites.home.conductor.bnd" in said
    assert f"{mesh}:5: sites.home.devices.desk.nodes[0].specalist" in said
    assert "did you mean 'bind'?" in said
    assert "did you mean 'specialist'?" in said


def test_check_as_json_lists_the_mistakes(mesh: Path) -> None:
    mesh.write_text(GOOD.replace("mesh: small", "mesh: [small]"), encoding="utf-8")
    status, text, _ = run("check", str(mesh), "--json")
    problem = json.loads(text)
    assert (status, problem["code"]) == (CATALOGUE["config_invalid"].exit_status, "config_invalid")
    (sentence,) = problem["problems"]
    assert sentence.startswith(f"{mesh}:1: mesh: ")


def test_check_of_a_name_that_is_none_offers_the_bundled_ones() -> None:
    status, _, said = run("check", "factroy")
    assert status == CATALOGUE["config_not_found"].exit_status
    assert "Did you mean factory?" in said


def test_schema_is_the_schema_on_stdout_and_in_a_file(tmp_path: Path) -> None:
    assert json.loads(run("schema")[1]) == json_schema()
    target = tmp_path / "mesh.schema.json"
    assert run("schema", "--out", str(target))[:2] == (0, "")
    assert json.loads(target.read_text(encoding="utf-8")) == json_schema()


def test_a_schema_that_cannot_be_written_is_wrong_usage(tmp_path: Path) -> None:
    status, _, said = run("schema", "--out", str(tmp_path / "no" / "such.json"))
    assert status == CATALOGUE["bad_request"].exit_status
    assert "cannot be written" in said


def test_list_names_the_bundled_files() -> None:
    assert json.loads(run("list", "--json")[1]) == {n: str(p) for n, p in bundled_configs().items()}
    assert "factory" in run("list")[1]
