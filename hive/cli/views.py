"""`hive nodes`, `hive capabilities` and `hive graph`: what the mesh is, as its conductor sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hive.cli.report import JsonOption, UrlOption, emit, escape, out, reported
from hive.errors import HiveError

if TYPE_CHECKING:
    from rich.console import RenderableType

Rows = Sequence[Mapping[str, Any]]
# What `hive nodes --json` promises; the conductor tells more, which may change.
NODE_FIELDS: Final = (
    "id",
    "incarnation",
    "site",
    "specialist",
    "capability",
    "state",
    "pid",
    "agent_pid",
    "endpoint",
    "inflight",
    "credit",
)


def nodes(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Keep looking, until Ctrl-C.")] = False,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the nodes: what each serves, how it is, and how much it has in hand."""
    from hive.cli.everywhere import asking_every_site  # noqa: PLC0415 - keeps `hive --help` quick

    with reported(as_json=as_json), asking_every_site(url) as sites:
        if watch and not as_json:
            _watch(lambda: nodes_screen(sites.rows(lambda client: client.nodes(), quiet=True)))
            return
        rows = sites.rows(lambda client: client.nodes())
        if as_json:
            emit([{name: row.get(name) for name in NODE_FIELDS} for row in rows])
        else:
            out.print(nodes_screen(rows))


def capabilities(url: UrlOption = None, as_json: JsonOption = False) -> None:
    """List what a site can be asked for: inputs, output, how many nodes are ready, which linked sites have it too."""
    from hive.cli.connect import asking  # noqa: PLC0415

    with reported(as_json=as_json):
        with asking(url) as client:
            rows = client.capabilities()
        emit(rows) if as_json else out.print(capabilities_screen(rows))


def sites(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Keep looking, until Ctrl-C.")] = False,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the sites and the links between them: how each is, its round trip, and what waits for the other side."""
    from hive.cli.everywhere import asking_every_site  # noqa: PLC0415
    from hive.cli.sites import site_rows, sites_screen  # noqa: PLC0415

    with reported(as_json=as_json), asking_every_site(url) as everywhere:
        if watch and not as_json:
            _watch(lambda: sites_screen(site_rows(everywhere)))
            return
        rows = site_rows(everywhere)
        emit(rows) if as_json else out.print(sites_screen(rows))


def graph(
    dot: Annotated[bool, typer.Option("--dot", help="Print it in Graphviz' language.")] = False,
    svg: Annotated[
        str | None, typer.Option("--svg", metavar="FILE", help="Draw it into a file; - is stdout.")
    ] = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the graph of data types and capabilities: what each type can become, who is ready to do it, and where.

    The tree joins all sites of the mesh that runs here; --dot, --svg and --json are what one site plans with.
    """
    from hive.cli.connect import asking_http, page  # noqa: PLC0415
    from hive.cli.everywhere import asking_every_site  # noqa: PLC0415
    from hive.cli.graph import graph_screen, merged, write_drawing  # noqa: PLC0415

    with reported(as_json=as_json):
        if sum((dot, svg is not None, as_json)) > 1:
            raise HiveError("bad_request", "--dot, --svg and --json exclude each other; give one of them.")
        if dot:
            typer.echo(page(url, "/v1/graph?format=dot"), nl=False)
        elif svg is not None:
            write_drawing(page(url, "/v1/graph?format=svg"), svg)
        else:
            with asking_http(url) as port, asking_every_site(url) as everywhere:
                if as_json:
                    emit(port.query("graph"))
                    return
                told, _ = everywhere.ask(lambda client: client.capabilities())
                out.print(graph_screen(merged(told), port.query("types")))


def nodes_screen(rows: Rows) -> RenderableType:
    """Return the table of nodes."""
    from hive.cli.style import Listing, bar, millis, state_text  # noqa: PLC0415

    if not rows:
        return "[dim]No node has connected yet. `hive status` shows the agents.[/]"
    columns = ("node", "site", "capability", "state", "in hand", "a run", "pid")
    table = Listing(columns, right=("a run", "pid"), spare=("site", "capability", "a run"))
    for row in rows:
        load = bar(row["inflight"], row["credit"])
        load.append(f" {row['inflight']}/{row['credit']}", style="dim")
        took = millis(row["run_us"] / 1000) if row.get("run_us") else "-"
        state = state_text(str(row["state"]))
        # Peers choose these words.
        name, site, capability = (escape(str(row[word])) for word in ("id", "site", "capability"))
        table.add_row(f"[bold]{name}[/]", site, capability, state, load, took, str(row.get("pid") or "-"))
    return table


def capabilities_screen(rows: Rows) -> RenderableType:
    """Return the table of capabilities."""
    from hive.cli.style import Listing, bar  # noqa: PLC0415

    if not rows:
        return "[dim]Nothing is offered yet. `hive nodes` shows who has connected.[/]"
    columns = ("capability", "from", "to", "ready", "also at", "waiting", "may remove")
    table = Listing(columns, right=("waiting",), spare=("waiting", "may remove"))
    for row in rows:
        ready, count = int(row.get("ready", 0)), int(row.get("nodes", 0))
        load = bar(ready, count, 6, "green")
        load.append(f" {ready}/{count}", style="dim")
        inputs = ", ".join(str(kind) for kind in row.get("inputs", {}).values())
        removes = ", ".join(row.get("removes", ()))
        name = f"[bold]{row['capability']}[/]"
        away = escape(", ".join(row.get("sites", ())))
        table.add_row(
            name, inputs, str(row.get("output", "")), load, away, str(row.get("waiting", 0)), removes
        )
    return table


def _watch(screen: object) -> None:
    """Show a screen again and again until Ctrl-C."""
    import time  # noqa: PLC0415

    from rich.live import Live  # noqa: PLC0415

    assert callable(screen)
    with Live(screen(), console=out, auto_refresh=False, screen=False) as live:
        while True:
            time.sleep(0.5)
            live.update(screen(), refresh=True)
