"""A gateway on a free port, in a thread of its own, in front of whatever conductor is named."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from conductor.gateway.serve import serve
from conductor.gateway.settings import GatewaySettings
from hive.transport.zeromq import ZmqTransport
from hive.types import TypeRegistry
from tests.fakes.conductor import ROWS

WAIT_S = 10.0


class FakeView:
    """A control process's view that never changes."""

    def __init__(self) -> None:
        self.types = TypeRegistry()
        self.advertised: list[Mapping[str, object]] = []

    def capabilities(self) -> Sequence[Mapping[str, object]]:
        return ROWS

    def adverts(self) -> Sequence[Mapping[str, object]]:
        return self.advertised

    def graph_json(self) -> Mapping[str, object]:
        return {"types": ["text"], "capabilities": ["text.classify_intent"]}

    def graph_dot(self) -> str:
        return "digraph hive {}"

    def graph_svg(self) -> str:
        return "<svg xmlns='http://www.w3.org/2000/svg'/>"


class GatewayThread:
    """Serves until closed. `url` is there once the constructor returns."""

    def __init__(
        self, endpoint: str, settings: GatewaySettings | None = None, view: FakeView | None = None
    ) -> None:
        self.url = ""
        self._endpoint = endpoint
        self._settings = settings or GatewaySettings(port=0)
        self._view = view
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(WAIT_S), "the gateway did not start"
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive(), "the gateway did not stop"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed to the test
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        transport = ZmqTransport()
        try:
            await serve(
                transport, self._endpoint, "factory", self._view, self._settings, self._stop, self._started
            )
        finally:
            transport.close()

    def _started(self, url: str) -> None:
        self.url = url
        self._ready.set()
