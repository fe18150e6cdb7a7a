"""Where the sites of a local mesh are, if each is in a network namespace of its own (`hive up --netns`).

The namespaces themselves are made and removed by `python -m simulation.netns`, which this runs as a command.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hive.errors import CATALOGUE, HiveError
from hive.state_dir import read_json

NETNS_FILE: Final = "netns.json"
NETNS_YAML: Final = "netns.yaml"
_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Spaces:
    """The bridge that joins the namespaces, and (namespace, address) of each site."""

    bridge: str
    sites: Mapping[str, tuple[str, str]]

    def as_json(self) -> dict[str, object]:
        """Return what is written to netns.json."""
        return {"bridge": self.bridge, "sites": {name: list(where) for name, where in self.sites.items()}}


def read_spaces(folder: Path) -> Spaces | None:
    """Return where the sites of a mesh are; None if they share this machine's own network."""
    said = read_json(folder / NETNS_FILE)
    if not isinstance(said, dict):
        return None
    return Spaces(
        str(said["bridge"]), {name: (space, address) for name, (space, address) in said["sites"].items()}
    )


def make_spaces(config: Path, folder: Path) -> Path:
    """Make the namespaces of a mesh file and return the file with their addresses. Raises HiveError(start_failed)."""
    _call("up", str(config), str(folder))
    return folder / NETNS_YAML


def remove_spaces(folder: Path) -> None:
    """Remove the namespaces of a mesh, if it has any."""
    if (folder / NETNS_FILE).exists():
        _call("down", str(folder))


def inside(spaces: Spaces | None, site: str) -> list[str]:
    """Return the words that run a command in the namespace of a site; none where there is no such namespace."""
    return ["ip", "netns", "exec", spaces.sites[site][0]] if spaces is not None else []


def _call(*words: str) -> None:
    command = [sys.executable, "-m", "simulation.netns", *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_TIMEOUT_S)
    if done.returncode:
        code, _, detail = done.stderr.strip().rpartition("\n")[2].partition(": ")
        raise HiveError(code if code in CATALOGUE else "start_failed", detail or done.stderr.strip())
