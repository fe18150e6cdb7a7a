"""Addresses of real sockets: what is one, and whether somebody serves it."""

from __future__ import annotations

import os
import re
import socket
from typing import Final

from hive.errors import HiveError

IPC: Final = "ipc://"
_IPC_PATH_BYTES: Final = 107
_PORT_MAX: Final = 65535
_TCP: Final = re.compile(r"tcp://(?:\[[0-9a-fA-F:.]+(?:%\w+)?\]|[\w.\-]+|\*):(\d{1,5}|\*)")


def check_endpoint(endpoint: str) -> None:
    """Raise HiveError(bad_request) unless `endpoint` is tcp://HOST:PORT or ipc://PATH."""
    if endpoint.startswith(IPC):
        size = len(os.fsencode(endpoint.removeprefix(IPC)))
        if 0 < size <= _IPC_PATH_BYTES:
            return
        detail = f"{endpoint}: the path has {size} bytes; a socket's path has 1 to {_IPC_PATH_BYTES}."
        raise HiveError("bad_request", detail)
    match = _TCP.fullmatch(endpoint)
    if not match or (match[1] != "*" and int(match[1]) > _PORT_MAX):
        raise HiveError(
            "bad_request", f"{endpoint!r} is not an address: write tcp://HOST:PORT or ipc://PATH."
        )


def is_served(endpoint: str) -> bool:
    """Say whether a process listens at an ipc endpoint: a library that binds it anew would take it over."""
    if not endpoint.startswith(IPC):
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(endpoint.removeprefix(IPC))
        except TimeoutError:
            return True
        except OSError:
            return False
        return True
