"""`hive bench memory`: P12, what a node with a tiny specialist keeps in memory, with its share of its agent.

The mesh is the bundled `dev`: one device, found over mDNS. The baseline is a bare Python that has imported what no node
can do without: onnxruntime, numpy and pyzmq.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil

from hive.client import Client
from hive.config_source import find_source
from simulation.bench.pairs import Goal, Result, Sample, compare, interleave
from simulation.mesh import LocalMesh, moved_to_free_ports
from simulation.signals import GeneratedPump

MEMORY: Final = Goal(
    "P12", "resident memory of a node and its share of the agent, against a bare Python", "kB", 1.5, 1.2
)
_BARE: Final = "import onnxruntime, numpy, zmq, psutil; print(psutil.Process().memory_info().rss)"
_NO_MODEL: Final = "mesh.echo"
_WARM_UP: Final = 20


def measure(pairs: int, progress: Callable[[], None] = lambda: None) -> list[Result]:
    """Measure P12 with the specialists that have a model, after each has answered some tasks."""
    with tempfile.TemporaryDirectory(prefix="hive-bench-") as folder:
        config, ports = moved_to_free_ports(find_source("dev"), Path(folder))
        with LocalMesh(config, Path(folder) / "home"):
            ((wire, _),) = ports.values()
            with Client(f"tcp://127.0.0.1:{wire}") as client:
                _work(client)
                return [compare(MEMORY, interleave(lambda: _ours(client), _bare, pairs, progress))]


def _work(client: Client) -> None:
    window, _ = GeneratedPump("pump", 1).window()
    for _ in range(_WARM_UP):
        client.run("text.classify_intent", "what is my balance")
        client.run("text.redact", "Call Anna at 020 7946 0958.")
        client.run("sensor.detect_anomaly", window)


def _ours(client: Client) -> Sample:
    nodes = client.nodes()
    agents = {int(str(node["agent_pid"])) for node in nodes}
    share = sum(map(_resident_kb, agents)) / len(nodes)
    with_model = [_resident_kb(int(str(n["pid"]))) for n in nodes if n["capability"] != _NO_MODEL]
    return Sample(statistics.mean(with_model) + share)


def _bare() -> Sample:
    done = subprocess.run([sys.executable, "-c", _BARE], capture_output=True, text=True, check=True)
    return Sample(int(done.stdout) / 1024)


def _resident_kb(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss / 1024)
