from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from hive.errors import HiveError
from specialists.forge.pipeline.build import Place, build
from specialists.forge.pipeline.cache import Cache
from specialists.forge.pipeline.draft import Draft
from specialists.forge.pipeline.progress import Lines
from specialists.forge.pipeline.stages import OWN, StageFunction, Workbench
from specialists.forge.recipe import Recipe, from_options


@dataclass
class Counting:
    """A task whose stages note that they ran and pass a number on."""

    name: str = "classify"
    version: int = 1
    budget_s: float = 60.0
    defaults: Mapping[str, Mapping[str, object]] = field(
        default_factory=lambda: {"teacher": {"epochs": 4}, "quantize": {"form": "int8", "share": 0.5}}
    )
    shares: Mapping[str, float] = field(default_factory=lambda: {"teacher": 0.4, "distill": 0.6})
    ran: list[str] = field(default_factory=list)
    fails_at: str = ""

    def stages(self) -> Mapping[str, StageFunction]:
        return {stage: partial(self._stage, stage) for stage in OWN}

    def draft(self, bench: Workbench) -> Draft:
        raise NotImplementedError

    def _stage(self, stage: str, bench: Workbench) -> None:
        self.ran.append(stage)
        note = bench.scratch / "tries"
        tries = int(note.read_text()) + 1 if note.exists() else 1
        note.write_text(str(tries))
        if stage == self.fails_at:
            raise HiveError("data_invalid", "No.")
        bench.say(f"seen {tries} times")
        (bench.folder / "result.json").write_text(
            json.dumps({"seed": bench.seed, "budget_s": bench.budget_s, "options": dict(bench.options())})
        )


def recipe(**fields: object) -> Recipe:
    return from_options({"name": "mine", "task": "classify", "data": {}, **fields})


def place(folder: Path, *, fresh: bool = False) -> Place:
    return Place(Cache(folder), None, 1, fresh)


def lines() -> Lines:
    return Lines(Console(file=StringIO()))


def test_stages_run_in_order_and_are_kept(tmp_path: Path) -> None:
    task = Counting()
    first = build(recipe(), task, place(tmp_path), lines(), until="evaluate")
    again = build(recipe(), task, place(tmp_path), lines(), until="evaluate")
    assert task.ran == list(OWN)
    assert again == first


def test_a_stage_gets_its_options_and_its_part_of_the_budget(tmp_path: Path) -> None:
    wanted = recipe(budget="2m", seed=7, options={"teacher": {"epochs": 9}})
    built = build(wanted, Counting(), place(tmp_path), lines(), until="evaluate")
    assert json.loads((built.of("teacher") / "result.json").read_text()) == {
        "seed": 7,
        "budget_s": 48.0,
        "options": {"epochs": 9},
    }


def test_another_option_repeats_only_what_hangs_on_it(tmp_path: Path) -> None:
    first = build(recipe(), Counting(), place(tmp_path), lines(), until="evaluate")
    wanted = recipe(options={"quantize": {"form": "int4"}})
    second = build(wanted, Counting(), place(tmp_path), lines(), until="evaluate")
    same = [stage for stage in OWN if first.of(stage) == second.of(stage)]
    assert same == ["data", "teacher", "distill", "prune"]


def test_another_content_of_a_users_encoder_is_another_encoder(tmp_path: Path) -> None:
    encoder = tmp_path / "encoder"
    encoder.mkdir()
    task = Counting(defaults={"teacher": {"encoder": str(encoder)}})
    for content in ("one", "one", "two"):
        (encoder / "weights").write_text(content)
        build(recipe(), task, place(tmp_path / "cache"), lines(), until="teacher")
    assert task.ran == ["data", "teacher", "teacher"]


def test_a_stage_that_failed_runs_again_and_finds_its_scratch(tmp_path: Path) -> None:
    with pytest.raises(HiveError, match="No"):
        build(recipe(), Counting(fails_at="distill"), place(tmp_path), lines(), until="evaluate")
    built = build(recipe(), Counting(), place(tmp_path), lines(), until="distill")
    assert built.entries["distill"].said == ("seen 2 times",)
    assert built.entries["teacher"].said == ("seen 1 times",)


def test_a_damaged_entry_is_made_again(tmp_path: Path) -> None:
    built = build(recipe(), Counting(), place(tmp_path), lines(), until="evaluate")
    (built.of("prune") / "result.json").write_text("{}")
    cache = Cache(tmp_path)
    kept = [
        stage
        for stage in OWN
        if cache.find(stage, built.of(stage).name.removeprefix(f"{stage}-")) is not None
    ]
    assert kept == [stage for stage in OWN if stage != "prune"]


def test_unknown_options_are_told_with_what_is_meant(tmp_path: Path) -> None:
    wanted = recipe(options={"teacher": {"epoch": 9}, "quantise": {}, "quantize": {"share": "half"}})
    with pytest.raises(HiveError) as caught:
        build(wanted, Counting(), place(tmp_path), lines())
    assert caught.value.code == "recipe_invalid"
    assert caught.value.detail.splitlines() == [
        "options.teacher.epoch: 'epoch' is not known; did you mean 'epochs'?",
        "options.quantise: 'quantise' is not known; did you mean 'quantize'?",
        "options.quantize.share: want a value like 0.5, got 'half'",
    ]


def test_whoever_finds_another_build_at_work_says_that_it_waits(tmp_path: Path) -> None:
    cache, other = Cache(tmp_path), Cache(tmp_path)
    said: list[str] = []
    holding = cache.only_one("teacher", "k", lambda: said.append("never"))
    holding.__enter__()

    def waits() -> None:
        said.append("waits")
        holding.__exit__(None, None, None)

    with other.only_one("teacher", "k", waits):
        assert said == ["waits"]


def test_a_teacher_of_ones_own_is_refused_where_nothing_is_labelled(tmp_path: Path) -> None:
    wanted = recipe(task="anomaly", teacher={"endpoint": "http://127.0.0.1:1/v1", "model": "m"})
    with pytest.raises(HiveError, match="`teacher` labels texts for classify, not for anomaly"):
        build(wanted, Counting(), place(tmp_path), lines())


def test_a_teachers_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    wanted = recipe(teacher={"path": str(tmp_path / "nowhere")})
    with pytest.raises(HiveError, match=r"`teacher\.path`: there is no .*nowhere") as caught:
        build(wanted, Counting(), place(tmp_path), lines())
    assert caught.value.code == "recipe_invalid"
