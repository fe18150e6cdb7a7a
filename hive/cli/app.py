"""The `hive` command: its own commands, and those of other packages as plug-ins (entry points `hive.commands`)."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Annotated

import click
import typer
from typer.core import TyperGroup

from hive import __version__
from hive.cli import config, mesh, tasks, views

_EXTRA = {"conductor": "conductor", "demo": "conductor", "bench": "conductor"}


class Plugged(TyperGroup):
    """A command group that also offers the entry points of installed packages, loaded when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command's name."""
        return sorted({*super().list_commands(ctx), *_plugins()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, from a plug-in if need be."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        plugin = _plugins().get(cmd_name)
        return _load(plugin) if plugin is not None else None


def _plugins() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group="hive.commands")}


def _load(plugin: EntryPoint) -> click.Command:
    try:
        return typer.main.get_command(plugin.load())
    except ImportError as error:
        return _missing(plugin.name, str(error))


def _missing(name: str, why: str) -> click.Command:
    extra = _EXTRA.get(name, "conductor")
    sentence = f"`hive {name}` needs an optional part: pip install 'hive-mesh[{extra}]' ({why})."

    def tell() -> None:
        from hive.cli.report import fail  # noqa: PLC0415
        from hive.errors import HiveError  # noqa: PLC0415

        fail(HiveError("extra_missing", sentence), as_json=False)

    return click.Command(
        name, callback=tell, short_help=f"(not installed: hive-mesh[{extra}])", add_help_option=False
    )


app = typer.Typer(
    cls=Plugged,
    name="hive",
    help="A mesh of tiny specialist models that keeps data where it may be.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"hive {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Run, watch and ask a mesh of tiny specialist models."""


app.command("up")(mesh.up)
app.command("down")(mesh.down)
app.command("status")(mesh.status)
app.command("nodes")(views.nodes)
app.command("graph")(views.graph)
app.command("capabilities")(views.capabilities)
app.command("submit")(tasks.submit)
app.command("explain")(tasks.explain)
app.add_typer(tasks.app, name="task")
app.add_typer(config.app, name="config")


def main() -> None:
    """Run the command line."""
    app()
