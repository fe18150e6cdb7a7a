"""The same sweep on Ray Tune gives the same outcomes as one trial after the other."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

pytest.importorskip("ray.tune", reason="Ray Tune is not installed")

from hive.errors import HiveError
from specialists.forge.pipeline.build import Place
from specialists.forge.pipeline.cache import Cache
from specialists.forge.pipeline.progress import Lines
from specialists.forge.sweep.on_ray import on_ray
from specialists.forge.sweep.run import Sweep, one_by_one
from specialists.forge.sweep.space import choices_of
from tests.fakes.forge_task import Copying, recipe

# Ray leaves sockets and log files to the garbage collector.
pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(180),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def plan(cache: Path) -> Sweep:
    choices = choices_of(["teacher.epochs=3,5,99", "quantize.form=int8,int4"], None, 0)
    return Sweep(recipe(), choices, Copying(), Place(Cache(cache), None, 1))


def test_trials_on_ray_share_one_cache_and_agree_with_trials_in_turn(tmp_path: Path) -> None:
    ended = on_ray(plan(tmp_path / "ray"), "local")
    quiet = Lines(Console(file=StringIO()))
    alone = list(one_by_one(plan(tmp_path / "alone"), quiet))
    assert [outcome.as_json() for outcome in ended] == [outcome.as_json() for outcome in alone]
    assert len(list((tmp_path / "ray").glob("data-*.lock"))) == 1
    assert len(list((tmp_path / "ray").glob("teacher-*.lock"))) == 3


def test_where_nobody_listens_is_said() -> None:
    with pytest.raises(HiveError, match="Nobody listens at"):
        on_ray(plan(Path("unused")), "127.0.0.1:1")
