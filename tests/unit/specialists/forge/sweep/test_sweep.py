"""A sweep tries combinations of options, shares what they have in common, and picks the best on validation data."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from hive.errors import HiveError
from specialists.forge.pipeline.build import Place
from specialists.forge.pipeline.cache import Cache
from specialists.forge.pipeline.progress import Lines
from specialists.forge.recipe import load
from specialists.forge.sweep.run import Sweep, one_by_one, write_results
from specialists.forge.sweep.space import choices_of, told, with_choice
from specialists.forge.sweep.trial import ranked, validated
from tests.fakes.forge_task import Copying, recipe


def quiet() -> Lines:
    return Lines(Console(file=StringIO()))


def sweep(cache: Path, *settings: str, task: Copying | None = None) -> Sweep:
    place = Place(Cache(cache), None, 1)
    return Sweep(recipe(), choices_of(settings, None, 0), task or Copying(), place)


def test_every_combination_is_tried_in_the_order_given() -> None:
    found = choices_of(["distill.width=64,96", "prune.keep=[1, 2],[3]", "prune.way=taylor"], None, 0)
    assert [told(choice) for choice in found] == [
        "distill.width=64, prune.keep=[1, 2], prune.way=taylor",
        "distill.width=64, prune.keep=[3], prune.way=taylor",
        "distill.width=96, prune.keep=[1, 2], prune.way=taylor",
        "distill.width=96, prune.keep=[3], prune.way=taylor",
    ]


def test_of_many_combinations_a_seeded_draw_is_tried() -> None:
    settings = ["a.b=1,2,3,4,5", "c.d=1,2,3,4,5"]
    some, again, other = (choices_of(settings, 6, seed) for seed in (1, 1, 2))
    assert some == again != other
    assert len(some) == 6
    assert len({told(choice) for choice in some}) == 6


@pytest.mark.parametrize("settings", [[], ["teacher.epochs=4"]])
def test_one_combination_is_nothing_to_choose_from(settings: list[str]) -> None:
    with pytest.raises(HiveError, match="needs something to choose from"):
        choices_of(settings, None, 0)


def test_a_choice_changes_the_recipe_and_leaves_the_first_as_it_was() -> None:
    first = recipe(options={"teacher": {"epochs": 4}})
    assert with_choice(first, {"teacher.epochs": 2, "prune.keep": 0.5}).options == {
        "teacher": {"epochs": 2},
        "prune": {"keep": 0.5},
    }
    assert first.options == {"teacher": {"epochs": 4}}


def test_trials_share_the_cache_and_the_best_is_written_as_a_recipe(tmp_path: Path) -> None:
    task = Copying()
    plan = sweep(tmp_path / "cache", "teacher.epochs=3,5", "quantize.form=int8,int4", task=task)
    ended = list(one_by_one(plan, quiet()))
    assert [outcome.quality for outcome in ended] == pytest.approx([0.93, 0.83, 0.95, 0.85])
    assert task.ran.count("data") == 1
    assert task.ran.count("teacher") == 2
    assert task.ran.count("quantize") == 4
    assert "evaluate" not in task.ran
    best = write_results(plan, ended, tmp_path / "out")
    assert best.choice == {"teacher.epochs": 5, "quantize.form": "int8"}
    written = load(tmp_path / "out" / "best.yaml")
    assert written.options == {"teacher": {"epochs": 5}, "quantize": {"form": "int8"}}
    assert (written.name, written.task, written.capability) == ("mine", "classify", "text.mine")
    results = json.loads((tmp_path / "out" / "sweep.json").read_text())
    assert [trial["bytes"] for trial in results["trials"]] == [200, 200, 200, 200]


def test_a_trial_that_fails_is_last_and_says_why(tmp_path: Path) -> None:
    plan = sweep(tmp_path / "cache", "teacher.epochs=99,5")
    ended = list(one_by_one(plan, quiet()))
    assert [outcome.failed for outcome in ranked(ended)] == ["", "So many epochs cannot be."]
    assert write_results(plan, ended, tmp_path).quality == pytest.approx(0.95)


def test_where_all_fail_the_first_reason_is_told(tmp_path: Path) -> None:
    plan = sweep(tmp_path / "cache", "teacher.epoch=3,5")
    ended = list(one_by_one(plan, quiet()))
    with pytest.raises(HiveError, match=r"None of 2 trials ended well\. The first: options\.teacher\.epoch"):
        write_results(plan, ended, tmp_path)


def test_without_a_named_way_the_best_counts_and_without_trials_there_is_no_sweep(tmp_path: Path) -> None:
    trials = [{"way": "a", "quality": 0.5, "bytes": 1}, {"way": "b", "quality": 0.75, "bytes": 2}]
    (tmp_path / "choice.json").write_text(json.dumps({"tried": trials}))
    assert validated(tmp_path) == (0.75, 2)
    (tmp_path / "choice.json").write_text("[]")
    with pytest.raises(HiveError, match="without validation data"):
        validated(tmp_path)
