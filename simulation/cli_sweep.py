"""`hive sim sweep`, `hive sim shrink` and `hive sim report`: many seeds, what fails of them, and what they saw."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from hive.cli.report import JsonOption, emit, err, note, out, reported
from hive.errors import HiveError
from simulation.cli_options import ScenarioArgument, seconds_of

if TYPE_CHECKING:
    from simulation.sim.scenario import Scenario
    from simulation.sim.seeds import Ran
    from simulation.sim.sweep import Sweep

FirstOption = Annotated[int, typer.Option("--first-seed", min=0, help="The first seed.")]
SeedsOption = Annotated[
    int | None,
    typer.Option("--seeds", min=1, help="How many seeds: 100, or without end where --time is given."),
]
JobsOption = Annotated[
    int | None,
    typer.Option("--jobs", min=1, help="Processes: one for each core, unless this says otherwise."),
]
RayOption = Annotated[
    str | None, typer.Option("--ray", help="Address of a Ray cluster to run on; `local` starts one here.")
]
KeepOption = Annotated[
    bool, typer.Option("--keep-going/--stop-at-first", help="What to do after a violation.")
]
TimeOption = Annotated[str, typer.Option("--time", help="Stop after so long, such as 90s, 10m or 8h.")]
ShrinkOption = Annotated[bool, typer.Option("--shrink", help="Make the plan of the first violation small.")]

_SEEDS: Final = 100
_SEED_LIMIT_S: Final = 600.0
"""What takes longer hangs: a seed of the bundled scenarios takes seconds."""
_SHRINK_S: Final = 300.0


class Wanted(NamedTuple):
    """Which seeds, where and for how long. Without `seeds` there is no last one."""

    first: int
    seeds: int | None
    jobs: int
    ray: str | None = None
    keep_going: bool = True
    limit_s: float | None = None


def sweep_command(  # noqa: PLR0913, PLR0917 - an option each
    scenario: ScenarioArgument,
    first_seed: FirstOption = 0,
    seeds: SeedsOption = None,
    jobs: JobsOption = None,
    ray: RayOption = None,
    keep_going: KeepOption = True,
    most: TimeOption = "",
    shrink: ShrinkOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run many seeds of a scenario on all cores, or on a Ray cluster, and show those that break an invariant.

    Ctrl-C ends it with what was done so far. Exit status 1 for any violation.
    """
    from simulation.sim.scenario import load  # noqa: PLC0415 - keeps `hive --help` quick
    from simulation.sim.sweep_shown import screen  # noqa: PLC0415

    with reported(as_json=as_json):
        chosen = load(scenario)
        limit_s = seconds_of(most) if most else None
        many = seeds if seeds is not None or most else _SEEDS
        done = swept(chosen, Wanted(first_seed, many, jobs or _cores(), ray, keep_going, limit_s))
        emit(done.as_json()) if as_json else out.print(screen(done, scenario))
        if shrink and done.violations:
            _shrunk(chosen, scenario, done.violations[0].seed, None, _SHRINK_S, as_json=as_json)
        raise typer.Exit(done.exit_status)


def shrink_command(
    scenario: ScenarioArgument,
    seed: Annotated[int, typer.Option("--seed", min=0, help="A seed that breaks an invariant.")],
    plan: Annotated[
        Path | None, typer.Option("--plan", help="File for the small plan; NAME-SEED.plan.json by default.")
    ] = None,
    most: TimeOption = "5m",
    as_json: JsonOption = False,
) -> None:
    """Make a failing plan small: as few faults and submissions as still break the same invariant.

    Writes what is left as a plan that `hive sim run SCENARIO --plan FILE` runs again. Exit status 1 if the seed breaks
    an invariant, as the run itself has.
    """
    from simulation.sim.scenario import load  # noqa: PLC0415

    with reported(as_json=as_json):
        raise typer.Exit(_shrunk(load(scenario), scenario, seed, plan, seconds_of(most), as_json=as_json))


