"""`hive submit`, `hive explain` and `hive task`: asking a mesh for something, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from hive.cli.asking import (
    BeforeOption,
    CapabilityArgument,
    DurableOption,
    ExpiresOption,
    HoldOption,
    InputArgument,
    InputsOption,
    LabelsOption,
    NoWaitOption,
    OutboxOption,
    PrincipalOption,
    TaskArgument,
    TextOption,
    TraceOption,
    TypeOption,
    WantOption,
)
from hive.cli.report import JsonOption, UrlOption, emit, note, out, reported
from hive.errors import CATALOGUE, HiveError

app = typer.Typer(
    help="Show, list, follow, cancel or retry tasks.", no_args_is_help=True, add_completion=False
)


def submit(
    capability: CapabilityArgument = None,
    value: InputArgument = None,
    named: InputsOption = None,
    want: WantOption = None,
    input_type: TypeOption = None,
    labels: LabelsOption = None,
    deadline_ms: Annotated[int, typer.Option("--deadline-ms", help="How long it may take.")] = 30_000,
    priority: Annotated[int, typer.Option(help="0 to 9; higher is served first.")] = 5,
    min_confidence: Annotated[float, typer.Option(help="Below it an answer is marked unsure.")] = 0.0,
    key: Annotated[str | None, typer.Option(help="Idempotency key: again is the same task.")] = None,
    durable: DurableOption = None,
    hold: HoldOption = False,
    traceparent: TraceOption = None,
    no_wait: NoWaitOption = False,
    outbox: OutboxOption = None,
    expires_ms: ExpiresOption = None,
    as_text: TextOption = False,
    principal: PrincipalOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a task and show its answer: what it is, how sure, which node gave it, how long it took.

    Exit status 0 with an answer, else that of the error.
    """
    from hive.cli.connect import asking  # noqa: PLC0415 - keeps `hive --help` quick
    from hive.cli.inputs import asked_for, named_inputs, outbox_of  # noqa: PLC0415
    from hive.cli.outcome import kept_line, outcome_screen  # noqa: PLC0415

    with reported(as_json=as_json):
        capability, given = asked_for(capability, value, want, as_text=as_text)
        several = named_inputs(named or [], as_text=as_text)
        if given is None and not several:
            raise HiveError(
                "bad_request", "INPUT is missing: text, a JSON object, @FILE, or - for standard input."
            )
        outbox = outbox_of(outbox, no_wait=no_wait, durable=durable, expires_ms=expires_ms)
        with asking(url, principal, outbox=outbox) as client:
            wish = {"want": want, "input_type": input_type, "labels": labels or [], "priority": priority}
            rest = {
                "deadline_ms": deadline_ms,
                "min_confidence": min_confidence,
                "durable": durable,
                "hold": hold,
            }
            options = {**wish, **rest, "idempotency_key": key, "traceparent": traceparent, **several}
            if no_wait or outbox:
                task = client.submit(capability, given, expires_ms=expires_ms, **options)  # type: ignore[arg-type]
                emit(task.as_json()) if as_json else out.print(task.id)
                if task.state == "kept":
                    note(kept_line(client.task(task), str(outbox)), as_json=as_json)
                return
            result = client.run(capability, given, **options)  # type: ignore[arg-type]
        emit(result.as_json()) if as_json else out.print(outcome_screen(result))
        if not result.ok:
            raise typer.Exit(_exit_status(result.error))


