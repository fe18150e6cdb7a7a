"""The stages of a build and the port of a task: what each of them means for one kind of problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from specialists.forge.pipeline.draft import Draft
from specialists.forge.recipe import Recipe

STAGES: Final = (
    "data",
    "teacher",
    "distill",
    "prune",
    "quantize",
    "calibrate",
    "evaluate",
    "card",
    "publish",
)
"""In this order; a stage may read what any earlier one left."""
OWN: Final = STAGES[:7]
"""What a task defines; card and publish are the same for all."""


class Bar(Protocol):
    """A bar of progress on the screen."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Go `steps` further; `note` is shown behind the bar."""
        ...


class Workbench(Protocol):
    """What a stage gets: its recipe, where to write, what earlier stages left, and a way to say things."""

    recipe: Recipe
    folder: Path
    """Write results here; the folder becomes part of the cache when the stage is done."""
    scratch: Path
    """Outlives a kill of the stage, for checkpoints; removed when it is done."""
    seed: int
    threads: int
    budget_s: float
    """Nominal seconds for this stage. How much work they buy must be computed from the data's size and constants."""

    kept: Path
    """A folder that outlives every build: for what costs too much to ask for twice, such as an endpoint's answers."""
    data_root: Path | None
    """Where the public data sets lie, for recipes that name one."""

    def of(self, stage: str) -> Path:
        """Return the finished folder of an earlier stage."""
        ...

    def options(self, stage: str = "") -> Mapping[str, object]:
        """Return the options of a stage (default: this one): the recipe's over the task's defaults."""
        ...

    def say(self, sentence: str) -> None:
        """Tell the user a finding; it is kept for the report, also where the stage comes from the cache."""
        ...

    def bar(self, text: str, total: int) -> Bar:
        """Show a bar of `total` steps."""
        ...


StageFunction = Callable[[Workbench], None]


class Task(Protocol):
    """One kind of problem, such as classify. `version` changes when its code would make something else."""

    name: str
    version: int
    defaults: Mapping[str, Mapping[str, object]]
    """Options by stage, with their defaults; what is not here is no option."""
    shares: Mapping[str, float]
    """How the budget is divided among the stages that compute; the sum is 1."""
    budget_s: float
    """Nominal seconds where the user names none."""

    def stages(self) -> Mapping[str, StageFunction]:
        """Return a function for each of OWN."""
        ...

    def draft(self, bench: Workbench) -> Draft:
        """Return what the manifest says, from what the stages left."""
        ...
