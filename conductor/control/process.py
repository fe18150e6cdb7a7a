"""The control process: answers the dispatcher, advertises the conductor, and runs the gateway on the same loop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from conductor.control.planner import Planner
from conductor.control.presence import Presence
from conductor.control.session import ControlSession
from conductor.control.view import ControlView
from conductor.gateway.serve import serve
from conductor.gateway.settings import GatewaySettings
from hive.clock import SystemClock
from hive.config import MeshConfig, load_config
from hive.errors import HiveError
from hive.transport.zeromq import ZmqTransport
from hive.wire.messages import Journal, Kind, Message, PlanWanted, Refuse, Seen


@dataclass(frozen=True, slots=True)
class ControlSpec:
    """What the control process is started with: plain JSON."""

    config: str
    site: str
    private: str
    endpoint: str = ""


class Control:
    """Planner, session and presence tied together."""

    def __init__(self, spec: ControlSpec, config: MeshConfig) -> None:
        """Prepare; nothing is connected yet. Seconds since 1970 begin the generations, so they outgrow a restart."""
        self._spec = spec
        self._planner = Planner(config, spec.site, int(time.time()))
        self._published = 0
        self._transport = ZmqTransport()
        self._presence = Presence(config, spec.site, spec.endpoint)
        self._session = ControlSession(
            self._transport, spec.private, config.mesh, SystemClock(), self._came_up, self._heard
        )
        self._stop = asyncio.Event()
        self._refused: HiveError | None = None
        self._advertising: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT.

        Raises HiveError: address_in_use (the gateway's port), config_invalid (labels that contradict data in hand).
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        self._session.start()
        try:
            await self._serve()
        finally:
            self._session.stop()
            if self._advertising is not None:
                await self._advertising
            await asyncio.to_thread(self._presence.stop)
            self._transport.close()
        if self._refused is not None:
            raise self._refused

    async def _serve(self) -> None:
        http = self._planner.config.sites[self._spec.site].conductor.http
        if http is None:
            self._ready("")
            await self._stop.wait()
            return
        settings = GatewaySettings(http.host, http.port, self._planner.config.caller_tokens())
        view = ControlView(self._planner, self._presence.nodes)
        mesh = self._planner.config.mesh
        await serve(self._transport, self._spec.private, mesh, view, settings, self._stop, self._ready)

    def _ready(self, url: str) -> None:
        """Say so, and only then look at the network: that takes a moment, and callers wait after a restart."""
        say(state="ready", url=url)
        self._advertising = asyncio.ensure_future(asyncio.to_thread(self._presence.start))

    def _came_up(self) -> None:
        self._publish()

    def _heard(self, message: Message) -> None:
        if isinstance(message, Seen):
            verdict = self._planner.seen(message)
            if self._planner.generation != self._published:
                self._publish()
            self._session.send(verdict)
        elif isinstance(message, PlanWanted):
            self._session.send(self._planner.plan(message))
        elif isinstance(message, Journal):
            self._planner.took(message)
        elif isinstance(message, Refuse) and message.about == Kind.GENERATION:
            detail = (
                "While the conductor runs, labels may only be added at the end; restart it for anything else."
            )
            self._refused = HiveError("config_invalid", f"{self._spec.config}, `labels`: {detail}")
            self._stop.set()

    def _publish(self) -> None:
        if self._session.send(self._planner.present()):
            self._published = self._planner.generation

    def _reload(self) -> None:
        """Judge every claim anew by the policy of the file as it is now; a file with mistakes changes nothing."""
        try:
            self._planner.reload(load_config(Path(self._spec.config)))
        except HiveError as error:
            sys.stderr.write(f"{error.code}: the policy stays as it was: {error.detail}\n")
            return
        self._session.again()


def say(**words: object) -> None:
    """Tell the parent process where we stand, one JSON line at a time."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def main(argv: list[str]) -> int:
    """Run until stopped; return an exit status of the catalogue."""
    try:
        spec = ControlSpec(**json.loads(argv[1]))
        config = load_config(Path(spec.config))
        asyncio.run(_run(spec, config))
    except HiveError as error:
        say(state="failed", code=error.code, detail=error.detail)
        return error.kind.exit_status
    return os.EX_OK


async def _run(spec: ControlSpec, config: MeshConfig) -> None:
    await Control(spec, config).run()
