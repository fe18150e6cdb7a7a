"""`hive sim`: the production cores in a virtual world, with faults, from one seed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hive.cli.report import JsonOption, emit, out, reported
from simulation.cli_chaos import chaos, judge
from simulation.cli_options import ScenarioArgument
from simulation.cli_sweep import report_command, shrink_command, sweep_command

if TYPE_CHECKING:
    from rich.console import RenderableType

    from simulation.sim.scenario import Scenario

sim_app = typer.Typer(
    help="Run the production cores in a virtual world, with faults, from one seed.",
    no_args_is_help=True,
    add_completion=False,
)
sim_app.command()(chaos)
sim_app.command()(judge)
sim_app.command("sweep")(sweep_command)
sim_app.command("shrink")(shrink_command)
sim_app.command("report")(report_command)


@sim_app.command("list")
def list_scenarios(as_json: JsonOption = False) -> None:
    """List the scenarios that come with Hive."""
    from hive.cli.style import Listing  # noqa: PLC0415 - keeps `hive --help` quick
    from simulation.sim.scenario import load, names  # noqa: PLC0415

    with reported(as_json=as_json):
        found = [load(name) for name in names()]
        if as_json:
            emit([{"name": scenario.name, "about": scenario.file.about} for scenario in found])
            return
        table = Listing(("scenario", "about"))
        for scenario in found:
            table.add_row(scenario.name, scenario.file.about)
        out.print(table)


@sim_app.command()
def check(scenario: ScenarioArgument, as_json: JsonOption = False) -> None:
    """Say what a scenario describes, or each mistake with its line and what to write instead."""
    from simulation.sim.scenario import load  # noqa: PLC0415

    with reported(as_json=as_json):
        found = load(scenario)
        emit(_described(found)) if as_json else out.print(_screen(found))


@sim_app.command()
def run(
    scenario: ScenarioArgument,
    seed: Annotated[
        int | None, typer.Option(min=0, help="What happens follows from it, bit for bit; 0 by default.")
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(help="A plan that `hive sim shrink` wrote, in place of the seed's.")
    ] = None,
    trace: Annotated[
        bool, typer.Option("--trace", help="Print everything that happens, one line each.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run one seed of a scenario. A broken promise is told with its story.

    Exit status 1 if a promise is broken.
    """
    from simulation.sim.plan_file import read  # noqa: PLC0415
    from simulation.sim.run import run as play  # noqa: PLC0415
    from simulation.sim.scenario import load  # noqa: PLC0415
    from simulation.sim.screen import as_document, screen  # noqa: PLC0415

    with reported(as_json=as_json):
        found = load(scenario)
        given = read(plan) if plan is not None else None
        chosen = seed if seed is not None else given.seed if given is not None else 0
        what = given.plan if given is not None else None
        result = play(found, chosen, what)
        told = play(found, chosen, what, trace=True).story if trace or not result.ok else ()
        if as_json:
            emit(as_document(scenario, result, told))
        else:
            for line in told:
                out.print(line, markup=False, highlight=False)
            out.print(screen(scenario, result))
        raise typer.Exit(0 if result.ok else 1)


def _described(scenario: Scenario) -> dict[str, object]:
    file = scenario.file
    return {
        "name": scenario.name,
        "about": file.about,
        "seconds": file.seconds,
        "sites": list(scenario.mesh.sites),
        "nodes": sum(nodes.count for nodes in scenario.nodes),
        "callers": sum(callers.count for callers in file.callers),
        "tasks_per_s": sum(callers.count * callers.rate for callers in file.callers),
        "faults": file.faults.count,
        "policies": len(scenario.meshes),
    }


def _screen(scenario: Scenario) -> RenderableType:
    from rich.table import Table  # noqa: PLC0415

    grid = Table.grid(padding=(0, 2))
    for name, value in _described(scenario).items():
        shown = (
            ", ".join(value)
            if isinstance(value, list)
            else f"{value:g}"
            if isinstance(value, float)
            else value
        )
        grid.add_row(f"[dim]{name.replace('_', ' ')}[/]", str(shown))
    return grid
