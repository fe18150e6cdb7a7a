"""The `hive` command: its own commands, and those of other packages as plug-ins (entry points `hive.commands`).

Nothing heavy is imported here: a command imports what it needs when it runs, and `hive --help` loads no plug-in.
"""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from hive import __version__
from hive.cli import config, mesh, outbox, tasks, views
from hive.cli.plugins import Plugged
from hive.cli.report import reported, wants_json

_HERE: Final = "A mesh on this machine"
_ASK: Final = "Ask"
_LOOK: Final = "Look"

app = typer.Typer(
    cls=Plugged,
    name="hive",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 it holds, 1 it does not, 2 wrong usage, others as docs/reference/errors.md lists them.",
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
    """A mesh of tiny specialist models that keeps data where it may be."""


app.command("up", rich_help_panel=_HERE)(mesh.up)
app.command("down", rich_help_panel=_HERE)(mesh.down)
app.command("status", rich_help_panel=_HERE)(mesh.status)
app.command("submit", rich_help_panel=_ASK)(tasks.submit)
app.command("explain", rich_help_panel=_ASK)(tasks.explain)
app.add_typer(tasks.app, name="task", rich_help_panel=_ASK)
app.add_typer(outbox.app, name="outbox", rich_help_panel=_ASK)
app.command("nodes", rich_help_panel=_LOOK)(views.nodes)
app.command("sites", rich_help_panel=_LOOK)(views.sites)
app.command("capabilities", rich_help_panel=_LOOK)(views.capabilities)
app.command("graph", rich_help_panel=_LOOK)(views.graph)
app.add_typer(config.app, name="config", rich_help_panel=_LOOK)


def main() -> None:
    """Run the command line; what no command foresaw is a fault of ours, and says so."""
    try:
        with reported(as_json=wants_json(sys.argv[1:])):
            app()
    except typer.Exit as leave:
        sys.exit(leave.exit_code)
