"""Recipes are read with every mistake told, and their files found."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.errors import HiveError
from specialists.forge.pipeline.options import options_of
from specialists.forge.recipe import changed, load, names, seconds_of, teacher_fields
from specialists.forge.tasks import load as load_task

TEXT = """\
name: shop-desk
task: classify
data: {path: mine.csv, test: theirs.csv}
teacher: {path: big}
"""


def written(folder: Path, text: str = TEXT) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


def test_files_are_looked_for_beside_the_recipe_and_then_in_the_data_folder(tmp_path: Path) -> None:
    for folder in ("recipes", "data"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.csv").write_text("x")
    (tmp_path / "data" / "theirs.csv").write_text("x")
    recipe = load(written(tmp_path / "recipes"), {"HIVE_DATA": str(tmp_path / "data")})
    assert recipe.data.path == str(tmp_path / "recipes" / "mine.csv")
    assert recipe.data.test == str(tmp_path / "data" / "theirs.csv")
    assert recipe.teacher is not None
    assert recipe.teacher.path == str(tmp_path / "recipes" / "big")
    assert load(tmp_path / "recipes" / "recipe.yaml", {}).data.test == str(
        tmp_path / "recipes" / "theirs.csv"
    )


def test_every_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(HiveError) as caught:
        load(written(tmp_path, "name: Shop\ntask: sing\ndata: {colums: {}}\n"), {})
    assert caught.value.code == "recipe_invalid"
    lines = caught.value.detail.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("recipe.yaml") for line in lines)


def test_what_a_command_says_counts_more_and_what_it_leaves_out_stays(tmp_path: Path) -> None:
    recipe = load(written(tmp_path), {})
    assert changed(recipe, {"seed": 5, "budget": None, "name": "other"}).model_dump() == {
        **recipe.model_dump(),
        "seed": 5,
        "name": "other",
    }
    with pytest.raises(HiveError, match="write a duration"):
        changed(recipe, {"budget": "soon"})


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("1.5m", 90), ("2h", 7200)])
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


def test_a_teacher_is_a_directory_or_an_address(tmp_path: Path) -> None:
    assert teacher_fields(str(tmp_path), None, None, may_see_data=False) == {"path": str(tmp_path)}
    assert teacher_fields("https://a.example/v1", "big", "KEY", may_see_data=True) == {
        "endpoint": "https://a.example/v1",
        "model": "big",
        "key_variable": "KEY",
        "may_see_data": True,
    }


@pytest.mark.parametrize("name", names())
def test_every_bundled_recipe_is_one_that_its_task_takes(name: str) -> None:
    pytest.importorskip("torch", reason="the forge is not installed")
    recipe = load(name, {})
    assert recipe.name == name
    assert set(options_of(recipe, load_task(recipe.task))) >= {"teacher", "quantize"}


def test_make_models_makes_them_all() -> None:
    makefile = (Path(__file__).parents[4] / "Makefile").read_text("utf-8")
    assert "RECIPES := $(wildcard specialists/forge/recipes/*.yaml)" in makefile
    assert "for recipe in $(RECIPES)" in makefile
