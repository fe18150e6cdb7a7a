"""What is checked before `hive up` starts a process: that the ports of the file are free, and who has them if not."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import psutil

from hive.config import MeshConfig
from hive.errors import HiveError


def check_ports(config: MeshConfig) -> None:
    """Raise HiveError(address_in_use) naming the port, where the file says it, and the process if it can be seen."""
    for key, host, port in addresses(config):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                who = owner(port)
                cause = f"is taken by {who}" if who else f"cannot be had ({error.strerror})"
                advice = f"Stop that process, or write another port at `{key}`."
                raise HiveError(
                    "address_in_use", f"Port {port} of {host} {cause}. {advice}", port=port
                ) from None


def addresses(config: MeshConfig) -> Iterator[tuple[str, str, int]]:
    """Yield (place in the file, host, port) of everything that the mesh will listen on."""
    for name, site in config.sites.items():
        conductor = site.conductor
        host, _, port = conductor.bind.removeprefix("tcp://").rpartition(":")
        yield f"sites.{name}.conductor.bind", host.strip("[]"), int(port)
        if conductor.http is not None:
            yield f"sites.{name}.conductor.http.port", conductor.http.host, conductor.http.port


def owner(port: int) -> str:
    """Return which process listens on a port, empty if that cannot be seen."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            at = connection.laddr
            if at and at.port == port and connection.status == psutil.CONN_LISTEN and connection.pid:
                process = psutil.Process(connection.pid)
                words = " ".join(process.cmdline()[:4]) or process.name()
                return f"process {connection.pid} ({words[:60]})"
    return ""
