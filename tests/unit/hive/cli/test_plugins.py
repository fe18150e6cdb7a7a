"""Commands of other packages: imported when used, and a sentence where one cannot be."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from hive.cli.plugins import GROUP, Lazy, absent
from hive.errors import HiveError


def plugin(name: str, value: str) -> Lazy:
    return Lazy(EntryPoint(name, value, GROUP))


def test_a_plug_in_is_described_without_being_imported() -> None:
    command = plugin("bench", "no_such_package.cli:app")
    assert (command.name, command.help) == (
        "bench",
        "Measure the mesh against bare baselines, side by side.",
    )
    assert "no_such_package" not in sys.modules


def test_one_that_nobody_foresaw_is_described_by_its_package() -> None:
    assert plugin("weather", "skies.cli:app").help == "A command of the package skies."


def test_it_becomes_the_command_that_it_stands_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "import typer\napp = typer.Typer()\n@app.command()\ndef shine(hours: int = 1) -> None: ...\n"
    (tmp_path / "sunny_plugin.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    context = plugin("weather", "sunny_plugin:app").make_context("weather", ["--hours", "3"])
    assert context.params == {"hours": 3}
    assert context.command.name == "weather"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("conductor", "`hive conductor` needs no_such_package: pip install 'hive-mesh[conductor]'."),
        ("node", "`hive node` cannot be loaded: No module named 'no_such_package'. Install Hive again."),
    ],
)
def test_one_that_cannot_be_imported_names_what_to_install(name: str, sentence: str) -> None:
    with pytest.raises(HiveError) as caught:
        plugin(name, "no_such_package.cli:app").make_context(name, [])
    assert (caught.value.code, caught.value.detail) == ("extra_missing", sentence)


def test_what_an_extra_lacks_is_found_by_the_words_of_the_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = ["httpx", 'pytest>=8 ; extra == "here"', 'no_such-package[binary]>=3; extra == "away"']
    info = tmp_path / "half_there-1.dist-info"
    info.mkdir()
    head = "Metadata-Version: 2.1\nName: half-there\nVersion: 1\n"
    (info / "METADATA").write_text(head + "".join(f"Requires-Dist: {wish}\n" for wish in said))
    monkeypatch.syspath_prepend(tmp_path)
    assert [absent(extra, "half-there") for extra in ("here", "away", "unknown")] == [
        "",
        "no_such-package",
        "",
    ]
