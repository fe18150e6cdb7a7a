"""`hive outbox`: what this machine keeps for a mesh that could not be reached, and its delivery."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hive.cli.report import JsonOption, UrlOption, emit, note, out, reported
from hive.errors import HiveError

if TYPE_CHECKING:
    from hive.clients.outbox import Outbox
    from hive.ids import TaskId

app = typer.Typer(
    help="List, deliver, retry or drop what an outbox on this machine keeps.",
    no_args_is_help=True,
    add_completion=False,
)

PathArgument = Annotated[Path, typer.Argument(help="The outbox, as `hive submit --outbox` names it.")]
PathOrEnv = Annotated[
    Path, typer.Argument(envvar="HIVE_OUTBOX", help="The outbox, as `hive submit --outbox` names it.")
]
TasksArgument = Annotated[
    list[str] | None, typer.Argument(help="Tasks, by their ids of 32 hexadecimal digits.")
]


@app.command("list")
def list_entries(
    path: PathOrEnv,
    states: Annotated[
        list[str] | None,
        typer.Option("--state", "-s", help="Only these: kept, accepted, refused; may be repeated."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Rows of one page.")] = 100,
    after: Annotated[int, typer.Option(min=0, help="Go on after the entry with this number.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """List the entries in the order of their delivery, with why they still wait or were refused."""
    from hive.cli.outbox_screens import entries_screen  # noqa: PLC0415 - keeps `hive --help` quick
    from hive.core.forward import EntryState  # noqa: PLC0415

    with reported(as_json=as_json):
        known = [state.value for state in EntryState]
        for state in states or ():
            if state not in known:
                raise HiveError(
                    "bad_request", f"{state!r} is no state of an entry; write {', '.join(known)}."
                )
        outbox = _there(path)
        entries = outbox.entries(states or (), limit, after)
        emit([entry.as_json() for entry in entries]) if as_json else out.print(
            entries_screen(entries, outbox.counts())
        )


@app.command()
def show(
    path: PathArgument,
    task: Annotated[str, typer.Argument(help="The task's id: 32 hexadecimal digits.")],
    as_json: JsonOption = False,
) -> None:
    """Show one entry with the request that it holds, which is gone once a mesh has accepted it."""
    from hive.cli.outbox_screens import entry_screen  # noqa: PLC0415

    with reported(as_json=as_json):
        entry = _there(path).find(_id(task))
        if entry is None:
            raise HiveError(
                "task_unknown", f"{path} has no entry {task}; `hive outbox list {path}` lists them."
            )
        emit({**entry.as_json(), "request": entry.body or None}) if as_json else out.print(
            entry_screen(entry)
        )


@app.command()
def deliver(
    path: PathOrEnv,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on for ever, and deliver whatever is added; for a service.")
    ] = False,
    timeout_s: Annotated[
        float | None,
        typer.Option("--timeout", min=0.0, help="Give up after so many seconds. Default: never."),
    ] = None,
    principal: Annotated[
        str | None, typer.Option("--principal", help="Who asks. Default: who put the entries there.")
    ] = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deliver what is kept, in order, trying again for as long as the mesh cannot take it.

    Exit status 0 if all was accepted, 1 if something is still kept or was refused. With --watch --json one JSON object
    for each entry that came to an end.
    """
    from hive.cli.delivering import deliver_once, keep_delivering  # noqa: PLC0415
    from hive.cli.outbox_screens import delivery_line  # noqa: PLC0415
    from hive.clients.outbox import Outbox  # noqa: PLC0415

    with reported(as_json=as_json):
        outbox = Outbox(path) if watch else _there(path)
        if watch:
            keep_delivering(outbox, url, principal, as_json=as_json)
        came = deliver_once(outbox, url, principal, timeout_s, quiet=as_json)
        emit(came.as_json()) if as_json else note(delivery_line(came))
        raise typer.Exit(1 if came.kept or came.refused else 0)


@app.command()
def retry(path: PathArgument, tasks: TasksArgument = None, as_json: JsonOption = False) -> None:
    """Let entries that were refused be delivered again, at their old place; all of them, if none is named.

    Exit status 1 if none of them was a refused one.
    """
    with reported(as_json=as_json):
        outbox = _there(path)
        wanted = [
            _id(task) for task in tasks or [entry.task for entry in outbox.entries(("refused",), 10_000)]
        ]
        done = sum(outbox.retry(task) for task in wanted)
        emit({"retried": done}) if as_json else note(f"{done} of {len(wanted)} will be delivered again")
        raise typer.Exit(0 if done else 1)


@app.command()
def drop(
    path: PathArgument,
    tasks: TasksArgument = None,
    accepted: Annotated[bool, typer.Option("--accepted", help="Every one that a mesh has accepted.")] = False,
    refused: Annotated[bool, typer.Option("--refused", help="Every one that a mesh has refused.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Forget entries. One that is kept is not delivered any more; it may have been accepted before.

    Exit status 1 if there was none.
    """
    with reported(as_json=as_json):
        if not (tasks or accepted or refused):
            raise HiveError("bad_request", "Say what to drop: the ids of tasks, --accepted or --refused.")
        outbox = _there(path)
        done = sum(outbox.drop(_id(task)) for task in tasks or ())
        states = [name for name, chosen in (("accepted", accepted), ("refused", refused)) if chosen]
        done += outbox.drop_all(states) if states else 0
        emit({"dropped": done}) if as_json else note(f"{done} dropped")
        raise typer.Exit(0 if done else 1)


def _there(path: Path) -> Outbox:
    """Return an outbox that exists: to look for one must not make it."""
    from hive.clients.outbox import Outbox  # noqa: PLC0415

    if not path.expanduser().exists():
        raise HiveError(
            "outbox_invalid", f"There is no outbox at {path}; `hive submit --outbox {path}` makes one."
        )
    return Outbox(path)


def _id(text: str) -> TaskId:
    from hive.ids import parse_task_id  # noqa: PLC0415

    return parse_task_id(text)
