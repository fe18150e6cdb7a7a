"""How commands speak: results on stdout, everything else on stderr, failures as a sentence and an exit status."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Final, NoReturn

import typer
from rich.console import Console
from rich.markup import escape as escape_markup

from hive.errors import HiveError

__all__ = [
    "JsonOption",
    "UrlOption",
    "emit",
    "err",
    "escape",
    "fail",
    "note",
    "out",
    "reported",
    "wants_json",
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout and nothing else.")]
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="HIVE_URL",
        help="http://… of a gateway, tcp://… of a conductor, or a site of the mesh here. Default: its first site.",
        show_envvar=False,
    ),
]

# A pipe has no width: there nothing is cut off.
_WIDE: Final = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200
# Consoles look their stream up at each print, so whoever redirects it gets what is printed from then on.
out = Console(highlight=False, width=_WIDE)
err = Console(stderr=True, highlight=False)


# What a terminal obeys: C0 but for tab and newline, DEL, and C1.
_CONTROLS: Final = {code: "\ufffd" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}


def plain(text: str) -> str:
    """Return a text that others chose without what a terminal would obey, such as escape sequences."""
    return text.translate(_CONTROLS)


def escape(text: str) -> str:
    """Return a text that others chose, to be shown as it is between marks of our own."""
    return escape_markup(plain(text))


@contextmanager
def reported(*, as_json: bool = False) -> Iterator[None]:
    """Turn a HiveError into its sentence and exit status; Ctrl-C into 130; a closed pipe into silence.

    Anything else is a fault of ours: its trace goes to stderr and the exit status is that of `internal`.
    """
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
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:  # noqa: BLE001 - the last place where a fault can be told as one
        traceback.print_exc()
        fail(HiveError("internal", f"{type(error).__name__}: {error}"), as_json=as_json)


def fail(error: HiveError, *, as_json: bool) -> NoReturn:
    """Say what went wrong and leave with the code's exit status."""
    if as_json:
        emit({"code": error.code, "detail": error.detail, **error.context})
    first, _, more = error.detail.partition("\n")
    err.print(f"[bold red]{error.code}[/]  {escape(first)}", soft_wrap=True)
    if more:
        err.print(escape(more), soft_wrap=True)
    if error.detail != error.kind.sentence:
        err.print(f"[dim]{escape(error.kind.sentence)}[/]", soft_wrap=True)
    raise typer.Exit(error.kind.exit_status)


def wants_json(arguments: Sequence[str]) -> bool:
    """Say whether a command line asks for JSON, for failures that come before its options are known."""
    return "--json" in (arguments[: arguments.index("--")] if "--" in arguments else arguments)


def emit(value: object) -> None:
    """Print one JSON value."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def note(text: str, *, as_json: bool = False) -> None:
    """Say something to a person; with --json to nobody."""
    if not as_json:
        err.print(text, soft_wrap=True)
