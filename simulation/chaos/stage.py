"""The mesh of an experiment: a mesh file whose specialists are replaced by ones that can be poisoned and that tell.

Sites, devices, links, capabilities and policy stay as they are; ports, and the name, are changed so that it runs beside
a mesh that is already up.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from hive.config import MeshConfig, find_source, load_config
from hive.netns import NETNS_YAML, Spaces, read_spaces
from simulation.mesh import moved_to_free_ports
from specialists.load import find
from specialists.manifest import FILE_NAME, read_manifest

_BATCH: Final = 4
_RUN_BOUND_MS: Final = 500
_TUNING: Final = {"finished_keep_s": 86_400.0, "finished_max_tasks": 1_000_000}
"""The tasks of a run can be read at its end, however long it is."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What was made: the file to start, and which capabilities each site's own nodes offer."""

    path: Path
    config: MeshConfig
    offered: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a site answers, and in which namespace it is, if any."""

    http: str
    wire: str
    space: str = ""
    address: str = ""


def build(source: str, folder: Path, store: str, *, netns: bool) -> Stage:
    """Write the mesh file and its specialists into `folder`; `store` is the URL of the conductors' stores.

    Raises HiveError: config_not_found, config_invalid, model_not_found, manifest_invalid.
    """
    origin = find_source(source)
    load_config(origin)
    document: Any = yaml.safe_load(origin.read_text(encoding="utf-8"))
    offered = {name: _replaced(site, origin.parent, folder) for name, site in document["sites"].items()}
    for site in document["sites"].values():
        conductor = site["conductor"] = site.get("conductor") or {}
        conductor["tuning"] = {**_TUNING, **(conductor.get("tuning") or {})}
        if store:
            conductor["store"] = {"url": store}
    for rule in document.get("policy", {}).get("principals", ()):
        rule.pop("token_sha256", None)  # the callers of an experiment show none
    draft = folder / f"{origin.stem}.yaml"
    if netns:
        document["mesh"] = f"{document['mesh']}-{os.getpid()}"
    draft.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    path = draft if netns else moved_to_free_ports(draft, _made(folder / "moved"))[0]
    return Stage(path, load_config(path), offered)


def places(stage: Stage, state: Path) -> dict[str, Place]:
    """Return where each site of the running mesh answers; `state` is its state directory."""
    spaces = read_spaces(state)
    config = load_config(state / NETNS_YAML) if spaces is not None else stage.config
    return {
        name: Place(
            f"http://{site.conductor.http.host}:{site.conductor.http.port}" if site.conductor.http else "",
            site.conductor.bind,
            *_space(spaces, name),
        )
        for name, site in config.sites.items()
    }


def _space(spaces: Spaces | None, site: str) -> tuple[str, str]:
    return spaces.sites[site] if spaces is not None else ("", "")


def _replaced(site: dict[str, Any], origin: Path, folder: Path) -> frozenset[str]:
    """Put a specialist of the same name and capability in the place of each one; return the capabilities."""
    found = set()
    for device in (site.get("devices") or {}).values():
        for node in device["nodes"]:
            name = str(node["specialist"])
            is_path = "/" in name or name in (".", "..")
            manifest = read_manifest(find(origin / name if is_path else name))
            node["specialist"] = str(
                _specialist(folder, Path(name).name.partition("@")[0], manifest.capability)
            )
            found.add(manifest.capability)
    return frozenset(found)


def _specialist(folder: Path, name: str, capability: str) -> Path:
    target = _made(folder / "specialists" / name)
    document = {
        "manifest_version": 1,
        "name": name.lower(),
        "version": "1.0.0",
        "capability": capability,
        "inputs": {"text": "text"},
        "output": "text",
        "kind": "chaos",
        "engine": "none",
        "files": {},
        "batch": {"max_size": _BATCH, "why": "a poisoned payload is to have company"},
        "run_bound_ms": _RUN_BOUND_MS,
        "licence": "Apache-2.0",
    }
    (target / FILE_NAME).write_text(json.dumps(document, indent=2), encoding="utf-8")
    return target


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
