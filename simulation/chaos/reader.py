"""Reading every promised task at the end, over HTTP and with long patience: what has no outcome then is lost."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from simulation.chaos.caller import Diary
from simulation.chaos.http_line import HttpLine
from simulation.chaos.line import Order
from simulation.history.events import FINAL, Call

_AT_ONCE: Final = 24
_WAIT_S: Final = 2.0
_PAUSE_S: Final = 0.3


def promised(calls: Sequence[Call]) -> dict[str, Call]:
    """Return task -> the end of the submission that promised it."""
    durable = {(c.caller, c.call) for c in calls if c.kind == "invoke" and c.op == "submit" and c.durable}
    return {c.task: c for c in calls if c.kind == "ok" and c.op == "submit" and (c.caller, c.call) in durable}


def read_all(
    calls: Sequence[Call],
    urls: Mapping[str, str],
    target: tuple[Path, Path],
    patience_s: float,
    progress: Callable[[int, int], None],
) -> None:
    """Read each promised task at the site of its caller until it has its outcome, or the patience is over.

    `target` is the folder for the histories of the readers and the file for the attempts of each task.
    """
    folder, provenance = target
    tasks = promised(calls)
    with provenance.open("a", encoding="utf-8") as file:
        reader = _Reader(list(tasks.values()), file, time.monotonic() + patience_s, progress)
        asyncio.run(reader.run(urls, folder))


class _Reader:
    def __init__(
        self, tasks: Sequence[Call], file: TextIO, late_s: float, progress: Callable[[int, int], None]
    ) -> None:
        self._tasks = tasks
        self._file = file
        self._late_s = late_s
        self._progress = progress
        self._done = 0

    async def run(self, urls: Mapping[str, str], folder: Path) -> None:
        lines = {site: HttpLine(url) for site, url in urls.items() if url}
        diaries = {site: Diary(f"{site}/reader", folder) for site in lines}
        waiting = iter(self._tasks)
        try:
            await asyncio.gather(*(self._some(waiting, lines, diaries) for _ in range(_AT_ONCE)))
        finally:
            for line in lines.values():
                await line.close()
            for diary in diaries.values():
                diary.close()

    async def _some(
        self, waiting: Iterator[Call], lines: Mapping[str, HttpLine], diaries: Mapping[str, Diary]
    ) -> None:
        for call in waiting:
            site = call.caller.partition("/")[0]
            await self._one(call, lines[site], diaries[site])
            self._done += 1

    async def _one(self, call: Call, line: HttpLine, diary: Diary) -> None:
        order = Order(call.payload, "", call.label, 0, durable=True, hold=False, key=call.key)
        while True:
            self._progress(self._done, len(self._tasks))
            number = diary.invoke("read", order, call.task)
            told, document = await line.whole(call.task, _WAIT_S)
            diary.end(number, "read", order, told)
            if told.kind == "ok" and told.state in FINAL:
                self._keep(call.task, document)
                return
            if time.monotonic() > self._late_s:
                return
            if told.kind != "ok":
                await asyncio.sleep(_PAUSE_S)

    def _keep(self, task: str, document: dict[str, Any]) -> None:
        attempts = (document.get("provenance") or {}).get("attempts", [])
        kept = ("node", "site", "attempt", "ended")
        rows = [{name: row[name] for name in kept} for row in attempts]
        self._file.write(json.dumps({"task": task, "attempts": rows}) + "\n")
