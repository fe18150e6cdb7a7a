"""What a person sees before anything runs: help, version, wrong usage."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from hive import __version__
from hive.cli.app import app
from hive.cli.plugins import GROUP

OWN = (
    "up",
    "down",
    "status",
    "submit",
    "explain",
    "task",
    "outbox",
    "nodes",
    "capabilities",
    "graph",
    "config",
)
PLAIN = {"COLUMNS": "160", "NO_COLOR": "1", "TERM": "dumb"}


def run(*words: str) -> tuple[int, str]:
    """Return (exit status, everything that was printed)."""
    done = CliRunner().invoke(app, list(words), env=PLAIN)
    return done.exit_code, done.output


def commands() -> list[str]:
    """Return every command and sub-command of our own, as words."""
    group = typer.main.get_command(app)
    found = []
    for name in OWN:
        command = group.commands[name]  # type: ignore[attr-defined]
        found += [f"{name} {sub}" for sub in getattr(command, "commands", ())] or [name]
    return found


def test_version() -> None:
    assert run("--version") == (0, f"hive {__version__}\n")


def test_help_lists_every_command_and_every_plug_in() -> None:
    status, text = run("--help")
    listed = set(re.findall(r"^│ ([a-z]+) ", text, re.MULTILINE))
    assert status == 0
    assert listed >= {*OWN, *(entry.name for entry in entry_points(group=GROUP))}


def test_help_imports_no_plug_in() -> None:
    code = (
        "import sys; sys.argv = ['hive', '--help']\n"
        "from hive.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted(n for n in sys.modules if n.partition('.')[0] in ('specialists', 'conductor', 'simulation')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("words", commands())
def test_every_command_explains_itself(words: str) -> None:
    status, text = run(*words.split(), "--help")
    assert status == 0
    assert f"Usage: hive {words}" in text
    assert re.search(r"^ [A-Z].+\.", text, re.MULTILINE), "a sentence that says what it does"


@pytest.mark.parametrize("words", sorted(set(commands()) - {"config schema"}))
def test_every_command_speaks_json(words: str) -> None:
    assert "--json" in run(*words.split(), "--help")[1]


def test_a_command_that_is_none_is_wrong_usage_and_near_ones_are_offered() -> None:
    status, text = run("nods")
    assert status == 2
    assert "nodes" in text


def test_an_option_that_is_none_is_wrong_usage() -> None:
    assert run("nodes", "--jsn")[0] == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("nods --json", "nods"),
        ("nodes --json --jsn", "--jsn"),
        ("up --json", "config"),
        ("up dev --json --timeout -1", "--timeout"),
        ("submit mesh.echo x --priority high --json", "--priority"),
        ("task --json", "--json"),
        ("--json", "--json"),
    ],
)
def test_wrong_usage_is_a_json_value_too(words: str, says: str) -> None:
    done = CliRunner().invoke(app, words.split(), env=PLAIN)
    error = json.loads(done.stdout)
    assert (done.exit_code, error["code"]) == (2, "bad_request")
    assert says in error["detail"].lower()
    assert "Usage:" in done.stderr


def test_a_plug_in_whose_part_is_missing_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "networkx.py").write_text("raise ImportError('away', name='networkx')")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from importlib.metadata import EntryPoint\n"
        "from hive.cli.plugins import GROUP, Lazy\n"
        "from hive.errors import HiveError\n"
        "try: Lazy(EntryPoint('conductor', 'networkx:app', GROUP)).make_context('conductor', [])\n"
        "except HiveError as error: print(error.code, error.detail)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert (
        done.stdout == "extra_missing `hive conductor` needs networkx: pip install 'hive-mesh[conductor]'.\n"
    )
