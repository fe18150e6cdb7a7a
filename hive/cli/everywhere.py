"""Asking every site of the mesh that runs here the same, and bearing with those that do not answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

from hive.cli.connect import addresses, asking, meshes
from hive.cli.report import escape, note
from hive.errors import HiveError

if TYPE_CHECKING:
    from hive.client import Client

Rows = list[dict[str, Any]]
_NOBODY_THERE: Final = frozenset({"unreachable", "not_running", "link_down"})


class EverySite:
    """A client of each site, by the site's name; the name is empty for an address that the user gave."""

    def __init__(self, clients: dict[str, Client]) -> None:
        """Ask these."""
        self._clients = clients

    def ask(self, question: Callable[[Client], Rows]) -> tuple[dict[str, Rows], list[str]]:
        """Return what each site answers, and the sites that do not. Raises HiveError where none of them does."""
        told: dict[str, Rows] = {}
        silent: list[str] = []
        for name, client in self._clients.items():
            try:
                told[name] = question(client)
            except HiveError as error:
                if error.code not in _NOBODY_THERE or len(silent) + 1 == len(self._clients):
                    raise
                silent.append(name)
        return told, silent

    def rows(self, question: Callable[[Client], Rows], *, quiet: bool = False) -> Rows:
        """Return the rows of all sites; which of them do not answer is said on stderr, unless `quiet`."""
        told, silent = self.ask(question)
        for name in () if quiet else silent:
            note(f"[yellow]●[/] [bold]{escape(name)}[/] does not answer")
        return [row for rows in told.values() for row in rows]


@contextmanager
def asking_every_site(url: str | None) -> Iterator[EverySite]:
    """Yield a way to ask the address given, or else each site of the mesh that runs here. Raises as `asking` does."""
    running = [] if url else meshes()
    urls: dict[str, str | None] = {"": url}
    if len(running) == 1:
        urls = dict(addresses(running[0], wire=False))
    with ExitStack() as stack:
        yield EverySite({name: stack.enter_context(asking(one)) for name, one in urls.items()})
