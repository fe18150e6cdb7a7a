"""`hive demo` and `hive bench`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from hive.cli.report import JsonOption, emit, reported

if TYPE_CHECKING:
    from simulation.bench.pairs import Result

demo_app = typer.Typer(
    help="Run the factory, break it on purpose and see that nobody notices.", add_completion=False
)
bench_app = typer.Typer(
    help="Measure the mesh against bare baselines, side by side.", no_args_is_help=True, add_completion=False
)

OutOption = Annotated[Path | None, typer.Option(help="Folder for the JSON document.")]


@demo_app.callback(invoke_without_command=True)
def demo(
    config: Annotated[
        Path | None, typer.Option(help="The mesh to run; the bundled factory by default.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=5.0, max=600.0, help="How long the stream runs.")] = 25.0,
    rate: Annotated[float, typer.Option(min=1.0, max=500.0, help="Tasks per second.")] = 60.0,
    seed: Annotated[
        int, typer.Option(help="Seed of the generated signals and of the choice of victims.")
    ] = 7,
    alone: Annotated[
        float | None,
        typer.Option(
            min=1.0, max=1800.0, help="Seconds that a link stays cut; 0.3 of the stream by default."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start a factory on this machine, stream windows and utterances, kill and freeze nodes, count what was lost.

    Exit status 0 if every task had its answer, 1 if anything was lost.
    """
    from simulation.demo.run import run_demo  # noqa: PLC0415 - keeps `hive --help` quick
    from simulation.demo.story import Plan  # noqa: PLC0415

    with reported(as_json=as_json):
        raise typer.Exit(run_demo(config, Plan(seconds, rate, seed, alone), as_json=as_json))


@bench_app.callback()
def bench() -> None:
    """Measure the mesh against bare baselines, side by side."""


