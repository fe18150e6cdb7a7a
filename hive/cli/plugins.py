"""Commands of other packages: listed from their entry points, imported only when one of them is used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, requires, version
from typing import Any, Final

import typer.main
from typer.core import TyperCommand, TyperGroup

from hive.cli.report import emit, wants_json
from hive.errors import HiveError

GROUP: Final = "hive.commands"
_HERE: Final = "A mesh on this machine"
_PARTS: Final = "Run one part"
_TRY: Final = "Try and measure"
_LOOK: Final = "Look"

# What the help says of them, so that it needs not import them: panel, line, and the extra that they come with.
_KNOWN: Final = {
    "models": (_LOOK, "List the bundled specialists.", ""),
    "link": (_HERE, "Show, cut, slow down and heal the links between sites.", ""),
    "node": (_PARTS, "Run a single node.", ""),
    "device": (_PARTS, "Run all nodes of a device.", ""),
    "conductor": (_PARTS, "Run the conductor of a site: dispatcher, control and gateway.", "conductor"),
    "gateway": (_PARTS, "Run one more HTTP gateway of a site.", "conductor"),
    "store": (_PARTS, "Check, migrate and export the store of a site's durable tasks.", "conductor"),
    "demo": (_TRY, "Run the factory, break it on purpose and see that nobody notices.", "conductor"),
    "sim": (_TRY, "Run the production cores in a virtual world, with faults, from one seed.", "conductor"),
    "bench": (_TRY, "Measure the mesh against bare baselines, side by side.", "conductor"),
}


class Lazy(TyperCommand):
    """Stands for a plug-in in the help and in completion, and becomes it as soon as it is called."""

    def __init__(self, entry: EntryPoint) -> None:
        """Know the plug-in's name and line; import nothing."""
        package = entry.value.partition(".")[0]
        panel, line, self._extra = _KNOWN.get(
            entry.name, ("More", f"A command of the package {package}.", "")
        )
        super().__init__(entry.name, help=line, rich_help_panel=panel)
        self._entry = entry

    def make_context(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - click's own signature, passed on
        """Import the plug-in and parse with it. Raises HiveError(extra_missing)."""
        return self._load().make_context(*args, **options)

    def _load(self) -> Any:  # noqa: ANN401 - a click command, which typer keeps to itself
        if self._extra and (package := absent(self._extra)):
            raise HiveError("extra_missing", self._needs(package))
        try:
            command = typer.main.get_command(self._entry.load())
        except ImportError as error:
            broken = f"`hive {self.name}` cannot be loaded: {error}. Install Hive again."
            detail = self._needs(error.name) if self._extra else broken
            raise HiveError("extra_missing", detail) from error
        command.name = self.name
        return command

    def _needs(self, package: str | None) -> str:
        return f"`hive {self.name}` needs {package}: pip install 'hive-mesh[{self._extra}]'."


def absent(extra: str, of: str = "hive-mesh") -> str:
    """Return the first package of an extra that is not installed, empty if all are; nothing is imported for that."""
    for wish in requires(of) or ():
        name, _, when = wish.partition(";")
        if f"extra == '{extra}'" not in when.replace('"', "'"):
            continue
        package = re.split(r"[^\w.-]", name.strip(), maxsplit=1)[0]
        try:
            version(package)
        except PackageNotFoundError:
            return package
    return ""


class Plugged(TyperGroup):
    """The group of all commands: those that it is given, then the plug-ins."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - click's own signature, passed on
        """Add what the entry points name; a command of our own keeps its name."""
        super().__init__(**options)
        self._as_json = False
        order = list(_KNOWN)
        found = sorted(
            entry_points(group=GROUP), key=lambda e: (order.index(e.name) if e.name in order else 99, e.name)
        )
        for entry in found:
            if entry.name not in self.commands:
                self.add_command(Lazy(entry), entry.name)

    def make_context(self, info_name: Any, args: list[str], *rest: Any, **options: Any) -> Any:  # noqa: ANN401
        """Parse what stands before the command's name."""
        self._as_json = wants_json(args)
        with self._wrong_usage_told():
            return super().make_context(info_name, args, *rest, **options)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - click's own signature, passed on
        """Parse the rest and run the command."""
        with self._wrong_usage_told():
            return super().invoke(ctx)

    @contextmanager
    def _wrong_usage_told(self) -> Iterator[None]:
        """Tell wrong usage on stdout too where JSON is wanted; the sentence on stderr is typer's."""
        try:
            yield
        except Exception as error:
            message = getattr(error, "format_message", None)
            if self._as_json and message is not None:
                emit({"code": "bad_request", "detail": message().rstrip(".") + "."})
            raise
