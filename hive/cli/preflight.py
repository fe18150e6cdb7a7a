"""What is checked before `hive up` starts a process: that the ports of the file are free, and who has them if not."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator

import psutil

from hive.config import MeshConfig
from hive.errors import HiveError


def check_ports(config: MeshConfig) -> None:
    """See that every port of the file can be had.

    Raises HiveError(address_in_use) naming the port, where the file says it, and the process if it can be seen;
    HiveError(config_invalid) for an address that cannot be had here whoever stops.
    """
    for key, host, port in addresses(config):
        if port == 0:
            detail = f"`{key}`: port 0 picks a free one, and nobody would know which. Write a port from 1 to 65535."
            raise HiveError("config_invalid", detail)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise _cannot_be_had(key, host, port, error) from None


def _cannot_be_had(key: str, host: str, port: int, error: OSError) -> HiveError:
    if error.errno == errno.EADDRINUSE:
        who = f"process {owner(port)}" if owner(port) else "another process"
        advice = f"Stop that process, or write another port at `{key}`."
        return HiveError("address_in_use", f"Port {port} of {host} is taken by {who}. {advice}", port=port)
    if error.errno == errno.EACCES:
        advice = f"Write one from 1024 at `{key}`."
        return HiveError("config_invalid", f"Port {port} of {host} is kept for the system. {advice}")
    advice = f"Write one at `{key}`, such as 127.0.0.1."
    return HiveError("config_invalid", f"{host} is no address of this machine ({error.strerror}). {advice}")


def addresses(config: MeshConfig) -> Iterator[tuple[str, str, int]]:
    """Yield (place in the file, host, port) of everything that the mesh will listen on."""
    for name, site in config.sites.items():
        conductor = site.conductor
        host, _, port = conductor.bind.removeprefix("tcp://").rpartition(":")
        yield f"sites.{name}.conductor.bind", host.strip("[]"), int(port)
        if conductor.http is not None:
            yield f"sites.{name}.conductor.http.port", conductor.http.host, conductor.http.port


def owner(port: int) -> str:
    """Return the id and command of the process that listens on a port, empty if that cannot be seen."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            at = connection.laddr
            if at and at.port == port and connection.status == psutil.CONN_LISTEN and connection.pid:
                process = psutil.Process(connection.pid)
                words = " ".join(" ".join(process.cmdline()[:4]).split()) or process.name()
                return f"{connection.pid} ({words[:60]})"
    return ""
