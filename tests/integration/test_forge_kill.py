"""Builds as real processes: killed between and within stages, side by side, with a damaged cache and a full disk."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from hive.errors import HiveError
from specialists.forge.pipeline.disk import full_disk_told
from specialists.forge.pipeline.stages import OWN, Workbench
from specialists.load import load
from tests.fakes.forge_task import Copying, recipe, whole

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]


def started(cache: Path, stops_in: str) -> subprocess.Popen[str]:
    """Start a build that stops in the middle of a stage and says so."""
    command = [sys.executable, "-m", "tests.fakes.forge_task", str(cache), stops_in]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().strip()


def killed_in(cache: Path, stage: str) -> None:
    with started(cache, stage) as process:
        assert line(process.stdout) == "ready"
        process.kill()


@pytest.mark.parametrize("stage", ["data", "distill", "evaluate"])
def test_a_killed_build_goes_on_where_it_was_and_gives_the_same(tmp_path: Path, stage: str) -> None:
    killed_in(tmp_path / "killed", stage)
    seen: list[str] = []

    def look(name: str, bench: Workbench) -> None:
        if (bench.scratch / "checkpoint").exists():
            seen.append(name)

    task = Copying(meanwhile=look)
    built = whole(tmp_path / "killed", task, recipe())
    assert task.ran == list(OWN[OWN.index(stage) :])
    assert seen == [stage]
    calm = whole(tmp_path / "calm", Copying(), recipe())
    assert load(built.of("publish")).digest == load(calm.of("publish")).digest


def test_killed_again_and_again_it_still_ends(tmp_path: Path) -> None:
    for stage in OWN:
        killed_in(tmp_path / "killed", stage)
    task = Copying()
    built = whole(tmp_path / "killed", task, recipe())
    assert task.ran == ["evaluate"]
    assert load(built.of("publish")).manifest.name == "mine"
    assert [path.name for path in (tmp_path / "killed").iterdir() if path.name.endswith(".part")] == []


def test_two_builds_of_one_recipe_share_the_work(tmp_path: Path) -> None:
    with started(tmp_path, "teacher") as first:
        assert line(first.stdout) == "ready"
        # The second finds data done, and waits where the first is.
        with started(tmp_path, "") as second:
            assert first.stdin is not None
            first.stdin.write("\n")
            first.stdin.close()
            one, other = json.loads(line(first.stdout)), json.loads(line(second.stdout))
    assert sorted(one["ran"] + other["ran"], key=OWN.index) == list(OWN)
    assert one["publish"] == other["publish"]


def test_a_damaged_entry_is_made_again_and_what_follows_is_kept(tmp_path: Path) -> None:
    built = whole(tmp_path, Copying(), recipe())
    (built.of("teacher") / "sum.jsonl").write_text("{}")
    task = Copying()
    again = whole(tmp_path, task, recipe())
    assert task.ran == ["teacher"]
    assert load(again.of("publish")).digest == load(built.of("publish")).digest


def test_fresh_uses_nothing_from_the_cache(tmp_path: Path) -> None:
    whole(tmp_path, Copying(), recipe())
    task = Copying()
    whole(tmp_path, task, recipe(), fresh=True)
    assert task.ran == list(OWN)


def test_a_changed_file_of_data_repeats_everything_and_a_changed_name_only_the_end(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("a,b\n")
    first = recipe(data={"path": str(data)})
    whole(tmp_path / "cache", Copying(), first)
    renamed = Copying()
    whole(tmp_path / "cache", renamed, recipe(data={"path": str(data)}, name="other"))
    assert renamed.ran == []
    data.write_text("a,c\n")
    changed = Copying()
    whole(tmp_path / "cache", changed, first)
    assert changed.ran == list(OWN)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_as_one_and_finished_stages_are_kept(tmp_path: Path, number: int) -> None:
    def fill(stage: str, bench: Workbench) -> None:
        if stage == "prune":
            raise OSError(number, "No space left on device", str(bench.folder / "model.pt"))

    with pytest.raises(HiveError, match="The disk is full") as caught, full_disk_told(tmp_path):
        whole(tmp_path, Copying(meanwhile=fill), recipe())
    assert caught.value.code == "state_unwritable"
    assert "goes on after the last finished stage" in caught.value.detail
    task = Copying()
    whole(tmp_path, task, recipe())
    assert task.ran == ["prune", "quantize", "calibrate", "evaluate"]


def test_other_errors_are_not_called_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="failed writing"), full_disk_told(tmp_path):
        raise RuntimeError("failed writing file: permission")
    with pytest.raises(PermissionError), full_disk_told(tmp_path):
        raise PermissionError(errno.EACCES, "no")
