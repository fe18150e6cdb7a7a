"""`hive store`: look at the store of a site's durable tasks, bring it up to date, write it out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hive.cli.report import JsonOption, emit, escape, note, out, reported

if TYPE_CHECKING:
    from conductor.store.address import Address
    from conductor.store.sql.checking import Report
    from conductor.store.sql.database import Database

store_app = typer.Typer(
    help="Check, migrate and export the store of a site's durable tasks.",
    no_args_is_help=True,
    add_completion=False,
)

ConfigArgument = Annotated[
    str | None,
    typer.Argument(help="A mesh file, or the name of a bundled one; or say --url.", show_default=False),
]
SiteOption = Annotated[str | None, typer.Option(help="The site; needed only if the file has several.")]
StateOption = Annotated[Path | None, typer.Option(help="State directory; default: $HIVE_HOME/<mesh>.")]
StoreUrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="HIVE_STORE_URL",
        show_envvar=False,
        help="sqlite:///PATH or postgresql://… instead of a file.",
    ),
]


@store_app.callback()
def store() -> None:
    """Check, migrate and export the store of a site's durable tasks."""


@store_app.command()
def check(
    config: ConfigArgument = None,
    site: SiteOption = None,
    state: StateOption = None,
    url: StoreUrlOption = None,
    quick: Annotated[bool, typer.Option("--quick", help="Do not read every page of the database.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what is in a store and whether it is whole. Only reads, also while a conductor uses it.

    hive store check plant.yaml

    hive store check --url sqlite:///var/lib/hive/plant-a.db --json

    Exit status 0 if it is whole, 1 if it is not.
    """
    with reported(as_json=as_json), _looked_at(_address(config, site, state, url)) as database:
        from conductor.store.sql.checking import as_json as plain  # noqa: PLC0415 - keeps `hive --help` quick
        from conductor.store.sql.checking import examine  # noqa: PLC0415
        from conductor.store.timeline import system_now  # noqa: PLC0415

        report = examine(database, system_now, deep=not quick)
        emit(plain(report)) if as_json else _show(report)
        raise typer.Exit(1 if report.problems else 0)


@store_app.command()
def migrate(
    config: ConfigArgument = None,
    site: SiteOption = None,
    state: StateOption = None,
    url: StoreUrlOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a store's tables to the revision of this version. A conductor does the same when it starts.

    hive store migrate plant.yaml --dry-run

    A file of SQLite is copied before. Exit status 0 if the tables are, or would be, up to date.
    """
    with reported(as_json=as_json):
        from conductor.store.choose import database_at  # noqa: PLC0415 - keeps `hive --help` quick
        from conductor.store.sql.versions import brought_to_head, revision_of, to_do  # noqa: PLC0415

        address = _address(config, site, state, url)
        database = database_at(address)
        (database.look if dry_run else database.take)()
        try:
            before, passing = revision_of(database), to_do(database)
            copy = None if dry_run else brought_to_head(database)
        finally:
            database.close()
        done = {"store": address.shown, "from": before, "revisions": list(passing), "dry_run": dry_run,
                "copy": str(copy) if copy is not None else None}  # fmt: skip
        if as_json:
            emit(done)
            return
        verb = "would pass" if dry_run else "passed"
        what = f"{verb} {', '.join(passing)}" if passing else "is up to date"
        out.print(f"{escape(address.shown)} [bold]{what}[/]")
        if copy is not None:
            note(f"a copy of it as it was: {escape(str(copy))}")


@store_app.command()
def export(
    config: ConfigArgument = None,
    site: SiteOption = None,
    state: StateOption = None,
    url: StoreUrlOption = None,
    states: Annotated[
        list[str] | None,
        typer.Option("--state", help="Only tasks in this state; may be repeated: open, failed, …"),
    ] = None,
    bodies: Annotated[
        bool, typer.Option("--bodies", help="With what callers sent and got; needs --label.")
    ] = False,
    labels: Annotated[
        list[str] | None,
        typer.Option(
            "--label", help="Bodies may carry this label; may be repeated. What carries another stays."
        ),
    ] = None,
) -> None:
    """Write the tasks of a store to stdout, one line of JSON each, the oldest first. Only reads.

    hive store export plant.yaml --state dead_lettered

    hive store export plant.yaml --bodies --label public --label internal > tasks.jsonl
    """
    with reported():
        from conductor.store.sql.exporting import exported  # noqa: PLC0415 - keeps `hive --help` quick
        from hive.errors import HiveError  # noqa: PLC0415

        if bodies and not labels:
            raise HiveError(
                "bad_request", "--bodies writes data out: name each label that may be there with --label."
            )
        permitted = frozenset(labels or ()) if bodies else None
        with _looked_at(_address(config, site, state, url)) as database:
            for task in exported(database, permitted, frozenset(states or ())):
                emit(task)


def _address(config: str | None, site: str | None, state: Path | None, url: str | None) -> Address:
    """Return where the store is: by its URL, or as the mesh file says."""
    from conductor.store.address import address_of  # noqa: PLC0415 - keeps `hive --help` quick
    from hive.config import find_site, load_config  # noqa: PLC0415
    from hive.errors import HiveError  # noqa: PLC0415
    from hive.state_dir import home, mesh_dir  # noqa: PLC0415

    if config is None:
        if url is None:
            raise HiveError("bad_request", "Name a mesh file, or the store with --url.")
        chosen, text, folder = site or "", url, state or home()
    else:
        mesh = load_config(config)
        chosen = find_site(mesh, site)
        text = url or mesh.sites[chosen].conductor.store.url
        folder = state if state is not None else mesh_dir(mesh.mesh)
    address = address_of(text, folder, chosen)
    if address.scheme == "memory":
        raise HiveError(
            "bad_request", "A store in memory ends with its process: there is nothing to look at."
        )
    return address


@contextmanager
def _looked_at(address: Address) -> Iterator[Database]:
    from conductor.store.choose import database_at  # noqa: PLC0415 - keeps `hive --help` quick
    from conductor.store.sql.database import Fault  # noqa: PLC0415
    from conductor.store.sql.versions import require_head  # noqa: PLC0415

    database = database_at(address)
    try:
        database.look()
        require_head(database)
        yield database
    except Exception as error:
        if isinstance(error, OSError) or database.fault(error) not in (Fault.BROKEN, Fault.FULL):
            raise  # none of the database's: a pipe that was closed, for one
        raise database.trouble(error) from error
    finally:
        database.close()


def _show(report: Report) -> None:
    from hive.cli.style import colour  # noqa: PLC0415 - keeps `hive --help` quick

    verdict = "[red]● damaged[/]" if report.problems else "[green]● whole[/]"
    out.print(
        f"{verdict}  {escape(report.store)}  [dim]revision {report.revision}, start {report.epoch}[/]\n"
    )
    rows = {"open": report.open, **report.states}
    for name, count in rows.items():
        out.print(f"  [{colour(name)}]{name:<14}[/]{count:>12,}")
    if report.owed:
        out.print(f"  {'owed':<14}{report.owed:>12,}  [dim]answers that a linked site has not taken[/]")
    out.print(f"\n  {report.bytes / 1e6:,.1f} MB, last commit {_ago(report.last_commit_s)}", end="")
    out.print(f", oldest open task {_ago(report.oldest_open_s)}" if report.open else "")
    for problem in report.problems:
        out.print(f"  [red]✗[/] {escape(problem)}")


def _ago(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit} ago"
    return f"{seconds:.1f} s ago"
