"""`hive up`, `hive down` and `hive status`: a whole mesh on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hive.cli.report import JsonOption, emit, note, out, reported

if TYPE_CHECKING:
    from hive.processes import ProcessRow


def up(
    config: Annotated[
        str, typer.Argument(help="A mesh file, or the name of a bundled one: dev, factory, retail, …")
    ],
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return once it is ready and leave it running.")
    ] = False,
    netns: Annotated[
        bool, typer.Option("--netns", help="Each site in a network namespace of its own (Linux, root).")
    ] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait until every node is ready.")] = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Start everything in a mesh file on this machine and keep it running.

    Says when it is ready. Ctrl-C stops it; with --detach `hive down` does.
    """
    from hive.cli.starting import Starting  # noqa: PLC0415 - keeps `hive --help` quick

    with reported(as_json=as_json):
        starting = Starting(config, detach=detach, timeout_s=timeout, quiet=as_json, netns=netns)
        ready = starting.until_ready()
        if as_json:
            emit(ready)
        if detach:
            note("[dim]It runs on; `hive down` stops it.[/]", as_json=as_json)
            return
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


def status(as_json: JsonOption = False) -> None:
    """List every process of the meshes on this machine.

    Exit status 0 if a mesh runs, 1 if none does.
    """
    from hive.processes import mesh_processes  # noqa: PLC0415

    with reported(as_json=as_json):
        rows = mesh_processes()
        emit([row.as_json() for row in rows]) if as_json else _show(rows)
        raise typer.Exit(0 if any(row.pid for row in rows) else 1)


def _show(rows: list[ProcessRow]) -> None:
    from hive.cli.style import Listing, state_text  # noqa: PLC0415

    if not rows:
        note("No mesh is running here. [bold]hive up dev[/] starts one.")
        return
    columns = ("mesh", "site", "role", "name", "state", "pid", "memory")
    table = Listing(columns, right=("pid", "memory"), spare=("site", "memory", "mesh"))
    before = ("", "")
    for row in rows:
        group = (row.mesh, row.site)
        mesh, site = group if group != before else ("", "")
        before = group
        name = f"  {row.name}" if row.role == "node" else f"[bold]{row.name}[/]"
        memory = f"{row.memory_mib:.0f} MiB" if row.pid else "-"
        table.add_row(mesh, site, row.role, name, state_text(row.state), str(row.pid or "-"), memory)
    out.print(table)
