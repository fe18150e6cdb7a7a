"""The worker of an experiment: `python -m simulation.chaos.worker`, which agents start if $HIVE_WORKER says so.

It is the ordinary worker with one more kind of specialist, `chaos`, which obeys poisoned payloads, and it writes what
it receives and what it has run to a file of its own in the folder $HIVE_CHAOS_SINK, whatever anybody says about it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hive.errors import HiveError
from hive.wire.messages import Work
from simulation.chaos.payloads import answer_to, poison_of, work_s
from simulation.history.events import Effect, Writer
from specialists.core.events import Result
from specialists.kinds.base import Answer, Inputs, Parts, answered_each
from specialists.kinds.texts import text_of
from specialists.load import KINDS, Specialist
from specialists.worker import main
from specialists.worker_run import Runner
from specialists.worker_spec import WorkerSpec

SINK: Final = "HIVE_CHAOS_SINK"
_MAX_CHARS: Final = 4096
_HANG_S: Final = 3600.0


class Chaos:
    """text -> a text that only who has seen it can give; a poisoned one takes the process with it."""

    def __init__(self, parts: Parts) -> None:
        """Take the name of the one input from the manifest."""
        self._input = next(iter(parts.manifest.inputs))

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Answer each text, after the time that the slowest of them takes."""
        return answered_each(batch, self._text, _work)

    def sample(self) -> Inputs:
        """Return a harmless text."""
        return {self._input: "hello"}

    def _text(self, item: Inputs) -> str:
        return text_of(item, self._input, _MAX_CHARS)


def _work(texts: list[str]) -> list[Answer]:
    for text in texts:
        match poison_of(text):
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "hang":
                time.sleep(_HANG_S)
    time.sleep(max(map(work_s, texts)))
    return [Answer(answer_to(text), 1.0) for text in texts]


class SinkRunner(Runner):
    """Writes down every work before it is run and after."""

    def __init__(self, model: Specialist, spec: WorkerSpec, incarnation: int) -> None:
        """Open the sink of this boot of the node. Raises HiveError(state_unwritable)."""
        super().__init__(model)
        self._spec = spec
        name = f"{spec.site}.{spec.node.replace('/', '.')}.{incarnation}.jsonl"
        try:
            self._sink = Writer(Path(os.environ[SINK]) / name)
        except (OSError, KeyError) as error:
            raise HiveError(
                "state_unwritable", f"${SINK} must name a folder to write to: {error}."
            ) from error

    def run(self, works: Sequence[Work]) -> tuple[Result, ...]:
        """Run the works as any worker does."""
        self._write("received", works)
        results = super().run(works)
        self._write("run", works)
        return results

    def _write(self, what: str, works: Sequence[Work]) -> None:
        now_us = time.monotonic_ns() // 1000
        for work in works:
            payload = str(work.body[0], "utf-8", "replace") if work.body else ""
            h = work.header
            attempt = f"{self._spec.site}.{h.epoch}.{h.attempt}"
            self._sink.write(
                Effect(now_us, self._spec.site, self._spec.node, what, payload, h.task.hex(), attempt)
            )


if __name__ == "__main__":
    sys.exit(main({**KINDS, "chaos": Chaos}, SinkRunner))
