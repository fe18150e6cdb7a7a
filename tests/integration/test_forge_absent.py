"""Without the libraries of the forge its command helps all the same, and says in a sentence what to install."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from specialists.forge.tasks import TASKS

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
from hive.cli.app import main
main()
"""


def hive(*arguments: str, without: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run the command line in a Python where the modules `without` are not installed."""
    code = WITHOUT.format(names=set(without) or "set()")
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)


ALL = (
    "torch",
    "pandas",
    "pyarrow",
    "sklearn",
    "scipy",
    "onnx",
    "onnxscript",
    "matplotlib",
    "transformers",
    "ray",
)


@pytest.mark.parametrize("arguments", [("forge", "--help"), ("forge", "build", "--help")])
def test_help_needs_nothing(arguments: tuple[str, ...]) -> None:
    done = hive(*arguments, without=ALL)
    assert done.returncode == 0
    assert "Usage: " in done.stdout


@pytest.mark.parametrize(
    ("task", "without"),
    [
        ("classify", ALL),
        *((task, ("torch",)) for task in TASKS),
    ],
)
def test_a_build_says_what_to_install(tmp_path: Path, task: str, without: tuple[str, ...]) -> None:
    data = tmp_path / "my.csv"
    data.write_text("text,label\nhello,greet\n")
    arguments = (
        "forge",
        "build",
        "--task",
        task,
        "--data",
        str(data),
        "--out",
        str(tmp_path / "out"),
        "--json",
    )
    done = hive(*arguments, without=without)
    said = json.loads(done.stdout)
    assert said["code"] == "forge_missing"
    assert set(said["libraries"]) >= {"torch"}
    assert "pip install 'hive-mesh[forge]'" in said["detail"]
    assert "Traceback" not in done.stderr
    assert done.returncode not in {0, 1}
    assert not (tmp_path / "out").exists()
