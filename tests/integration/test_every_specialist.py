"""Every bundled specialist in one mesh, asked what its page says, as its page says it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml

from hive.client import Client
from scripts import specialist_pages as pages
from simulation.mesh import LocalMesh, free_ports
from specialists.manifest import Manifest, read_manifest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
BUNDLED = {path.parent.name: read_manifest(path) for path in pages.newest()}
each = pytest.mark.parametrize("manifest", BUNDLED.values(), ids=BUNDLED)


@dataclass
class Everything:
    """The mesh that runs, and where it answers."""

    mesh: LocalMesh
    wire: str
    http: str


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everything]:
    folder = tmp_path_factory.mktemp("all")
    wire, http = free_ports(2)
    labels = ["public", "internal", "pii"]
    document = {
        "mesh": "all",
        "discovery": {"mdns": False},
        "sites": {
            "home": {
                "conductor": {
                    "bind": f"tcp://127.0.0.1:{wire}",
                    "http": {"host": "127.0.0.1", "port": http},
                },
                "devices": {"desk": {"nodes": [{"specialist": name} for name in BUNDLED]}},
            }
        },
        "policy": {
            "sites": [{"rule": "here", "site": "home", "labels": labels, "default_label": "internal"}],
            "principals": [{"rule": "all", "principal": "*", "capabilities": ["*"], "labels": labels}],
            "nodes": [{"rule": "desks", "node": "desk/*", "site": "home", "capabilities": ["*"]}],
        },
    }
    config = folder / "all.yaml"
    config.write_text(yaml.safe_dump(document), encoding="utf-8")
    with LocalMesh(config, folder / "h") as mesh:
        yield Everything(mesh, f"tcp://127.0.0.1:{wire}", f"http://127.0.0.1:{http}")


@each
def test_the_example_of_its_page_is_answered_over_both_ways(
    everything: Everything, manifest: Manifest
) -> None:
    given = pages.example(manifest.name)
    several = {"inputs": given} if len(manifest.inputs) > 1 else {"input": given}
    answers = []
    for url in (everything.wire, everything.http):
        with Client(url) as client:
            result = client.run(manifest.capability, **several)  # type: ignore[arg-type]
        assert result.ok, result.error
        assert result.provenance["attempts"][0]["model_digest"] == manifest.digest  # type: ignore[index]
        answers.append(result.as_json()["output"])
    assert answers[0] == answers[1]


@each
def test_the_commands_of_its_page_print_an_answer(everything: Everything, manifest: Manifest) -> None:
    page = (pages.FOLDER / f"{manifest.name}.md").read_text(encoding="utf-8")
    for line in re.findall(r"^hive submit .*$", page, re.MULTILINE):
        command = [sys.executable, "-m", "hive", *shlex.split(line)[1:], "--json", "--url", everything.http]
        done = subprocess.run(
            command, env=everything.mesh.environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["state"] == "done"
