"""`hive link`: the links between the sites of a mesh that runs here, to cut, slow down and heal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from hive.cli.report import JsonOption, emit, out, reported
from hive.errors import HiveError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from simulation.links.fate import Fate
    from simulation.links.wishes import Link

link_app = typer.Typer(
    help="Show, cut, slow down and heal the links between the sites of a mesh that runs here.",
    no_args_is_help=True,
    add_completion=False,
)

SiteArgument = Annotated[str, typer.Argument(metavar="A", help="A site.")]
OtherArgument = Annotated[str, typer.Argument(metavar="B", help="The site at the other end.")]
MeshOption = Annotated[str | None, typer.Option("--mesh", help="Which mesh, where several run here.")]
OneWayOption = Annotated[bool, typer.Option("--one-way", help="Only what A sends to B.")]


@link_app.command("list")
def list_links(mesh: MeshOption = None, as_json: JsonOption = False) -> None:
    """List the links and what happens to what goes over them."""
    from simulation.links.wishes import links_of  # noqa: PLC0415 - keeps `hive --help` quick

    with reported(as_json=as_json):
        _show(links_of(mesh), as_json=as_json)


@link_app.command()
def cut(
    site: SiteArgument,
    other: OtherArgument,
    one_way: OneWayOption = False,
    mesh: MeshOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let nothing through, without closing a connection: as when a cable is cut. `heal` mends it."""
    _change(site, other, mesh, lambda fate: replace(fate, cut=True), one_way=one_way, as_json=as_json)


@link_app.command()
def heal(
    site: Annotated[str | None, typer.Argument(metavar="A", help="A site; every link if left out.")] = None,
    other: Annotated[str | None, typer.Argument(metavar="B", help="The site at the other end.")] = None,
    mesh: MeshOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let everything through again, at once and without loss."""
    from simulation.links.fate import PLAIN  # noqa: PLC0415
    from simulation.links.wishes import link_between, links_of, wish  # noqa: PLC0415

    with reported(as_json=as_json):
        if (site is None) != (other is None):
            raise HiveError("bad_request", "Name both sites of the link, or none for all links.")
        links = links_of(mesh)
        chosen = [link_between(links, site, other)] if site and other else links
        _show([wish(link, PLAIN, PLAIN) for link in chosen], as_json=as_json)


@link_app.command()
def delay(
    site: SiteArgument,
    other: OtherArgument,
    ms: Annotated[float, typer.Argument(min=0, max=60_000, help="Milliseconds in each direction.")],
    jitter_ms: Annotated[
        float, typer.Option("--jitter", min=0, max=60_000, help="Up to so many more.")
    ] = 0.0,
    one_way: OneWayOption = False,
    mesh: MeshOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let everything arrive later."""
    later = lambda fate: replace(fate, delay_ms=ms, jitter_ms=jitter_ms)  # noqa: E731 - one line
    _change(site, other, mesh, later, one_way=one_way, as_json=as_json)


@link_app.command()
def loss(
    site: SiteArgument,
    other: OtherArgument,
    percent: Annotated[float, typer.Argument(min=0, max=90, help="Of the TCP segments, in each direction.")],
    one_way: OneWayOption = False,
    mesh: MeshOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lose some of what is sent. TCP sends it again 200 ms later, then 400, and what follows waits for it."""
    losing = lambda fate: replace(fate, loss_percent=percent)  # noqa: E731 - one line
    _change(site, other, mesh, losing, one_way=one_way, as_json=as_json)


def _change(
    site: str, other: str, mesh: str | None, fate: Callable[[Fate], Fate], *, one_way: bool, as_json: bool
) -> None:
    """Give both ways of a link, or the one from `site`, another fate, and show it."""
    from simulation.links.wishes import link_between, links_of, wish  # noqa: PLC0415

    with reported(as_json=as_json):
        link = link_between(links_of(mesh), site, other)
        there = fate(link.there) if not one_way or site == link.site else link.there
        back = fate(link.back) if not one_way or site == link.other else link.back
        _show([wish(link, there, back)], as_json=as_json)


def _show(links: list[Link], *, as_json: bool) -> None:
    emit([link.as_json() for link in links]) if as_json else out.print(_screen(links))


def _screen(links: list[Link]) -> RenderableType:
    from hive.cli.style import Listing  # noqa: PLC0415

    if not links:
        return "[dim]The sites of this mesh have no links. `upstream` and `peers` in its file make some.[/]"
    table = Listing(("from", "to", "", "delay", "loss"), right=("delay", "loss"))
    for link in links:
        for source, target, fate in ((link.site, link.other, link.there), (link.other, link.site, link.back)):
            state = "[red]● cut[/]" if fate.cut else "[green]● whole[/]"
            jitter = f" + {fate.jitter_ms:g}" if fate.jitter_ms else ""
            late = f"{fate.delay_ms:g}{jitter} ms" if fate.delay_ms or fate.jitter_ms else "-"
            table.add_row(
                source, target, state, late, f"{fate.loss_percent:g} %" if fate.loss_percent else "-"
            )
    return table
