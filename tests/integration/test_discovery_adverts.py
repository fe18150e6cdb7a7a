"""An advert is a hint: one without a session is shown and given nothing; a session without an advert is kept."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from hive.discovery.base import Advert
from hive.discovery.mdns import MdnsDiscovery
from simulation.mesh import free_ports
from tests.fakes.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

MESH = """
mesh: {mesh}
sites:
  plant-a:
    conductor: {{bind: "tcp://127.0.0.1:{wire}", http: {{host: 127.0.0.1, port: {http}}}}}
    devices: {{press-1: {{nodes: [{{specialist: mesh-echo}}]}}}}
policy:
  sites: [{{rule: here, site: plant-a, labels: [internal], default_label: internal}}]
  principals: [{{rule: anyone, principal: "*", capabilities: ["*"], labels: [internal]}}]
  nodes: [{{rule: nodes, node: "*", site: plant-a, capabilities: ["*"]}}]
"""


class Site:
    """A conductor and one node that is told where it is, so that it need not be advertised."""

    def __init__(self, home: Path) -> None:
        self.mesh = f"m-{uuid4().hex[:8]}"
        self._wire, self._http = free_ports(2)
        self._home = home
        self._started: list[subprocess.Popen[bytes]] = []
        self.api = httpx.Client(base_url=f"http://127.0.0.1:{self._http}", timeout=20)

    def start(self) -> None:
        config = self._home / "mesh.yaml"
        config.write_text(MESH.format(mesh=self.mesh, wire=self._wire, http=self._http))
        self._hive("conductor", "run", str(config))
        self._hive(
            "node", "run", "--specialist", "mesh-echo", "--site", "plant-a", "--mesh", self.mesh,
            "--name", "press-1/echo", "--no-mdns", "--conductor", f"tcp://127.0.0.1:{self._wire}",
        )  # fmt: skip
        until(lambda: self.states().get("press-1/echo") == "ready", 60, "a ready node")

    def rows(self) -> list[dict[str, Any]]:
        try:
            answer = self.api.get("/v1/nodes")
        except httpx.TransportError:
            return []
        rows: list[dict[str, Any]] = answer.json() if answer.status_code == httpx.codes.OK else []
        return rows

    def states(self) -> dict[str, str]:
        return {row["id"]: row["state"] for row in self.rows()}

    def close(self) -> None:
        self.api.close()
        for process in reversed(self._started):
            process.terminate()
        for process in self._started:
            process.wait(20)

    def _hive(self, *words: str) -> None:
        with (self._home / "log").open("ab") as log:
            self._started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "hive", *words],
                    env=os.environ | {"HIVE_HOME": str(self._home)},
                    stdout=log,
                    stderr=log,
                )
            )


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="hive-") as folder:
        made = Site(Path(folder))
        try:
            made.start()
            yield made
        finally:
            made.close()


@pytest.fixture
def lan(site: Site) -> Iterator[MdnsDiscovery]:
    made = MdnsDiscovery(site.mesh, "127.0.0.1")
    yield made
    made.close()


def test_a_node_that_only_advertises_is_joining_and_gets_no_work(site: Site, lan: MdnsDiscovery) -> None:
    lan.publish(Advert("node", site.mesh, "lathe-1/echo", "plant-a", 0, 5, "mesh.echo", "sha256:ab"))
    lan.publish(Advert("node", site.mesh, "lathe-2/only", "plant-a", 0, 6, "mesh.only", "sha256:cd"))
    lan.publish(Advert("node", site.mesh, "crane-1/echo", "plant-b", 0, 7, "mesh.echo", "sha256:ab"))
    lan.publish(Advert("node", f"{site.mesh}x", "crane-2/echo", "plant-a", 0, 8, "mesh.echo", "sha256:ab"))
    until(lambda: len(site.rows()) == 3)
    assert site.states() == {"lathe-1/echo": "joining", "lathe-2/only": "joining", "press-1/echo": "ready"}
    ghost, _, real = site.rows()
    assert ghost.keys() == real.keys()
    assert (ghost["pid"], ghost["credit"], ghost["incarnation"]) == (0, 0, 5)
    answers = [
        site.api.post("/v1/tasks?wait=1", json={"capability": "mesh.echo", "input": "x"}) for _ in range(20)
    ]
    nodes = {answer.json()["provenance"]["attempts"][0]["node"] for answer in answers}
    assert nodes == {"press-1/echo"}
    refused = site.api.post("/v1/tasks?wait=1", json={"capability": "mesh.only", "input": "x"})
    assert refused.status_code >= httpx.codes.BAD_REQUEST


def test_a_node_whose_advert_ends_is_kept_as_long_as_it_works(site: Site, lan: MdnsDiscovery) -> None:
    for name in ("press-1/echo", "lathe-1/echo"):
        lan.publish(Advert("node", site.mesh, name, "plant-a", 0, 5, "mesh.echo", "sha256:ab"))
    until(lambda: len(site.rows()) == 2)
    assert site.states() == {"lathe-1/echo": "joining", "press-1/echo": "ready"}
    assert site.rows()[1]["pid"] > 0
    lan.close()
    until(lambda: len(site.rows()) == 1)
    assert site.states() == {"press-1/echo": "ready"}
    answer = site.api.post("/v1/tasks?wait=1", json={"capability": "mesh.echo", "input": "still here"})
    assert answer.json()["output"] == "still here"
