"""`hive conductor`: the conductor of a site on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

conductor_app = typer.Typer(help="Run a site's conductor.", no_args_is_help=True, add_completion=False)


@conductor_app.callback()
def conductor() -> None:
    """Run a site's conductor."""


@conductor_app.command()
def run(
    config: Annotated[str, typer.Argument(help="A mesh file, or the name of a bundled one.")],
    site: Annotated[str | None, typer.Option(help="The site; needed only if the file has several.")] = None,
    state: Annotated[Path | None, typer.Option(help="State directory; default: $HIVE_HOME/<mesh>.")] = None,
    link_via: Annotated[
        list[str] | None,
        typer.Option(
            "--link-via", metavar="SITE=ADDRESS", help="Dial a linked site at another address: tcp://…"
        ),
    ] = None,
) -> None:
    """Start dispatcher, control process and gateway of a site and keep them running until Ctrl-C."""
    from conductor.app import ConductorApp  # noqa: PLC0415 - keeps `hive --help` quick
    from hive.cli.report import note, reported  # noqa: PLC0415
    from hive.config import find_site, load_config  # noqa: PLC0415
    from hive.config_source import find_source  # noqa: PLC0415
    from hive.state_dir import make, mesh_dir  # noqa: PLC0415

    with reported():
        mesh = load_config(config)
        chosen = find_site(mesh, site)
        folder = make(state if state is not None else mesh_dir(mesh.mesh))
        via = dict(word.partition("=")[::2] for word in link_via or ())
        part = mesh.sites[chosen].conductor
        note(
            f"conductor of [bold]{chosen}[/bold]: wire {part.bind}, task API {part.http.port if part.http else 'off'}"
        )
        raise typer.Exit(ConductorApp(mesh, find_source(config), chosen, folder, via).run())


gateway_app = typer.Typer(
    help="Run one more HTTP gateway of a site.", no_args_is_help=True, add_completion=False
)


@gateway_app.callback()
def gateway() -> None:
    """Run one more HTTP gateway of a site."""


@gateway_app.command("run")
def run_one_more(
    config: Annotated[str, typer.Argument(help="A mesh file, or the name of a bundled one.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 picks a free port.")],
    host: Annotated[str, typer.Option(help="On which address to listen.")] = "127.0.0.1",
    site: Annotated[str | None, typer.Option(help="The site; needed only if the file has several.")] = None,
    state: Annotated[Path | None, typer.Option(help="State directory; default: $HIVE_HOME/<mesh>.")] = None,
) -> None:
    """Serve the task API on one more port, in a process of its own, until Ctrl-C.

    It runs on the conductor's machine, and takes the graph's pages to be the business of the site's own gateway.
    """
    from conductor.gateway.process import run_gateway  # noqa: PLC0415 - keeps `hive --help` quick
    from hive.cli.report import note, reported  # noqa: PLC0415
    from hive.config import find_site, load_config  # noqa: PLC0415
    from hive.state_dir import make, mesh_dir  # noqa: PLC0415

    with reported():
        mesh = load_config(config)
        folder = make(state if state is not None else mesh_dir(mesh.mesh))
        told = lambda url: note(f"gateway of [bold]{mesh.mesh}[/] at {url}")  # noqa: E731 - one line
        run_gateway(mesh, find_site(mesh, site), folder, host, port, told)
