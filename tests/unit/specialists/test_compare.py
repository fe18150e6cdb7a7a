"""`hive models compare`: specialists side by side, with what an answer takes here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from specialists.cli_models import models_app
from specialists.forge.pipeline.build import Built
from tests.fakes.forge_task import SOURCE, Copying, recipe, whole


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> str:
    built: Built = whole(tmp_path_factory.mktemp("cache"), Copying(), recipe())
    return str(built.of("publish"))


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(models_app, list(words), env={"COLUMNS": "200", "NO_COLOR": "1"})
    return done.exit_code, done.stdout


def test_values_differences_sizes_and_times_stand_side_by_side(mine: str) -> None:
    status, text = run("compare", mine, str(SOURCE), mine, "--json")
    first, other, same = json.loads(text)["models"]
    assert status == 0
    assert first["name"] == same["name"] == "mine"
    assert set(first["difference"].values()) == set(same["difference"].values()) == {0.0}
    assert other["difference"]["accuracy"] == round(
        other["quality"]["accuracy"]["value"] - first["quality"]["accuracy"]["value"], 4
    )
    assert all(model["bytes"] > 100_000 and model["p50_ms"] > 0 for model in (first, other, same))


def test_the_screen_has_a_row_for_each_measure_and_cost(mine: str) -> None:
    status, text = run("compare", mine, str(SOURCE))
    assert status == 0
    rows = [line.split("  ")[0].strip() for line in text.splitlines()]
    assert {"capability", "accuracy", "ece", "size", "p50 here"} <= set(rows)
    assert "mine 1.0.0" in text


def test_one_specialist_is_nothing_to_compare(mine: str) -> None:
    status, text = run("compare", mine, "--json")
    assert status == 2
    assert json.loads(text)["code"] == "bad_request"


def test_a_plot_is_drawn_for_a_measure_that_all_have(mine: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots are not installed")
    status, _ = run("compare", mine, mine, "--plot", str(tmp_path / "a.svg"), "--measure", "ece")
    assert status == 0
    assert "mine 1.0.0" in (tmp_path / "a.svg").read_text()
    status, text = run(
        "compare", mine, mine, "--plot", str(tmp_path / "b.svg"), "--measure", "taste", "--json"
    )
    assert "they share accuracy, ece" in json.loads(text)["detail"]
    assert not (tmp_path / "b.svg").exists()


def test_show_tells_what_a_specialist_was_made_from(mine: str) -> None:
    status, text = run("show", mine)
    assert status == 0
    assert "student, quantized" in text
    assert "-0.0010" in text