@bench_app.command("dispatch")
def bench_dispatch(
    pairs: Annotated[
        int, typer.Option(min=2, help="Interleaved pairs per goal; 12 or more for a figure.")
    ] = 12,
    trips: Annotated[int, typer.Option(min=20, help="Round trips in each short run.")] = 400,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """P1, P2 and P14: a task through the conductor against a bare relay, and over HTTP against a bare echo.

    The large size is `--pairs 40 --trips 2000`. Exit status 1 if a gate does not hold.
    """
    with reported(as_json=as_json):
        from simulation.bench.dispatch import measure  # noqa: PLC0415 - keeps `hive --help` quick

        run = Run("dispatch", "measuring P1, P2 and P14 in turn", 3 * pairs)
        raise typer.Exit(_bench(run, lambda progress: measure(pairs, trips, progress), out, as_json=as_json))


@bench_app.command("route")
def bench_route(
    nodes: Annotated[
        list[int] | None, typer.Option("--nodes", min=1, max=100_000, help="How many nodes; may be repeated.")
    ] = None,
    pairs: Annotated[int, typer.Option(min=2, help="Interleaved pairs; 12 or more for a figure.")] = 12,
    out: Annotated[Path | None, typer.Option(help="Folder for the JSON document and the plot.")] = None,
    as_json: JsonOption = False,
) -> None:
    """P7: a decision, a join and a leave with many nodes against few, at one site and over up to 200 linked ones.

    The large size, 10 to 10,000 nodes, is the default; `--nodes 10 --nodes 1000 --pairs 4` is quick. Exit status 1 if
    a gate does not hold.
    """
    with reported(as_json=as_json):
        from rich.console import Console  # noqa: PLC0415 - keeps `hive --help` quick

        from simulation.bench.plot import draw  # noqa: PLC0415
        from simulation.bench.report import sizes_table  # noqa: PLC0415
        from simulation.bench.route import LARGE, RUNS, Size, measure  # noqa: PLC0415

        chosen = sorted(set(nodes or LARGE))
        run = Run("route", f"measuring P7 with {', '.join(f'{n:,}' for n in chosen)} nodes", 3 * pairs + RUNS)
        results: list[Result] = []
        sizes: list[Size] = []

        def measured(progress: Callable[[], None]) -> list[Result]:
            results[:], sizes[:] = measure(chosen, pairs, progress)
            return results

        more = lambda: {"sizes": [size.as_json() for size in sizes]}  # noqa: E731 - one line
        status = _bench(run, measured, out, as_json=as_json, more=more)
        if not as_json:
            Console().print(sizes_table(sizes))
        if out is not None:
            draw(sizes, results, out / "route.svg")
        raise typer.Exit(status)


@bench_app.command("store")
def bench_store(
    pairs: Annotated[int, typer.Option(min=2, help="Interleaved pairs; 12 or more for a figure.")] = 12,
    trips: Annotated[int, typer.Option(min=20, help="Round trips in each short run.")] = 300,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """S1 to S3: durable and interactive tasks on a store in SQLite, against one in memory.

    Exit status 1 if a gate does not hold.
    """
    with reported(as_json=as_json):
        from simulation.bench.store import measure  # noqa: PLC0415 - keeps `hive --help` quick

        run = Run("store", "measuring S1, S2 and S3 in turn", 3 * pairs)
        raise typer.Exit(_bench(run, lambda progress: measure(pairs, trips, progress), out, as_json=as_json))


@bench_app.command("memory")
def bench_memory(
    pairs: Annotated[int, typer.Option(min=2, help="Interleaved pairs; memory varies little.")] = 5,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """P12: resident memory of a node with its share of the agent, against a bare Python.

    Exit status 1 if the gate does not hold.
    """
    with reported(as_json=as_json):
        from simulation.bench.memory import measure  # noqa: PLC0415 - keeps `hive --help` quick

        run = Run("memory", "measuring P12", pairs)
        raise typer.Exit(_bench(run, lambda progress: measure(pairs, progress), out, as_json=as_json))


@bench_app.command("hedge")
def bench_hedge(
    pairs: Annotated[int, typer.Option(min=2, help="Interleaved pairs; 12 or more for a figure.")] = 12,
    tasks: Annotated[int, typer.Option(min=2_000, help="Tasks in each run.")] = 20_000,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """P9: the tail with and without hedging where one run in a hundred stalls for 50 ms, and the extra work.

    The conductor's core in virtual time. Exit status 1 if a gate does not hold.
    """
    with reported(as_json=as_json):
        from simulation.bench.hedge import measure  # noqa: PLC0415 - keeps `hive --help` quick

        run = Run("hedge", "measuring P9", pairs)
        raise typer.Exit(_bench(run, lambda progress: measure(pairs, tasks, progress), out, as_json=as_json))


@bench_app.command("sim")
def bench_sim(
    scenarios: Annotated[
        list[str] | None,
        typer.Option("--scenario", help="A scenario; may be repeated. Default: all bundled."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=2, help="Seeds of each scenario; 12 or more for a figure.")] = 12,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """F10: events a second of the simulator on one core, with every invariant checked, against 30,000.

    `--scenario smoke --rounds 4` is quick. Exit status 1 if the gate does not hold.
    """
    with reported(as_json=as_json):
        from simulation.bench.sim import measure  # noqa: PLC0415 - keeps `hive --help` quick
        from simulation.sim.scenario import names  # noqa: PLC0415

        chosen = scenarios or names()
        run = Run("sim", "measuring F10", rounds * len(chosen))
        raise typer.Exit(
            _bench(run, lambda progress: measure(chosen, rounds, progress), out, as_json=as_json)
        )


class Run(NamedTuple):
    """A benchmark's name, what its progress bar says, and how many steps it has."""

    name: str
    title: str
    steps: int


def _bench(
    run: Run,
    measure: Callable[[Callable[[], None]], list[Result]],
    out: Path | None,
    *,
    as_json: bool,
    more: Callable[[], Mapping[str, object]] = dict,
) -> int:
    """Measure, show and save, with what `more` adds to the document; return the exit status."""
    from rich.console import Console  # noqa: PLC0415 - keeps `hive --help` quick
    from rich.progress import Progress  # noqa: PLC0415

    from simulation.bench import report  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True, disable=as_json) as progress:
        bar = progress.add_task(run.title, total=run.steps)
        results = measure(lambda: progress.advance(bar))
    if out is not None:
        report.save(out, run.name, results, more())
    if as_json:
        emit(report.document(run.name, results, more()))
    else:
        Console().print(report.table(run.name, results))
    return 0 if all(result.holds for result in results) else 1