def report_command(
    scenario: ScenarioArgument,
    out: Annotated[Path, typer.Option("--out", help="Folder for the page, the document and the plot.")],
    first_seed: FirstOption = 0,
    seeds: SeedsOption = None,
    jobs: JobsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sweep a scenario and say where the simulator has been: faults, outcomes, state changes, and what never occurred.

    Writes FOLDER/NAME.md, NAME.json and NAME.svg. Exit status 1 for any violation.
    """
    from simulation.sim.coverage import document, save  # noqa: PLC0415 - keeps `hive --help` quick
    from simulation.sim.coverage_plot import draw  # noqa: PLC0415
    from simulation.sim.scenario import load  # noqa: PLC0415

    with reported(as_json=as_json):
        chosen = load(scenario)
        done = swept(chosen, Wanted(first_seed, seeds or _SEEDS, jobs or _cores()))
        page = save(out, done)
        try:
            draw(done, out / f"{done.scenario}.svg")
        except HiveError as error:  # what a sweep came to is worth more than its picture
            note(error.detail, as_json=as_json)
        if as_json:
            emit(document(done))
        note(f"Written to {page}.", as_json=as_json)
        raise typer.Exit(done.exit_status)


def swept(scenario: Scenario, how: Wanted) -> Sweep:
    """Run the seeds; a bar on stderr says how far and how fast it goes."""
    from simulation.sim.crew import run_here  # noqa: PLC0415 - keeps `hive --help` quick
    from simulation.sim.on_ray import run_on_ray  # noqa: PLC0415
    from simulation.sim.seeds import run_seed  # noqa: PLC0415
    from simulation.sim.sweep import sweep  # noqa: PLC0415

    seeds: Iterable[int] = count(how.first) if how.seeds is None else range(how.first, how.first + how.seeds)
    call = partial(run_seed, scenario)
    runs: Iterator[Ran] = (
        run_on_ray(how.ray, call, seeds) if how.ray else run_here(call, seeds, how.jobs, _SEED_LIMIT_S)
    )
    until_s = time.monotonic() + how.limit_s if how.limit_s is not None else None
    with _bar(f"sweeping {scenario.name}", how.seeds) as moved:
        began_s = time.monotonic()

        def told(so_far: Sweep) -> None:
            per_s = so_far.seeds / max(1e-9, time.monotonic() - began_s)
            found = len(so_far.violations)
            broken = f", [red]{found} violation{'s' if found > 1 else ''}[/]" if found else ""
            speed = f"{per_s:.1f} seeds/s, {so_far.events_per_s:,.0f} events/s a core"
            moved(so_far.seeds, speed + broken)

        return sweep(scenario.name, runs, until_s=until_s, keep_going=how.keep_going, told=told)


def _shrunk(
    scenario: Scenario, name: str, seed: int, target: Path | None, limit_s: float, *, as_json: bool
) -> int:
    """Shrink a seed's plan, write and show what is left; return the exit status."""
    from simulation.sim.shrink import Progress, shrink  # noqa: PLC0415
    from simulation.sim.sweep_shown import screen_of_shrunk  # noqa: PLC0415

    with _bar(f"shrinking seed {seed} of {scenario.name}", None) as moved:

        def told(p: Progress) -> None:
            moved(p.tries, f"runs; {p.faults} faults and {p.submissions} submissions left")

        found = shrink(scenario, seed, time.monotonic() + limit_s, told)
    if found is None:
        note(f"Seed {seed} of {name} breaks no invariant: there is nothing to shrink.", as_json=as_json)
        return 0
    path = target or Path(f"{scenario.name}-{seed}.plan.json")
    found.save(path)
    emit(found.as_json(path)) if as_json else out.print(screen_of_shrunk(found, name, path))
    return 1


@contextmanager
def _bar(title: str, total: int | None) -> Iterator[Callable[[int, str], None]]:
    """Show a progress bar on stderr; yield what sets how far it is and the words after it."""
    from rich import progress as p  # noqa: PLC0415 - keeps `hive --help` quick

    of = p.MofNCompleteColumn() if total is not None else p.TextColumn("{task.completed}")
    words = p.TextColumn("{task.fields[words]}")
    columns = (p.TextColumn("{task.description}"), p.BarColumn(), of, p.TimeRemainingColumn(), words)
    with p.Progress(*columns, console=err, transient=True) as shown:
        bar = shown.add_task(title, total=total, words="")
        yield lambda done, said: shown.update(bar, completed=done, words=said)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
