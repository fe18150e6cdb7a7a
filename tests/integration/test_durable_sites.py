"""Two linked sites as real processes: what waits for a link is on the disk, on both sides, whoever is killed."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from hive.client import Client, Result
from simulation.mesh import LocalMesh, free_ports
from tests.fakes.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ECHO = "mesh.echo"
MESH = """
mesh: apart
discovery: {{mdns: false}}
sites:
  plant:
    conductor:
      bind: "tcp://127.0.0.1:{plant}"
      http: null
      upstream: {{site: cloud, endpoint: "tcp://127.0.0.1:{cloud}"}}
  cloud:
    conductor: {{bind: "tcp://127.0.0.1:{cloud}", http: null}}
    devices:
      rack: {{nodes: [{{specialist: mesh-echo, credit: 1}}]}}
policy:
  sites:
    - {{rule: plant-data, site: plant, labels: [public, internal], default_label: internal}}
    - {{rule: cloud-data, site: cloud, labels: [public, internal], default_label: internal}}
  principals: [{{rule: all, principal: "*", capabilities: ["*"], labels: [public, internal]}}]
  nodes: [{{rule: racks, node: "rack/*", site: cloud, capabilities: ["*"]}}]
  links: [{{rule: up, from: plant, to: cloud, capabilities: ["*"], labels: [public, internal]}}]
"""


class LoggedMesh(LocalMesh):
    """A mesh whose nodes write down what they really run."""

    effects: Path

    def start(self) -> None:
        self.effects = Path(self.environment["HIVE_HOME"]) / "effects"
        self.environment["HIVE_EFFECT_LOG"] = str(self.effects)
        super().start()


@dataclass
class Apart:
    """The mesh that runs."""

    mesh: LoggedMesh
    plant: str
    cloud: str

    def kill(self, *victims: tuple[str, str]) -> None:
        """Kill (role, site) at once, and wait until others are in their places."""
        pids = {row.pid for row in self.mesh.rows("dispatcher") + self.mesh.rows("control")
                if (row.role, row.site) in victims}  # fmt: skip
        assert len(pids) == len(victims)
        for pid in pids:
            assert pid is not None
            os.kill(pid, signal.SIGKILL)

        def again() -> bool:
            rows = self.mesh.rows("dispatcher") + self.mesh.rows("control")
            fresh = [row for row in rows if (row.role, row.site) in victims and row.pid not in pids]
            return len(fresh) == len(victims) and all(row.state == "ready" for row in fresh)

        until(again, 60, f"others in the places of {victims}")

    def link(self) -> str:
        with Client(self.plant) as client:
            return str(next(link for link in client.sites()[0]["links"] if link["to"] == "cloud")["state"])

    def cut(self, *how: str) -> None:
        self.mesh.hive("link", "cut", *(how or ("plant", "cloud")))

    def heal(self) -> None:
        self.mesh.hive("link", "heal")
        until(lambda: self.link() == "up", 60, "the link")

    def ran(self) -> list[str]:
        """Return the tasks that were really run, in this order, each as often as it was."""
        if not self.mesh.effects.exists():
            return []
        return [
            json.loads(line)["task"] for line in self.mesh.effects.read_text(encoding="ascii").splitlines()
        ]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    folder = tmp_path_factory.mktemp("apart")
    plant, cloud = free_ports(2)
    config = folder / "apart.yaml"
    config.write_text(MESH.format(plant=plant, cloud=cloud), encoding="utf-8")
    with LoggedMesh(config, folder / "h") as mesh:
        yield Apart(mesh, f"tcp://127.0.0.1:{plant}", f"tcp://127.0.0.1:{cloud}")


@pytest.fixture
def apart(started: Apart) -> Apart:
    """The mesh with its link up."""
    started.heal()
    with Client(started.plant) as client:
        assert client.run(ECHO, "warm up", deadline_ms=60_000, hold=True).ok
    return started


def submitted(apart: Apart, count: int, word: str) -> list[str]:
    with Client(apart.plant) as client:
        return [client.submit(ECHO, f"{word} {n}", deadline_ms=200_000).id for n in range(count)]


def outcomes(apart: Apart, tasks: list[str]) -> list[Result]:
    """Return the one outcome of each task, which is an answer."""
    with Client(apart.plant) as client:
        results = [client.result(task, 90) for task in tasks]
        listed = Counter(row["id"] for row in client.tasks(limit=1000))
    assert [(r.state, r.error) for r in results if not r.ok] == []
    assert [listed[task] for task in tasks] == [1] * len(tasks)
    return results


def given_there(results: list[Result]) -> list[int]:
    """Return the numbers of the attempts that the cloud made of them; it counts them from its start."""
    attempts = [cast("list[dict[str, Any]]", result.provenance["attempts"]) for result in results]
    return [row["attempt"] for rows in attempts for row in rows if row["conductor"] == "cloud"]


def test_tasks_that_wait_for_a_site_go_there_in_order_though_both_conductors_were_killed(
    apart: Apart,
) -> None:
    before = len(apart.ran())
    apart.cut()
    until(lambda: apart.link() != "up", 40, "the loss")
    tasks = submitted(apart, 40, "kept")
    apart.kill(("dispatcher", "plant"), ("dispatcher", "cloud"))
    tasks += submitted(apart, 20, "more")
    assert len(apart.ran()) == before
    apart.heal()
    results = outcomes(apart, tasks)
    assert [r.output for r in results] == [f"kept {n}" for n in range(40)] + [f"more {n}" for n in range(20)]
    given = given_there(results)
    assert len(given) == len(set(apart.ran()[before:])) == 60
    assert given == sorted(given)


def test_answers_that_wait_for_their_way_back_are_not_made_twice_though_both_conductors_were_killed(
    apart: Apart,
) -> None:
    before = len(apart.ran())
    apart.cut("cloud", "plant", "--one-way")
    tasks = submitted(apart, 15, "answered")
    until(lambda: len(apart.ran()) >= before + len(tasks), 40, "the work")
    apart.cut()
    apart.kill(("dispatcher", "cloud"), ("dispatcher", "plant"))
    apart.heal()
    assert [r.output for r in outcomes(apart, tasks)] == [f"answered {n}" for n in range(15)]
    assert set(Counter(apart.ran()[before:]).values()) == {1}
    assert len(apart.ran()) == before + len(tasks)


def test_a_site_that_is_restarted_while_its_link_is_cut_still_takes_what_only_the_other_can_do(
    apart: Apart,
) -> None:
    apart.cut()
    until(lambda: apart.link() != "up", 40, "the loss")
    apart.kill(("dispatcher", "plant"), ("control", "plant"))
    tasks = submitted(apart, 5, "remembered")
    with Client(apart.plant) as client:
        assert {client.task(task).state for task in tasks} == {"queued"}
        assert ECHO in {row["capability"] for row in client.capabilities()}
    apart.heal()
    assert [r.output for r in outcomes(apart, tasks)] == [f"remembered {n}" for n in range(5)]
