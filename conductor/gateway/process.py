"""`hive gateway run`: one more gateway of a site, in a process of its own beside the conductor on the same machine.

It speaks to the dispatcher's private socket and knows no more than that: the graph is asked of the site's own gateway.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

from conductor.app import private_socket
from conductor.gateway.serve import serve
from conductor.gateway.settings import GatewaySettings
from hive.config import MeshConfig
from hive.state_dir import make, write_json
from hive.transport.zeromq import ZmqTransport
from hive.wire.auth import check_bind


def run_gateway(
    config: MeshConfig, site: str, state: Path, host: str, port: int, told: Callable[[str], None]
) -> None:
    """Serve until SIGTERM or SIGINT; `told` gets the URL once the port is open.

    Raises HiveError: insecure_bind for an address that others reach unless the site says `insecure: true`,
    address_in_use, state_unwritable.
    """
    check_bind(f"tcp://{host}:{port}", insecure=config.sites[site].conductor.insecure)
    status = make(state / "conductors") / f"{site}.gateway-{os.getpid()}.json"
    row = {"role": "gateway", "name": f"{site}:{port}", "site": site, "pid": os.getpid()}

    def ready(url: str) -> None:
        write_json(status, {**row, "state": "ready"})
        told(url)

    write_json(status, {**row, "state": "starting"})
    endpoint = f"ipc://{private_socket(state, config.mesh, site)}"
    settings = GatewaySettings(host, port, config.caller_tokens())
    try:
        asyncio.run(_serve(endpoint, config.mesh, settings, ready))
    finally:
        with contextlib.suppress(FileNotFoundError):
            status.unlink()


async def _serve(endpoint: str, mesh: str, settings: GatewaySettings, ready: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    transport = ZmqTransport()
    try:
        await serve(transport, endpoint, mesh, None, settings, stop, ready)
    finally:
        transport.close()
