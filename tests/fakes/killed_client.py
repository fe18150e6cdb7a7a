"""A client with an outbox that kills itself at a chosen moment: `python -m tests.fakes.killed_client PATH URL WHEN N`.

WHEN is `added` (N entries are on the disk, nothing is sent), `sending` (the Nth is about to be sent), `received` (its
receipt is here, and nothing is written down yet) or `marked` (it is). A process that is not killed prints how many it
delivered.
"""

from __future__ import annotations

import os
import signal
import sys

from hive.client import Result, Task
from hive.clients.courier import Courier
from hive.clients.outbox import Entry, Outbox
from hive.clients.ports import sync_port
from hive.clients.request import Wish
from hive.clients.session import Greeting
from hive.core.forward import EntryState
from hive.errors import HiveError
from hive.ids import TaskId

CAPABILITY = "mesh.echo"


class Fuse:
    """A port that burns down: the process dies before the Nth delivery, or after its receipt."""

    def __init__(self, url: str, when: str, number: int) -> None:
        self._port = sync_port(url, Greeting(), 5.0, None)
        self._when = when
        self._left = number

    def deliver(self, wish: Wish, task: TaskId, timeout_s: float) -> Task:
        self._left -= 1
        self._burn("sending")
        receipt = self._port.deliver(wish, task, timeout_s)
        self._burn("received")
        return receipt

    def told(self, _entry: Entry, state: EntryState, _error: HiveError | None) -> None:
        if state is not EntryState.KEPT:
            self._burn("marked")

    def task(self, task: Task | str) -> Result:
        return self._port.task(task)

    def close(self) -> None:
        self._port.close()

    def _burn(self, when: str) -> None:
        if self._left == 0 and self._when == when:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    path, url, when, number = sys.argv[1:]
    outbox = Outbox(path)
    if when == "added":
        for _ in range(int(number)):
            outbox.add(Wish(CAPABILITY, f"entry {outbox.counts()['kept']}", durable=True))
        os.kill(os.getpid(), signal.SIGKILL)
    port = Fuse(url, when, int(number))
    came = Courier(outbox).deliver(port, 60, told=port.told)  # type: ignore[arg-type] - the part that a courier uses
    port.close()
    sys.stdout.write(f"{came.accepted}\n")


if __name__ == "__main__":
    main()
