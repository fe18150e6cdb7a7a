"""Sites whose files do not agree, as real conductors: an old policy, a forged name, a token that somebody lacks."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hive.client import Client
from hive.errors import HiveError
from simulation.mesh import free_ports
from tests.fakes.waiting import until
from tests.fakes.wiretap import Wiretap

pytestmark = [pytest.mark.integration, pytest.mark.timeout(200)]

TOKEN, SECRET = "for the plant alone", "anna.meier@example.org"
MESH = """
mesh: doubt
discovery: {{mdns: false, conductors: {{cloud: "tcp://127.0.0.1:{cloud}"}}}}
sites:
  plant:
    conductor:
      bind: "tcp://127.0.0.1:{plant}"
      http: null
      upstream: {{site: cloud, endpoint: "{tap}", token_env: DOUBT_TOKEN}}
  cloud:
    conductor: {{bind: "tcp://127.0.0.1:{cloud}", http: null}}
    devices:
      rack: {{nodes: [{{specialist: mesh-echo}}]}}
policy:
  sites:
    - {{rule: plant-data, site: plant, labels: [public, internal, pii], default_label: internal}}
    - {{rule: cloud-data, site: cloud, labels: [{there}], default_label: internal}}
  principals:
    - {{rule: all, principal: "*", capabilities: ["*"], labels: [public, internal, pii]}}
    - {{rule: link, principal: plant, capabilities: [], labels: [], token_sha256: {digest}}}
  nodes:
    - {{rule: n, node: "*", site: cloud, capabilities: ["*"]}}
  links:
    - {{rule: up, from: plant, to: cloud, capabilities: [mesh.echo], labels: [{there}]}}
"""
NOW, LONG_AGO = "public, internal", "public, internal, pii"


class Doubt:
    """A cloud as its file says, and conductors elsewhere whose files say something else."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ports = dict(zip(("plant", "cloud"), free_ports(2), strict=True))
        self.tap = Wiretap(self.ports["cloud"])
        self._started: list[subprocess.Popen[str]] = []

    def config(self, name: str, there: str, **ports: int) -> Path:
        digest = hashlib.sha256(TOKEN.encode()).hexdigest()
        path = self.home / f"{name}.yaml"
        words = {**self.ports, **ports, "tap": self.tap.endpoint, "there": there, "digest": digest}
        path.write_text(MESH.format(**words), encoding="utf-8")
        return path

    def hive(self, name: str, *arguments: str, token: str = "") -> subprocess.Popen[str]:
        environment = os.environ | {
            "HIVE_HOME": str(self.home / name),
            "COLUMNS": "300",
            "DOUBT_TOKEN": token,
        }
        with (self.home / f"{name}.said").open("a") as said:
            command = [sys.executable, "-m", "hive", *arguments]
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, text=True
            )
        self._started.append(process)
        return process

    def conductor(self, name: str, config: Path, site: str, token: str = "") -> subprocess.Popen[str]:
        return self.hive(name, "conductor", "run", str(config), "--site", site, token=token)

    def link(self, port: int) -> dict[str, Any]:
        """Return what the conductor at a port says of its first link; nothing while it does not answer."""
        assert all(process.poll() is None for process in self._started), self.said()
        try:
            with Client(f"tcp://127.0.0.1:{port}") as client:
                return next(iter(client.sites()[0]["links"]), {})
        except HiveError:
            return {}

    def said(self) -> str:
        return "".join(path.read_text() for path in sorted(self.home.glob("*.said")))

    def end(self) -> None:
        for process in self._started:
            process.terminate()
        for process in self._started:
            process.wait(30)


@pytest.fixture
def doubt(tmp_path: Path) -> Iterator[Doubt]:
    made = Doubt(tmp_path)
    with made.tap:
        cloud = made.config("cloud", NOW)
        made.conductor("cloud", cloud, "cloud")
        made.hive("rack", "device", "run", str(cloud), "--device", "rack", "--site", "cloud")
        yield made
        made.end()


def _up(doubt: Doubt, port: int) -> bool:
    link = doubt.link(port)
    return link.get("state") == "up" and any(o["capability"] == "mesh.echo" for o in link["offers"])


def test_a_site_that_comes_back_with_an_old_policy_sends_nothing_that_the_other_no_longer_takes(
    doubt: Doubt,
) -> None:
    port = doubt.ports["plant"]
    plant = doubt.conductor("plant", doubt.config("plant", LONG_AGO), "plant", TOKEN)
    until(lambda: _up(doubt, port), 60, "the link")
    with Client(f"tcp://127.0.0.1:{port}") as client:
        assert client.run("mesh.echo", "harmless", labels=["internal"]).output == "harmless"
        with pytest.raises(HiveError) as caught:
            client.run("mesh.echo", SECRET, labels=["pii"])
        assert caught.value.code == "label_forbidden"
        assert (caught.value.context["site"], caught.value.context["labels"]) == ("cloud", ["pii"])
        doubt.config("plant", NOW)
        plant.send_signal(signal.SIGHUP)
        until(lambda: _refused_by(client) == "cloud-data", 40, "the policy of today")
        assert client.run("mesh.echo", "harmless", labels=["internal"]).output == "harmless"
    passed = bytes(doubt.tap.there + doubt.tap.back)
    assert b"harmless" in passed
    assert SECRET.encode() not in passed


def _refused_by(client: Client) -> object:
    try:
        client.run("mesh.echo", SECRET, labels=["pii"])
    except HiveError as error:
        return error.context.get("rule")
    return None


def test_who_says_it_is_the_plant_and_has_no_token_is_shown_out_and_the_plant_stays(doubt: Doubt) -> None:
    port, false = doubt.ports["plant"], free_ports(1)[0]
    doubt.conductor("plant", doubt.config("plant", NOW), "plant", TOKEN)
    until(lambda: _up(doubt, port), 60, "the link")
    doubt.conductor("forger", doubt.config("forger", NOW, plant=false), "plant", "a guess")
    until(lambda: doubt.link(false).get("trouble"), 60, "a refusal")
    trouble = doubt.link(false)
    assert trouble["state"] != "up"
    assert "token" in trouble["trouble"]
    with Client(f"tcp://127.0.0.1:{false}") as forger, pytest.raises(HiveError) as caught:
        forger.run("mesh.echo", "let me in", labels=["internal"])
    assert caught.value.code == "capability_unknown"
    with Client(f"tcp://127.0.0.1:{port}") as client:
        assert client.run("mesh.echo", "still here", labels=["internal"]).output == "still here"
    assert b"let me in" not in bytes(doubt.tap.there)


def test_a_site_that_the_other_file_does_not_know_is_told_why(doubt: Doubt) -> None:
    stranger = doubt.config("stranger", NOW)
    stranger.write_text(stranger.read_text().replace("plant", "barn"), encoding="utf-8")
    doubt.conductor("stranger", stranger, "barn", "")
    until(lambda: "barn" in doubt.link(doubt.ports["plant"]).get("trouble", ""), 60, "a refusal")
    link = doubt.link(doubt.ports["plant"])
    assert link["to"] == "cloud"
    assert link["state"] != "up"
