"""Many tasks at once: sliding windows over a port, and the progress bar that shows them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

from hive.clients.base import AsyncPort, SyncPort
from hive.clients.request import Wish
from hive.clients.result import Result, failed_result
from hive.errors import HiveError


def run_threaded(port: SyncPort, wishes: Iterable[Wish], concurrency: int) -> Iterator[tuple[int, Result]]:
    """Yield (position, result) of each wish as it ends, `concurrency` at a time."""
    source = enumerate(wishes)
    with ThreadPoolExecutor(concurrency) as pool:
        open_: dict[Future[Result], int] = {}
        while True:
            while len(open_) < concurrency and (item := next(source, None)) is not None:
                open_[pool.submit(port.run, item[1])] = item[0]
            if not open_:
                return
            for future in wait(open_, return_when=FIRST_COMPLETED).done:
                error = future.exception()
                if error is not None and not isinstance(error, HiveError):
                    raise error
                yield open_.pop(future), failed_result("", error) if error else future.result()


async def gather(
    port: AsyncPort, wishes: Iterable[Wish], concurrency: int
) -> AsyncIterator[tuple[int, Result]]:
    """Yield (position, result) of each wish as it ends, `concurrency` at a time."""
    source = enumerate(wishes)
    open_: dict[asyncio.Task[Result], int] = {}
    try:
        while True:
            while len(open_) < concurrency and (item := next(source, None)) is not None:
                open_[asyncio.ensure_future(port.run(item[1]))] = item[0]
            if not open_:
                return
            done, _ = await asyncio.wait(open_, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error is not None and not isinstance(error, HiveError):
                    raise error
                yield open_.pop(task), failed_result("", error) if error else task.result()
    finally:
        for task in open_:
            task.cancel()


@contextmanager
def bar(what: str, total: int | None, *, show: bool) -> Iterator[Callable[[], None]]:
    """Show a progress bar on a terminal; yield what moves it on by one."""
    if not show or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console  # noqa: PLC0415 - only where a bar is shown
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)
