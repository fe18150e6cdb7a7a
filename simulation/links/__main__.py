"""The relay of one link: `python -m simulation.links FOLDER SITE OTHER LISTEN TARGET`, run by `hive up`."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from hive.netns import read_spaces
from hive.state_dir import make, write_json
from simulation.links.relay import Address, Relay
from simulation.links.wishes import read_wish

_LOOK_S: Final = 0.02
_TELL_S: Final = 0.5


def main(arguments: list[str]) -> int:
    """Relay until SIGTERM; look often whether something else is wanted of the link."""
    folder, site, other, listen, target = arguments
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: stopped.append(received))
    status = make(Path(folder)) / f"{site}--{other}.json"
    apart = read_spaces(Path(folder).parent) is not None  # then a cut drops packets, and here nothing is held
    relay = Relay(_address(listen), _address(target))
    parent = os.getppid()
    told: object = None
    tell_s = 0.0
    try:
        while not stopped and os.getppid() == parent:
            link = read_wish(Path(folder), site, other)
            relay.there, relay.back = (replace(f, cut=f.cut and not apart) for f in (link.there, link.back))
            now_s = time.monotonic()
            said = (link.change, relay.connections)
            if said != told or now_s >= tell_s:
                told, tell_s = said, now_s + _TELL_S
                _tell(status, site, other, listen, relay, link.change)
            end_s = now_s + _LOOK_S
            while (left_s := end_s - time.monotonic()) > 0:
                relay.turn(_now_us, left_s)
    finally:
        relay.close()
        status.unlink(missing_ok=True)
    return os.EX_OK


def _tell(status: Path, site: str, other: str, listen: str, relay: Relay, change: int) -> None:
    row = {
        "role": "relay",
        "name": f"{site}--{other}",
        "site": site,
        "other": other,
        "pid": os.getpid(),
        "state": "ready",
    }
    about = {"change": change, "connections": relay.connections, "carried_bytes": relay.carried_bytes}
    write_json(status, {**row, **about, "endpoint": listen})


def _now_us() -> int:
    return time.monotonic_ns() // 1000


def _address(endpoint: str) -> Address:
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    return host.strip("[]"), int(port)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