def explain(
    capability: CapabilityArgument = None,
    value: InputArgument = None,
    named: InputsOption = None,
    want: WantOption = None,
    input_type: TypeOption = None,
    labels: LabelsOption = None,
    as_text: TextOption = False,
    principal: PrincipalOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what would become of a task: the plan, the rule of each step and the nodes, or the refusal. Runs nothing.

    Exit status 0 if it would run, 1 if it would be refused.
    """
    from hive.cli.connect import asking  # noqa: PLC0415
    from hive.cli.explanation import explanation_screen  # noqa: PLC0415
    from hive.cli.inputs import asked_for, named_inputs  # noqa: PLC0415

    with reported(as_json=as_json):
        capability, given = asked_for(capability, value, want, as_text=as_text)
        several = named_inputs(named or [], as_text=as_text)
        with asking(url, principal) as client:
            options = {"want": want, "input_type": input_type, "labels": labels or [], **several}
            found = client.explain(capability, given, **options)  # type: ignore[arg-type]
        emit(found) if as_json else out.print(explanation_screen(found))
        raise typer.Exit(1 if found.get("refused") else 0)


@app.command()
def show(
    task: TaskArgument, principal: PrincipalOption = None, url: UrlOption = None, as_json: JsonOption = False
) -> None:
    """Show where a task stands: its state, its answer, and each attempt on a line of time."""
    from hive.cli.connect import asking  # noqa: PLC0415
    from hive.cli.outcome import outcome_screen  # noqa: PLC0415

    with reported(as_json=as_json):
        with asking(url, principal) as client:
            result = client.task(task)
        emit(result.as_json()) if as_json else out.print(outcome_screen(result))


@app.command("list")
def list_tasks(
    states: Annotated[
        list[str] | None,
        typer.Option("--state", "-s", help="Only these: open, done, failed, …; may be repeated."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Rows of one page.")] = 100,
    before: BeforeOption = 0,
    principal: PrincipalOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """List your tasks, newest first: those in memory, and every durable one that the store still has."""
    from hive.cli.connect import asking  # noqa: PLC0415
    from hive.cli.outcome import tasks_screen  # noqa: PLC0415

    with reported(as_json=as_json):
        with asking(url, principal) as client:
            rows = client.tasks(states or (), limit, before)
        emit(rows) if as_json else out.print(tasks_screen(rows))
        _more(rows, limit, as_json=as_json)


@app.command("dead-letters")
def dead_letters(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Rows of one page.")] = 100,
    before: BeforeOption = 0,
    principal: PrincipalOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """List your tasks that were set aside because they took down the nodes that ran them. Exit status 1 if any."""
    from hive.cli.connect import asking  # noqa: PLC0415
    from hive.cli.outcome import tasks_screen  # noqa: PLC0415

    with reported(as_json=as_json):
        with asking(url, principal) as client:
            rows = client.tasks(("dead_lettered",), limit, before)
        if as_json:
            emit(rows)
        else:
            out.print(tasks_screen(rows, "No dead letters."))
            if rows:
                note("[dim]hive task retry TASK tries one again[/]")
        _more(rows, limit, as_json=as_json)
        raise typer.Exit(1 if rows else 0)


@app.command()
def retry(
    task: TaskArgument,
    deadline_ms: Annotated[int, typer.Option("--deadline-ms", min=1, help="How long it may take.")] = 30_000,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Print the new task's id and do not wait.")
    ] = False,
    principal: PrincipalOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try a durable task again that failed or was set aside, as a new task. To retry it twice is to retry it once.

    Exit status 0 with an answer, else that of the error.
    """
    from hive.cli.connect import asking  # noqa: PLC0415
    from hive.cli.outcome import outcome_screen  # noqa: PLC0415

    with reported(as_json=as_json):
        with asking(url, principal) as client:
            again = client.retry(task, deadline_ms)
            if no_wait:
                emit(again.as_json()) if as_json else out.print(again.id)
                return
            note(f"retried as [bold]{again.id}[/]", as_json=as_json)
            result = client.result(again)
        emit(result.as_json()) if as_json else out.print(outcome_screen(result))
        if not result.ok:
            raise typer.Exit(_exit_status(result.error))


@app.command()
def cancel(
    task: TaskArgument, principal: PrincipalOption = None, url: UrlOption = None, as_json: JsonOption = False
) -> None:
    """Cancel a task. Exit status 0 if it is cancelled now, 1 if it had ended before."""
    from hive.cli.connect import asking  # noqa: PLC0415

    with reported(as_json=as_json):
        with asking(url, principal) as client:
            result = client.cancel(task)
        if as_json:
            emit(result.as_json())
        elif result.state == "cancelled":
            note("cancelled")
        else:
            note(f"too late: it is [bold]{result.state}[/]")
        raise typer.Exit(0 if result.state == "cancelled" else 1)


@app.command()
def watch(
    task: TaskArgument, principal: PrincipalOption = None, url: UrlOption = None, as_json: JsonOption = False
) -> None:
    """Follow a task until its outcome: each attempt, move and answer as it happens."""
    from hive.cli.following import follow  # noqa: PLC0415
    from hive.cli.outcome import event_line, outcome_screen  # noqa: PLC0415
    from hive.clients.result import result_of_json  # noqa: PLC0415

    with reported(as_json=as_json):
        events = []
        outcome: dict[str, object] = {}
        for what, data in follow(task, url, principal):
            if what == "outcome":
                outcome = data
            else:
                events.append(data)
                note(event_line(what, data), as_json=as_json)
        result = result_of_json(outcome)
        emit({"events": events, "outcome": outcome}) if as_json else out.print(outcome_screen(result))
        if not result.ok:
            raise typer.Exit(_exit_status(result.error))


def _more(rows: Sequence[Mapping[str, object]], limit: int, *, as_json: bool) -> None:
    """Say how to get the next page, where this one is full."""
    if len(rows) == limit:
        note(f"[dim]--before={rows[-1]['cursor']} shows older ones[/]", as_json=as_json)


def _exit_status(error: object) -> int:
    """Return the exit status of an error as a peer describes it."""
    code = str(error.get("code")) if isinstance(error, dict) else ""
    kind = CATALOGUE.get(code)
    return kind.exit_status if kind is not None else 1
