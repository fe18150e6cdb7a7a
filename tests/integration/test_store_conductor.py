"""A whole mesh on its store: conductors killed under load, a disk that is full, two conductors on one file."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx
import pytest

from conductor.store.sql.checking import Report, examine
from conductor.store.sql.sqlite import SqliteDatabase
from conductor.store.timeline import system_now
from hive.errors import CATALOGUE
from simulation.mesh import LocalMesh, free_ports
from tests.fakes.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

MESH = """
mesh: kept
discovery: {{mdns: false}}
sites:
  plant-a:
    conductor:
      bind: "tcp://127.0.0.1:{wire}"
      http: {{port: {http}}}
      store: {{url: "{url}"}}
    devices:
      press-1: {{nodes: [{{specialist: mesh-echo, credit: 8}}]}}
policy:
  sites: [{{rule: here, site: plant-a, labels: [internal], default_label: internal}}]
  principals: [{{rule: anyone, principal: "*", capabilities: ["*"], labels: [internal]}}]
  nodes: [{{rule: nodes, node: "press-*", site: plant-a, capabilities: [mesh.echo]}}]
"""


class Caller:
    """Submits durable tasks over HTTP, each with a key, until each is accepted."""

    def __init__(self, port: int) -> None:
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20)
        self.accepted: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def submit(self, text: str) -> httpx.Response:
        document = {"capability": "mesh.echo", "input": text, "deadline_ms": 120_000, "durable": True}
        answer = self.http.post("/v1/tasks", json=document, headers={"Idempotency-Key": text})
        if answer.status_code in (200, 202):
            self.accepted[answer.json()["id"]] = text
        return answer

    def insist(self, text: str) -> None:
        """Submit until it is accepted."""

        def taken() -> bool:
            try:
                return self.submit(text).status_code in (200, 202)
            except httpx.HTTPError:
                return False

        until(taken, 60, f"the acceptance of {text!r}")

    def finished(self) -> bool:
        """Return whether every task that was accepted is done, with its own text as the answer."""
        for ident, text in list(self.accepted.items()):
            try:
                seen = self.http.get(f"/v1/tasks/{ident}").json()
            except httpx.HTTPError:
                return False
            if seen.get("state") != "done":
                return False
            assert seen["output"] == text
        return True


def mesh_file(folder: Path, url: str) -> tuple[Path, int]:
    wire, http = free_ports(2)
    path = folder / "mesh.yaml"
    path.write_text(MESH.format(wire=wire, http=http, url=url))
    return path, http


def looked_at(path: Path) -> Report:
    """Return what is in a store that a conductor has open."""
    database = SqliteDatabase(path)
    database.look()
    report = examine(database, system_now)
    database.close()
    return report


def test_what_a_conductor_acknowledged_is_finished_though_it_is_killed(tmp_path: Path) -> None:
    chance = random.Random(3)
    config, port = mesh_file(tmp_path, "sqlite:")
    with (
        LocalMesh(config, tmp_path / "h", environment={"HIVE_STORE_URL": ""}) as mesh,
        Caller(port) as caller,
    ):
        for round_ in range(3):
            for number in range(15):
                caller.insist(f"{round_}/{number}")
            time.sleep(chance.random() * 0.05)
            for row in mesh.rows("dispatcher"):
                os.kill(row.pid, signal.SIGKILL)
        until(caller.finished, 60, "the end of every task that was accepted")
        assert len(caller.accepted) == 45
        report = looked_at(tmp_path / "h" / "kept" / "stores" / "plant-a.db")
    assert (report.problems, report.open, report.states) == ([], 0, {"done": 45})
    assert report.epoch == 4


def test_a_second_conductor_on_the_same_store_is_refused(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/store.db"
    config, port = mesh_file(tmp_path, url)
    with (
        LocalMesh(config, tmp_path / "h", environment={"HIVE_STORE_URL": ""}) as mesh,
        Caller(port) as caller,
    ):
        other = tmp_path / "other"
        other.mkdir()
        again, _ = mesh_file(other, url)
        words = [
            sys.executable,
            "-m",
            "hive",
            "conductor",
            "run",
            str(again),
            "--state",
            str(other / "state"),
        ]
        done = subprocess.run(
            words, env=mesh.environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == CATALOGUE["store_in_use"].exit_status
        assert "store_in_use" in done.stderr
        caller.insist("still here")
        until(caller.finished, 30, "the end of a task")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], check=True)  # noqa: S607
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_a_503_and_over_once_there_is_space(tmp_path: Path, small_disk: Path) -> None:
    config, port = mesh_file(tmp_path, f"sqlite://{small_disk}/store.db")
    with LocalMesh(config, tmp_path / "h", environment={"HIVE_STORE_URL": ""}), Caller(port) as caller:
        caller.insist("before")
        ballast = small_disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        answers = [caller.submit(f"full {number} " + "x" * 20_000) for number in range(40)]
        refused = [answer for answer in answers if answer.status_code == 503]
        assert refused
        assert {answer.json()["code"] for answer in refused} == {"store_unavailable"}
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
        ballast.unlink()
        caller.insist("after")
        until(caller.finished, 60, "the end of every task that was accepted")
        report = looked_at(small_disk / "store.db")
    assert (report.problems, report.states) == ([], {"done": len(caller.accepted)})
