"""The two kinds of lines that a history is made of, and the files that hold them.

Callers write what they asked and what they were told; nodes write what was done. Both are JSON lines, each written in
one call and flushed, so that a process that is killed leaves at most one torn line, the last.

The words are those of Jepsen's histories (https://github.com/jepsen-io/jepsen): an operation begins with `invoke` and
ends with `ok`, `fail` (it certainly did not happen) or `unknown`; one without an end is as `unknown`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final, Self, TextIO, TypeVar

KINDS: Final = ("invoke", "ok", "fail", "unknown")
OPS: Final = ("submit", "read", "cancel")
EFFECTS: Final = ("received", "forwarded", "kept", "run")
FINAL: Final = frozenset({"done", "failed", "dead_lettered", "cancelled", "expired"})


@dataclass(frozen=True, slots=True)
class Call:
    """The begin or the end of something that a caller asked.

    `call` is its number within the caller, the same at both ends. `payload` marks what was asked and occurs in no
    other request but repetitions of this one. At the end, `state` is that of the task, and `digest` stands for the
    answer if it is `done`, else for the code of its error. A task that was accepted and failed is `ok` with the state
    `failed`; `fail` with a `code` means that nothing was accepted. Times are microseconds of one clock.
    """

    at_us: int
    caller: str
    call: int
    kind: str
    op: str
    payload: str
    task: str = ""
    key: str = ""
    label: str = ""
    durable: bool = False
    state: str = ""
    digest: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that was done with a payload at a site: `received`, `forwarded`, `kept` or `run`."""

    at_us: int
    site: str
    node: str
    what: str
    payload: str
    task: str = ""
    attempt: str = ""


Line = TypeVar("Line", Call, Effect)


class Writer:
    """Appends lines to a file; each is with the operating system before `write` returns."""

    def __init__(self, path: Path) -> None:
        """Open the file, after what it has already."""
        self._file: TextIO = path.open("a", encoding="utf-8", buffering=1)

    def write(self, line: Call | Effect) -> None:
        """Append one line."""
        words = {name: value for name, value in asdict(line).items() if value not in ("", False)}
        self._file.write(json.dumps(words, separators=(",", ":")) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()


def read(path: Path, kind: type[Line]) -> list[Line]:
    """Return the lines of a file; the last may be torn, because its writer was killed.

    Raises ValueError for any other line that is none of this kind.
    """
    known = {item.name for item in fields(kind)}
    found: list[Line] = []
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            words = json.loads(line)
            found.append(kind(**{name: value for name, value in words.items() if name in known}))
        except (ValueError, TypeError, AttributeError) as error:
            if number == len(lines):
                break  # torn: no end of line came after it
            detail = f"{path}, line {number} is no {kind.__name__.lower()}: {error}"
            raise ValueError(detail) from error
    return found
