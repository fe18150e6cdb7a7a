"""A process that writes tasks to a store until it is killed: `python -m tests.fakes.store_writer URL FIRST COUNT`.

It prints `open EPOCH`, and `ack NUMBER` or `fail NUMBER` for each task once the store has said so; a task is submitted
and finished in records of their own, and is acknowledged twice: `ack` and `done`. What failed is tried again.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from conductor.core.actions import CommitFailed, Committed, Known
from conductor.store.address import address_of
from conductor.store.choose import store_at
from conductor.store.keep import Keep
from hive.errors import HiveError
from tests.fakes.records import finished, started, submitted

_IN_FLIGHT = 32
_PAUSE_S = 0.05


def main(url: str, first: int, count: int) -> int:
    store = store_at(address_of(url, Path("/none"), "site"), Keep(), Path("/none"))
    try:
        epoch = store.open()
    except HiveError as error:
        say(f"error {error.code} {error.detail}")
        return error.kind.exit_status
    store.recover()
    say(f"open {epoch}")
    number, end = first, first + count
    under_way: dict[int, tuple[str, int]] = {}
    token = 0

    def write(word: str, task: int) -> None:
        nonlocal token
        token += 1
        under_way[token] = word, task
        if word == "ack":
            store.write(token, submitted(task))
        else:
            store.write(0, started(task, task))
            store.write(token, finished(task))

    while number < end or under_way:
        while number < end and len(under_way) < _IN_FLIGHT:
            write("ack", number)
            number += 1
        events = store.events()
        for event in events:
            for said in getattr(event, "tokens", None) or (event.token,):  # type: ignore[union-attr]
                word, task = under_way.pop(said)
                if isinstance(event, CommitFailed):
                    say(f"fail {task} {event.reason}")
                    write(word, task)
                    time.sleep(_PAUSE_S)
                elif isinstance(event, Committed | Known):
                    say(f"{word} {task}")
                    if word == "ack":
                        write("done", task)
        if not events:
            time.sleep(0.0005)
    store.close()
    return 0


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
