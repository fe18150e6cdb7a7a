"""How a mesh of this machine looks from outside: which nodes are ready, and which sites can ask each other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from hive.cli.progress import address
from hive.config import MeshConfig
from hive.errors import HiveError
from hive.processes import processes_in


@dataclass(frozen=True, slots=True)
class Look:
    """How a mesh looks from outside: `rows` as `hive nodes` shows them, and which nodes are ready.

    `silent` are the sites whose conductor does not answer yet; `closed` those that answer nobody without a token.
    `linked` are pairs of sites of which both know what the other offers.
    """

    rows: list[dict[str, Any]]
    ready: set[str]
    silent: list[str]
    closed: list[str]
    linked: set[tuple[str, str]]


def look_around(config: MeshConfig, state: Path) -> Look:
    """Ask each site's conductor for its nodes, with $HIVE_TOKEN where it is set.

    Where policy wants a token that is not known here, the agents' files say which nodes the conductor called ready.
    """
    linked: set[tuple[str, str]] = set()
    look = Look([], set(), [], [], set())
    for name, site in config.sites.items():
        try:
            look.rows.extend(_asked(address(site.conductor), "nodes"))
            if config.linked_sites():
                linked.update(_links_of(_asked(address(site.conductor), "sites")))
        except HiveError as error:
            (look.closed if error.code == "unauthenticated" else look.silent).append(name)
        except (httpx.HTTPError, ValueError):
            look.silent.append(name)
    look.ready.update(row["id"] for row in look.rows if row["state"] == "ready")
    both = {(a, b) for a, b in linked if (b, a) in linked}
    look.linked.update(both, {pair for pair in config.linked_sites() if set(pair) & set(look.closed)})
    if look.closed:
        told = [row for row in processes_in(state) if row.role == "node" and row.site in look.closed]
        look.ready.update(row.name for row in told if row.state == "ready" and row.pid)
    return look


def _links_of(rows: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield (site, linked site) for each link that is up and over which the site has said what it offers."""
    for row in rows:
        for link in row["links"]:
            if link["state"] == "up" and link["told"]:
                yield row["site"], link["to"]


def _asked(where: str, what: str) -> list[dict[str, Any]]:
    """Return what a site answers; one without a gateway is asked over the wire protocol."""
    from hive.client import Client  # noqa: PLC0415 - it loads the transport

    token = os.environ.get("HIVE_TOKEN")
    if not where.startswith("http"):
        with Client(where, token=token, connect_timeout_s=0.5) as client:
            return client.nodes() if what == "nodes" else client.sites()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = httpx.get(f"{where}/v1/{what}", headers=headers, timeout=2.0, trust_env=False)
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise HiveError("unauthenticated")
    rows: list[dict[str, Any]] = answer.raise_for_status().json()
    return rows
