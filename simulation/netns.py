"""Each site of a local mesh in a network namespace with an address of its own. Linux, root, `ip`, `iptables`.

`python -m simulation.netns up CONFIG FOLDER` makes the namespaces and writes FOLDER/netns.json (who is where) and
FOLDER/netns.yaml (the mesh file with those addresses); `python -m simulation.netns down FOLDER` removes them. `hive up
--netns` calls both. The namespaces meet at a bridge, on which this machine has an address too, so that gateways can be
asked from here. Multicast of other namespaces is dropped: mDNS reaches one site and no other.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from hive.config_source import find_source
from hive.errors import HiveError
from hive.netns import NETNS_FILE, NETNS_YAML, Spaces, read_spaces
from hive.state_dir import write_json

_NETS: Final = 256
_MULTICAST: Final = "224.0.0.0/4"


def make(config: Path, folder: Path) -> Spaces:
    """Make a namespace for each site of a mesh file. Raises HiveError(start_failed) with what is missing."""
    _check_possible()
    remove(folder)
    document: Any = yaml.safe_load(config.read_text(encoding="utf-8"))
    sites = list(document["sites"])
    mark = hashlib.blake2b(str(folder).encode(), digest_size=3).hexdigest()
    net = _free_net()
    spaces = Spaces(
        f"hv{mark}",
        {name: (f"hive-{mark}-{name}", f"{net}.{number + 2}") for number, name in enumerate(sites)},
    )
    write_json(folder / NETNS_FILE, spaces.as_json())
    try:
        _plug(spaces, net)
    except subprocess.CalledProcessError as error:
        remove(folder)
        said = str(error.stderr or error).strip()
        raise HiveError("start_failed", f"Namespaces could not be made: {said}.") from error
    moved = yaml.safe_dump(_moved(document, spaces, config.parent), sort_keys=False)
    (folder / NETNS_YAML).write_text(moved, encoding="utf-8")
    return spaces


def remove(folder: Path) -> None:
    """Remove what `make` made, and whatever still runs in it."""
    spaces = read_spaces(folder)
    if spaces is None:
        return
    for number, (space, _) in enumerate(spaces.sites.values()):
        for pid in _said("ip", "netns", "pids", space).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        _said("ip", "link", "del", f"{spaces.bridge}p{number}")  # a namespace may take its time to go
        _said("ip", "netns", "del", space)
    _said("ip", "link", "del", spaces.bridge)
    for name in (NETNS_FILE, NETNS_YAML):
        (folder / name).unlink(missing_ok=True)


def cut(spaces: Spaces, source: str, target: str, *, wanted: bool) -> None:
    """Let what one site sends to another be dropped on its arrival, or not any more."""
    space, address = spaces.sites[target][0], spaces.sites[source][1]
    rule = ("INPUT", "-s", address, "-j", "DROP")
    known = _status("ip", "netns", "exec", space, "iptables", "-w", "-C", *rule) == 0
    if wanted != known:
        _run("ip", "netns", "exec", space, "iptables", "-w", "-I" if wanted else "-D", *rule)


def possible() -> bool:
    """Say whether this machine lets us make namespaces and filter in them, by making one."""
    try:
        _check_possible()
    except HiveError:
        return False
    name = f"hive-probe-{os.getpid()}"
    made = _status("ip", "netns", "add", name) == 0
    filters = made and _status("ip", "netns", "exec", name, "iptables", "-w", "-L", "-n") == 0
    if made:
        _status("ip", "netns", "del", name)
    return filters


def _check_possible() -> None:
    missing = [tool for tool in ("ip", "iptables") if shutil.which(tool) is None]
    if os.geteuid() != 0:
        raise HiveError("start_failed", "--netns makes network namespaces, which takes root.")
    if missing:
        advice = "On Debian: apt-get install iproute2 iptables"
        raise HiveError("start_failed", f"--netns needs {' and '.join(missing)}. {advice}.")


def _free_net() -> str:
    used = _run("ip", "-o", "-4", "addr")
    return next(f"10.77.{n}" for n in range(_NETS) if f" 10.77.{n}." not in used)


def _plug(spaces: Spaces, net: str) -> None:
    """Join the namespaces at a bridge of this machine."""
    bridge = spaces.bridge
    _run("ip", "link", "add", bridge, "type", "bridge", "mcast_snooping", "0")
    _run("ip", "addr", "add", f"{net}.1/24", "dev", bridge)
    _run("ip", "link", "set", bridge, "up")
    for number, (space, address) in enumerate(spaces.sites.values()):
        plug = f"{bridge}p{number}"
        _run("ip", "netns", "add", space)
        _run("ip", "link", "add", plug, "type", "veth", "peer", "name", "eth0", "netns", space)
        _run("ip", "link", "set", plug, "master", bridge, "up")
        for words in (
            ("link", "set", "lo", "up"),
            ("addr", "add", f"{address}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("route", "add", "default", "dev", "eth0"),
        ):
            _run("ip", "-n", space, *words)
        drop = ("-A", "INPUT", "-d", _MULTICAST, "!", "-s", address, "-j", "DROP")
        _run("ip", "netns", "exec", space, "iptables", "-w", *drop)


def _moved(document: dict[str, Any], spaces: Spaces, folder: Path) -> dict[str, Any]:
    """Return the mesh file with each site at its namespace's address."""
    for name, site in document["sites"].items():
        address = spaces.sites[name][1]
        conductor = site.setdefault("conductor", {}) or {}
        site["conductor"] = conductor
        port = str(conductor.get("bind", "tcp://127.0.0.1:8421")).rpartition(":")[2]
        conductor["bind"] = f"tcp://{address}:{port}"
        conductor["insecure"] = True  # the network is this machine's own
        if conductor.get("http", {}) is not None:
            conductor["http"] = {**(conductor.get("http") or {}), "host": address}
        for link in _links(conductor):
            link.pop("endpoint", None)
        for device in (site.get("devices") or {}).values():
            for node in device["nodes"]:
                if (path := folder / str(node["specialist"])).is_dir():
                    node["specialist"] = str(path.resolve())
    document.pop("discovery", None)  # found by mDNS, each in its own site
    return document


def _links(conductor: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if conductor.get("upstream"):
        yield conductor["upstream"]
    yield from conductor.get("peers") or ()


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _said(*command: str) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def _status(*command: str) -> int:
    return subprocess.run(command, check=False, capture_output=True).returncode


def main(arguments: list[str]) -> int:
    """Make or remove; return an exit status of the error catalogue."""
    try:
        match arguments:
            case ["up", config, folder]:
                make(find_source(config), Path(folder))
            case ["down", folder]:
                remove(Path(folder))
            case _:
                sys.stderr.write("Usage: python -m simulation.netns up CONFIG FOLDER | down FOLDER\n")
                return os.EX_USAGE
    except HiveError as error:
        sys.stderr.write(f"{error.code}: {error.detail}\n")
        return error.kind.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
