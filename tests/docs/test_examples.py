"""What the documentation shows is true: code compiles, configurations are valid, tables are complete."""

from __future__ import annotations

import importlib.util
import json
import re
import textwrap
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml

from hive.errors import CATALOGUE
from hive.types import BUILTIN
from specialists.manifest import read_manifest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL
)


def _blocks(language: str) -> Iterator[tuple[str, str]]:
    """Yield where each fenced block of this language begins (`page.md:line`), and its text."""
    for page in PAGES:
        source = page.read_text(encoding="utf-8")
        for match in _FENCE.finditer(source):
            if match["language"] == language:
                line = source.count("\n", 0, match.start()) + 1
                yield f"{page.relative_to(ROOT)}:{line}", textwrap.dedent(match["text"])


@pytest.mark.parametrize(("where", "text"), list(_blocks("python")))
def test_python_compiles(where: str, text: str) -> None:
    compile(text, where, "exec")


@pytest.mark.parametrize(("where", "text"), list(_blocks("yaml")))
def test_yaml_is_valid_and_a_whole_mesh_is_a_valid_configuration(
    where: str, text: str, tmp_path: Path
) -> None:
    document = yaml.safe_load(text)
    assert isinstance(document, dict), where
    if "callers" in document:
        from simulation.sim.scenario import load  # noqa: PLC0415 - only where an example is a scenario

        path = tmp_path / "scenario.yaml"
        path.write_text(text, encoding="utf-8")
        assert load(path).file.about == document["about"]
        return
    if "mesh" not in document:
        return
    if importlib.util.find_spec("hive.config") is None:
        pytest.skip("hive.config is not here")
    from hive.config import load_config  # noqa: PLC0415 - see the line above

    path = tmp_path / "mesh.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_config(path).mesh == document["mesh"]


@pytest.mark.parametrize(("where", "text"), list(_blocks("json")))
def test_json_is_valid_and_a_manifest_is_a_valid_manifest(where: str, text: str, tmp_path: Path) -> None:
    document = json.loads(text)
    if "manifest_version" in document:
        (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
        assert read_manifest(tmp_path).name == document["name"], where


def test_every_error_has_a_line_that_is_right() -> None:
    page = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
    rows = {
        cells[0].strip("`"): (int(cells[1]), int(cells[2]))
        for line in page.splitlines()
        if line.startswith("| `") and len(cells := [c.strip() for c in line.strip("|").split("|")]) > 2
    }
    assert rows == {kind.code: (kind.http_status, kind.exit_status) for kind in CATALOGUE.values()}


def test_every_built_in_type_is_described() -> None:
    page = (ROOT / "docs/reference/types.md").read_text(encoding="utf-8")
    assert [kind.name for kind in BUILTIN if f"| `{kind.name}` |" not in page] == []


def test_every_command_is_described() -> None:
    page = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    commands = {entry.name for entry in entry_points(group="hive.commands")}
    assert {name for name in commands if f"`hive {name}" not in page} == set()


def test_every_page_is_in_the_navigation_or_is_a_decision_that_the_index_links() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    decisions = (ROOT / "docs/adr/index.md").read_text(encoding="utf-8")
    names = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    missing = {
        name
        for name in names
        if not re.search(rf"[:-] {re.escape(name)}\n", navigation) and f"({Path(name).name})" not in decisions
    }
    assert missing == set()


def test_every_path_that_is_named_exists() -> None:
    named = re.compile(r"`((?:hive|specialists|conductor|simulation|tests|docs|mesh_configs)/[\w./-]*)`")
    missing = {
        f"{page.relative_to(ROOT)}: {path}"
        for page in PAGES
        for path in named.findall(page.read_text(encoding="utf-8"))
        if not (ROOT / path).exists()
    }
    assert missing == set()
