"""Delivering an outbox from the command line: once with a progress bar, or for ever as a service."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NoReturn

from hive.cli.connect import name, url_of
from hive.cli.report import emit, escape, note
from hive.clients.courier import Courier, Delivery
from hive.clients.many import bar
from hive.clients.ports import CONNECT_TIMEOUT_S, sync_port
from hive.clients.session import Greeting
from hive.core.forward import EntryState
from hive.errors import HiveError

if TYPE_CHECKING:
    from hive.clients.base import SyncPort
    from hive.clients.outbox import Entry, Outbox

_LOOK_S: Final = 0.25
"""How soon an entry that another process adds is found."""
_ROUND_S: Final = 5.0
_SET_RIGHT_S: Final = 10.0
"""How long to wait before a delivery that somebody has to set right first is tried again."""


def deliver_once(
    outbox: Outbox, url: str | None, principal: str | None, timeout_s: float | None, *, quiet: bool
) -> Delivery:
    """Deliver what is kept and return what came of it. Raises HiveError as Courier.deliver does."""
    kept = outbox.counts()["kept"]
    with _port(outbox, url, principal) as port, bar("delivered", kept, show=not quiet) as advance:

        def told(entry: Entry, state: EntryState, error: HiveError | None) -> None:
            if state is not EntryState.KEPT:
                advance()
            if state is EntryState.REFUSED and not quiet:
                note(_line(entry, state, error))

        return Courier(outbox).deliver(port, timeout_s, told=told)


def keep_delivering(outbox: Outbox, url: str | None, principal: str | None, *, as_json: bool) -> NoReturn:
    """Deliver whatever is there and whatever is added, until the process is ended; that may be done at any instant."""
    courier, said = Courier(outbox), ""

    def told(entry: Entry, state: EntryState, error: HiveError | None) -> None:
        nonlocal said
        if state is not EntryState.KEPT:
            said = ""
            why = {"code": error.code, "detail": error.detail} if error else None
            emit({"task": entry.task, "state": state.value, "error": why}) if as_json else note(
                _line(entry, state, error)
            )
        elif error is not None and error.code != said:
            said = error.code
            note(f"[yellow]● waiting[/]  {escape(error.code)}: {escape(error.detail)}")

    while True:
        pause_s = _LOOK_S
        try:
            with _port(outbox, url, principal) as port:
                while outbox.first() is not None:
                    courier.deliver(port, _ROUND_S, told=told)
        except HiveError as error:
            if error.code != "outbox_in_use":  # whoever adds an entry tries to deliver it too
                note(f"[red]● {error.code}[/]  {escape(error.detail)}")
                pause_s = _SET_RIGHT_S
        time.sleep(pause_s)


@contextmanager
def _port(outbox: Outbox, url: str | None, principal: str | None) -> Iterator[SyncPort]:
    """Yield a port that asks as whoever put the entries there."""
    owner = outbox.principal()
    if owner is not None and principal is not None and owner != principal:
        raise HiveError("bad_request", f"{outbox.path} holds what {owner!r} asks for, not {principal!r}.")
    greeting = Greeting("client", owner or name(principal), "", os.environ.get("HIVE_TOKEN", ""))
    port = sync_port(url_of(url), greeting, CONNECT_TIMEOUT_S, None)
    try:
        yield port
    finally:
        port.close()


def _line(entry: Entry, state: EntryState, error: HiveError | None) -> str:
    colour = "green" if state is EntryState.ACCEPTED else "red"
    why = f"  {error.code}: {escape(error.detail)}" if error else ""
    return f"[{colour}]● {state.value}[/]  {entry.task}  {escape(entry.what)}{why}"
