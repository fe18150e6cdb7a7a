"""`hive config`: checking a mesh file before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hive.cli.report import JsonOption, emit, out, reported
from hive.errors import HiveError

app = typer.Typer(help="Check mesh files.", no_args_is_help=True, add_completion=False)


@app.command()
def check(
    config: Annotated[str, typer.Argument(help="A mesh file, or the name of a bundled one.")],
    as_json: JsonOption = False,
) -> None:
    """Say what a mesh file describes, or every mistake in it with its line."""
    from rich.tree import Tree  # noqa: PLC0415 - keeps `hive --help` quick

    from hive.config import load_config  # noqa: PLC0415

    with reported(as_json=as_json):
        mesh = load_config(config)
        nodes = {f"{s}/{d}": mesh.node_ids(s, d) for s, part in mesh.sites.items() for d in part.devices}
        if as_json:
            rows = {device: [name for name, _ in entries] for device, entries in nodes.items()}
            emit({"mesh": mesh.mesh, "sites": list(mesh.sites), "devices": rows})
            return
        tree = Tree(f"[bold]{mesh.mesh}[/bold]")
        for site, part in mesh.sites.items():
            http = part.conductor.http
            where = f"http://{http.host}:{http.port}" if http else "no gateway"
            branch = tree.add(f"site [cyan]{site}[/cyan]  {part.conductor.bind}  {where}")
            for link in part.conductor.links():
                tier = " [dim]upstream[/dim]" if link is part.conductor.upstream else ""
                branch.add(f"dials [cyan]{link.site}[/cyan] at {mesh.link_endpoint(link)}{tier}")
            for device in part.devices:
                leaf = branch.add(f"device [green]{device}[/green]")
                for name, node in nodes[f"{site}/{device}"]:
                    leaf.add(f"{name}  [dim]credit {node.credit}[/dim]")
        rules = sum(1 for _ in mesh.policy.rules())
        tree.add(f"policy: {rules} rules")
        out.print(tree)
        out.print("[green]valid[/green]")


@app.command()
def schema(
    target: Annotated[
        Path | None, typer.Option("--out", help="Write it to a file instead of stdout.")
    ] = None,
) -> None:
    """Print the JSON schema of mesh files, for editors."""
    import json  # noqa: PLC0415

    from hive.config import json_schema  # noqa: PLC0415

    text = json.dumps(json_schema(), indent=2) + "\n"
    if target is None:
        typer.echo(text, nl=False)
        return
    with reported():
        try:
            target.write_text(text, encoding="utf-8")
        except OSError as error:
            raise HiveError("bad_request", f"{target} cannot be written: {error.strerror}.") from error


@app.command("list")
def list_configs(as_json: JsonOption = False) -> None:
    """List the mesh files that come with Hive."""
    from hive.config import bundled_configs  # noqa: PLC0415

    found = {name: str(path) for name, path in bundled_configs().items()}
    if as_json:
        emit(found)
        return
    for name, path in found.items():
        out.print(f"[bold]{name}[/bold]  [dim]{path}[/dim]")
