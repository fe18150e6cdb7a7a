"""How commands speak: results on stdout, everything else on stderr, failures as a sentence and an exit status."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from hive.errors import HiveError

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout and nothing else.")]
UrlOption = Annotated[
    str | None,
    typer.Option("--url", envvar="HIVE_URL", help="Address of a gateway; default: the mesh that runs here."),
]

out = Console()
err = Console(stderr=True)


@contextmanager
def reported(*, as_json: bool = False) -> Iterator[None]:
    """Turn a HiveError into its sentence and exit status; Ctrl-C into 130; a closed pipe into silence."""
    try:
        yield
    except HiveError as error:
        fail(error, as_json=as_json)
    except KeyboardInterrupt:
        err.print("[dim]interrupted[/dim]")
        raise typer.Exit(130) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def fail(error: HiveError, *, as_json: bool) -> None:
    """Say what went wrong and leave with the code's exit status."""
    if as_json:
        emit({"code": error.code, "detail": error.detail, **error.context})
    err.print(f"[bold red]{error.code}[/bold red]  {escape(error.detail)}", soft_wrap=True)
    if error.detail != error.kind.sentence:
        err.print(f"[dim]{escape(error.kind.sentence)}[/dim]", soft_wrap=True)
    raise typer.Exit(error.kind.exit_status)


def emit(value: object) -> None:
    """Print one JSON value."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def note(text: str, *, as_json: bool = False) -> None:
    """Say something to a person; with --json to nobody."""
    if not as_json:
        err.print(text)
