"""`hive sim chaos` and `hive sim judge`: a real mesh with faults, and the judgement of what was written down."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hive.cli.report import JsonOption, emit, err, out, reported
from hive.errors import HiveError
from simulation.chaos.faults import KINDS, parse_faults
from simulation.cli_options import seconds_of
from simulation.history.checker import BROKEN

if TYPE_CHECKING:
    from simulation.chaos.run import Plan

_DROPPED = "partition"
_FAULTS = f"kill,stop,{_DROPPED},slow,poison,conductor-kill,gateway-kill"
_LISTED = "\n\n".join(f"- `{name}`: {kind.what}" for name, kind in KINDS.items())

FaultsOption = Annotated[
    str | None,
    typer.Option(
        help="Kinds, with commas between; `kill=100` is exactly so many. Default: those of "
        f"{_FAULTS} that the mesh can have here."
    ),
]


def chaos(  # noqa: PLR0913, PLR0917 - each is an option
    config: Annotated[str, typer.Argument(help="A mesh file, or the name of a bundled one.")],
    duration: Annotated[str, typer.Option(help="How long load and faults last, such as 120s or 5m.")] = "60s",
    faults: FaultsOption = None,
    seed: Annotated[int, typer.Option(help="Seed of the faults and of what is asked.")] = 1,
    every: Annotated[
        float, typer.Option(min=0.05, help="Seconds per fault of the kinds without a number.")
    ] = 2.0,
    rate: Annotated[
        float, typer.Option(min=1, max=2000, help="Submissions a second, of all callers.")
    ] = 60.0,
    tasks: Annotated[
        int,
        typer.Option(min=0, help="Go on until so many durable tasks are acknowledged, at the rate it takes."),
    ] = 0,
    callers: Annotated[int, typer.Option(min=1, max=64, help="Processes that ask; at least one a site.")] = 4,
    patience: Annotated[
        float, typer.Option(min=1, help="Seconds after which what has no outcome is lost.")
    ] = 120.0,
    store: Annotated[
        str,
        typer.Option(
            envvar="HIVE_STORE_URL",
            help="Where conductors keep tasks, as in a mesh file; `postgres` runs a server. Default: theirs.",
        ),
    ] = "",
    netns: Annotated[
        bool | None,
        typer.Option(
            "--netns/--no-netns", help="A network namespace for each site. Default: where it may be had."
        ),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the report. Default: reports/chaos-CONFIG-SEED-TIME."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start a real mesh, load it from outside, break it by seed, heal it, and judge what everybody wrote down."""
    from simulation.chaos.report import write_report  # noqa: PLC0415 - keeps `hive --help` quick
    from simulation.chaos.run import Plan, run  # noqa: PLC0415
    from simulation.chaos.screen import Screen, summary  # noqa: PLC0415
    from simulation.netns import possible  # noqa: PLC0415

    with reported(as_json=as_json):
        spaces = possible() if netns is None else netns
        wanted = parse_faults(default_faults(config, netns=spaces) if faults is None else faults)
        plan = Plan(
            config, seconds_of(duration), wanted, seed, every, rate, tasks, callers, patience, store, spaces
        )
        folder = target or _folder(plan)
        _empty(folder)
        with Screen(err, quiet=as_json) as screen:
            result = run(plan, folder, screen)
        write_report(folder, result)
        emit(result) if as_json else out.print(summary(result, str(folder)))
        raise typer.Exit(_status(result))


def judge(
    folder: Annotated[Path, typer.Argument(help="What `hive sim chaos` wrote.")],
    as_json: JsonOption = False,
) -> None:
    """Judge a chaos run again from its histories. Exit status 1 if a promise was broken."""
    from simulation.chaos.report import write_report  # noqa: PLC0415
    from simulation.chaos.run import judge_folder  # noqa: PLC0415
    from simulation.chaos.screen import summary  # noqa: PLC0415

    with reported(as_json=as_json):
        result = judge_folder(folder)
        write_report(folder, result)
        emit(result) if as_json else out.print(summary(result, str(folder)))
        raise typer.Exit(_status(result))


chaos.__doc__ = f"{chaos.__doc__}\n\nFaults:\n\n{_LISTED}\n\nExit status 1 if a promise was broken."


def default_faults(config: str, *, netns: bool) -> str:
    """Return the kinds that a mesh can have here: packets are dropped in namespaces or, without them, on links."""
    from hive.config import load_config  # noqa: PLC0415 - keeps `hive --help` quick

    dropped = netns or load_config(config).linked_sites()
    return _FAULTS if dropped else _FAULTS.replace(f"{_DROPPED},", "")


def _folder(plan: Plan) -> Path:
    import time  # noqa: PLC0415

    return Path("reports") / f"chaos-{Path(plan.config).stem}-{plan.seed}-{time.strftime('%Y%m%d-%H%M%S')}"


def _empty(folder: Path) -> None:
    """Raise HiveError(bad_request) for a folder that has something in it already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise HiveError("bad_request", f"{folder} is there already; name another folder with --out.")


def _status(result: dict[str, object]) -> int:
    kept = not any(result[name] for name in BROKEN)
    return 0 if kept else 1
