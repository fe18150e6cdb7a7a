"""`hive up`, `hive down` and `hive status`: a whole mesh on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hive.cli.report import JsonOption, emit, err, note, out, reported

_STATE_COLOURS = {
    "ready": "green",
    "running": "green",
    "starting": "yellow",
    "joining": "yellow",
    "suspect": "yellow",
}


def up(
    config: Annotated[str, typer.Argument(help="A mesh file, or the name of a bundled one: dev, factory.")],
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return once it is ready and leave it running.")
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait until every node is ready.")] = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Start everything in a mesh file on this machine and keep it running.

    Says when it is ready. Ctrl-C stops it; with --detach `hive down` does.
    """
    from hive.cli.starting import Starting  # noqa: PLC0415 - keeps `hive --help` quick

    with reported(as_json=as_json):
        starting = Starting(config, detach=detach, timeout_s=timeout, quiet=as_json)
        ready = starting.until_ready()
        if as_json:
            emit(ready)
        if detach:
            note("[dim]`hive status` shows it, `hive down` stops it.[/dim]", as_json=as_json)
            return
        note("[dim]Ctrl-C stops it.[/dim]", as_json=as_json)
        starting.until_stopped()


def down(
    mesh: Annotated[str | None, typer.Argument(help="The mesh's name; needed only if several run.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Stop the mesh that runs here: devices say goodbye, then the conductors stop."""
    from hive.cli.stopping import stop_mesh  # noqa: PLC0415

    with reported(as_json=as_json):
        stopped = stop_mesh(mesh)
        if as_json:
            emit(stopped)
        else:
            for row in stopped:
                out.print(f"[bold]{row['mesh']}[/bold] stopped")


def status(
    all_meshes: Annotated[
        bool, typer.Option("--all", help="Processes of meshes that have stopped, too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List every process of the meshes on this machine.

    Exit status 0 if all of them are well, 1 if one is not or nothing runs.
    """
    from hive.processes import mesh_processes  # noqa: PLC0415

    with reported(as_json=as_json):
        rows = mesh_processes(include_stopped=all_meshes)
        if as_json:
            emit([{key: row[key] for key in ("role", "name", "site", "pid", "state")} for row in rows])
        else:
            _show(rows)
        raise typer.Exit(0 if rows and all(row["state"] == "ready" for row in rows) else 1)


def _show(rows: list[dict[str, object]]) -> None:
    from rich.table import Table  # noqa: PLC0415

    if not rows:
        err.print("No mesh is running here. [bold]hive up dev[/bold] starts one.")
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("mesh", "site", "role", "name"):
        table.add_column(heading)
    for heading in ("pid", "memory"):
        table.add_column(heading, justify="right")
    table.add_column("state")
    for row in rows:
        colour = _STATE_COLOURS.get(str(row["state"]), "red")
        table.add_row(
            str(row["mesh"]), str(row["site"]), str(row["role"]), f"[bold]{row['name']}[/bold]",
            str(row["pid"] or "-"), str(row["memory"]), f"[{colour}]{row['state']}[/{colour}]",
        )  # fmt: skip
    out.print(table)


def config_path(config: str) -> Path:
    """Return the path of a mesh file or a bundled name."""
    from hive.config_source import find_source  # noqa: PLC0415

    return find_source(config)
