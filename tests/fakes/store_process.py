"""Processes that write to a store, and what they said before they were killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conductor.core.records import FindTask
from conductor.store.base import Store
from tests.fakes.records import Teller, task
from tests.fakes.waiting import until

ROOT = Path(__file__).parents[2]


@dataclass
class Said:
    """What a writer said: the epochs that it opened, and what became of each task."""

    opened: list[int] = field(default_factory=list)
    acknowledged: set[int] = field(default_factory=set)
    done: set[int] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def read(self, text: str) -> None:
        """Take in the whole lines of an output."""
        for line in text.split("\n")[:-1]:
            word, rest = line.split(" ", 1)
            if word == "open":
                self.opened.append(int(rest))
            elif word == "ack":
                self.acknowledged.add(int(rest))
            elif word == "done":
                self.done.add(int(rest))
            elif word == "fail":
                self.failed.append(rest)
            else:
                self.errors.append(rest)


class WriterProcess:
    """One writer; its output goes to a file, so that it never waits for us."""

    def __init__(self, url: str, first: int, count: int, prefix: Sequence[str] = ()) -> None:
        self._out = tempfile.NamedTemporaryFile(mode="w+", suffix=".said")  # noqa: SIM115 - closed in `end`
        words = [sys.executable, "-m", "tests.fakes.store_writer", url, str(first), str(count)]
        environment: Mapping[str, str] = os.environ | {"PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [*prefix, *words], cwd=ROOT, env=environment, stdout=self._out, stderr=subprocess.PIPE, text=True
        )

    def text(self) -> str:
        return Path(self._out.name).read_text()

    def wait_for(self, word: str, wait_s: float = 30.0) -> None:
        """Wait until it has said something."""
        until(lambda: word in self.text() or self.process.poll() is not None, wait_s, f"{word!r} of a writer")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)

    def end(self, said: Said, wait_s: float = 60.0) -> int:
        """Wait for its end, and take in what it said."""
        _, errors = self.process.communicate(timeout=wait_s)
        said.read(self.text())
        self._out.close()
        assert "Traceback" not in errors, errors
        return self.process.returncode


def missing(store: Store, said: Said) -> dict[str, set[int]]:
    """Return what was acknowledged and is not there, and what was said to be done and is not."""
    teller = Teller(store)
    numbers = sorted(said.acknowledged | said.done)
    answers = teller.ask_all([FindTask("local", task(number)) for number in numbers])
    found = dict(zip(numbers, answers, strict=True))
    return {
        "lost": {number for number in said.acknowledged if found[number] is None},
        "undone": {n for n in said.done if (there := found[n]) is None or there.finished is None},  # type: ignore[union-attr]
    }
