"""The mesh file: one YAML document that describes a whole mesh, checked before anything runs.

`load_config` returns frozen values or raises HiveError(config_invalid) with one sentence per mistake: where it is
(file and line), what is wrong, and what to write instead. Nothing here starts or connects anything.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from hive.config_checks import contradictions
from hive.config_explain import mistakes
from hive.config_models import ConductorConfig, DeviceConfig, LinkConfig, MeshConfig, NodeConfig, SiteConfig
from hive.config_source import Source, bundled_configs, find_source, parse_source, read_source
from hive.errors import HiveError

__all__ = [
    "ConductorConfig",
    "DeviceConfig",
    "LinkConfig",
    "MeshConfig",
    "NodeConfig",
    "SiteConfig",
    "bundled_configs",
    "find_device",
    "find_site",
    "find_source",
    "json_schema",
    "load_config",
    "parse_config",
    "parse_source",
]


def load_config(path_or_name: str | Path) -> MeshConfig:
    """Read and check a mesh file, or a bundled one by its name (`factory`).

    Raises HiveError: config_not_found (near names are given) or config_invalid (every mistake with its line).
    """
    return parse_config(read_source(path_or_name))


def parse_config(source: Source) -> MeshConfig:
    """Check a document that was read; raises HiveError(config_invalid)."""
    try:
        config = MeshConfig.model_validate(source.document)
        problems = list(contradictions(config))
    except ValidationError as error:
        config, problems = None, mistakes(error, MeshConfig)
    if config is None or problems:
        lines = [f"{source.place(where)}: {sentence}" for where, sentence in problems]
        raise HiveError("config_invalid", "\n".join(lines), problems=lines)
    return config


def json_schema() -> dict[str, object]:
    """Return the JSON schema of the mesh file, for editors."""
    schema = MeshConfig.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Hive mesh file"}


def find_device(config: MeshConfig, device: str | None, site: str | None) -> tuple[str, str]:
    """Return (site, device); with one device in the file neither needs naming. Raises HiveError(config_invalid)."""
    every = [(s, d) for s, part in config.sites.items() for d in part.devices]
    found = [(s, d) for s, d in every if site in (None, s) and device in (None, d)]
    if len(found) == 1:
        return found[0]
    asked = "/".join(part for part in (site, device) if part)
    problem = f"{asked!r} fits {len(found)} devices" if asked else f"The mesh has {len(every)} devices"
    names = ", ".join(f"{s}/{d}" for s, d in every) or "none"
    raise HiveError("config_invalid", f"{problem}; name one with --device (and --site). Devices: {names}.")


def find_site(config: MeshConfig, site: str | None) -> str:
    """Return the site; with one site in the file it needs no naming. Raises HiveError(config_invalid)."""
    if site is not None and site in config.sites:
        return site
    if site is None and len(config.sites) == 1:
        return next(iter(config.sites))
    problem = f"There is no site {site!r}" if site else "The mesh has several sites; name one with --site"
    raise HiveError("config_invalid", f"{problem}. Sites: {', '.join(config.sites)}.")
