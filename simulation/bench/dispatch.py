"""`hive bench dispatch`: P1 and P2 against a bare relay, P14 against a bare FastAPI echo.

Ours is the mesh as it ships: real processes, labels, policy, metrics and the journal of decisions on, found over mDNS,
with one node of `mesh.echo`, a specialist that returns its input.
"""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import psutil

from hive.client import Client
from simulation.bench.direct import DirectClient
from simulation.bench.pairs import Goal, Result, Sample, compare, interleave
from simulation.bench.relay import RelayClient
from simulation.mesh import LocalMesh, free_ports

ROUND_TRIP: Final = Goal("P1", "no-op task, round trip p50, against a bare two-hop relay", "us", 1.6, 1.25)
THROUGHPUT: Final = Goal(
    "P2", "tasks/s with 64 in flight, against the same relay", "1/s", 0.45, 0.6, more_is_better=True
)
OVER_HTTP: Final = Goal("P14", "a task over HTTP, p50, against a bare FastAPI echo", "us", 2.0, 1.5)

BODY: Final = "x" * 64
_IN_FLIGHT: Final = 64
CONFIG: Final = """\
mesh: bench
sites:
  bench:
    conductor:
      bind: tcp://127.0.0.1:{wire}
      http: {{host: 127.0.0.1, port: {http}}}
    devices:
      device:
        nodes:
          - {{specialist: mesh-echo, credit: 64}}
policy:
  sites:
    - {{rule: bench-data, site: bench, labels: [internal], default_label: internal}}
  principals:
    - {{rule: bench-caller, principal: local, capabilities: [mesh.echo], labels: [internal]}}
  nodes:
    - {{rule: bench-node, node: device/*, site: bench, capabilities: [mesh.echo]}}
"""


def measure(pairs: int, trips: int, progress: Callable[[], None] = lambda: None) -> list[Result]:
    """Measure P1, P2 and P14 in one run; `trips` is the number of round trips in each short run."""
    with ExitStack() as stack:
        wire_port, http_port, front, back, echo = free_ports(5)
        folder = Path(stack.enter_context(_temporary_folder()))
        config = folder / "bench.yaml"
        config.write_text(CONFIG.format(wire=wire_port, http=http_port), encoding="utf-8")
        mesh = stack.enter_context(LocalMesh(config, folder / "home"))
        relays = [
            stack.enter_context(_process("simulation.bench.relay", _tcp(front), _tcp(back))),
            stack.enter_context(_process("simulation.bench.relay", "--worker", _tcp(back))),
        ]
        fastapi = stack.enter_context(_process("simulation.bench.echo_app", str(echo)))
        ours = [*mesh.processes(), psutil.Process()]
        theirs = [*relays, psutil.Process()]
        return [
            _round_trip(stack, wire_port, front, pairs, trips, ours, theirs, progress),
            _throughput(stack, wire_port, front, pairs, trips * 8, ours, theirs, progress),
            _over_http(
                stack,
                http_port,
                echo,
                pairs,
                max(50, trips // 4),
                ours,
                [fastapi, psutil.Process()],
                progress,
            ),
        ]


def _round_trip(
    stack: ExitStack, wire: int, front: int, pairs: int, trips: int,
    ours: list[psutil.Process], theirs: list[psutil.Process], progress: Callable[[], None],
) -> Result:  # fmt: skip
    client = stack.enter_context(Client(_tcp(wire)))
    relay = RelayClient(_tcp(front), BODY.encode())
    stack.callback(relay.close)
    task = p50(lambda: client.run("mesh.echo", BODY), trips, ours)
    bare = p50(relay.round_trip, trips, theirs)
    task(), bare()
    return compare(ROUND_TRIP, interleave(task, bare, pairs, progress))


def _throughput(
    stack: ExitStack, wire: int, front: int, pairs: int, count: int,
    ours: list[psutil.Process], theirs: list[psutil.Process], progress: Callable[[], None],
) -> Result:  # fmt: skip
    client = DirectClient(_tcp(wire), "mesh.echo", BODY.encode())
    stack.callback(client.close)
    relay = RelayClient(_tcp(front), BODY.encode())
    stack.callback(relay.close)
    tasks = rate(lambda: client.many(count, _IN_FLIGHT), count, ours)
    bare = rate(lambda: relay.many(count, _IN_FLIGHT), count, theirs)
    tasks(), bare()
    return compare(THROUGHPUT, interleave(tasks, bare, pairs, progress))


def _over_http(
    stack: ExitStack, port: int, echo: int, pairs: int, trips: int,
    ours: list[psutil.Process], theirs: list[psutil.Process], progress: Callable[[], None],
) -> Result:  # fmt: skip
    gateway = _HttpCaller(port, "/v1/tasks?wait=1", {"capability": "mesh.echo", "input": BODY})
    bare = _HttpCaller(echo, "/echo", {"capability": "mesh.echo", "input": BODY})
    stack.callback(gateway.close)
    stack.callback(bare.close)
    bare.wait_until_up()
    task, plain = p50(gateway.post, trips, ours), p50(bare.post, trips, theirs)
    task(), plain()
    return compare(OVER_HTTP, interleave(task, plain, pairs, progress))


class _HttpCaller:
    """One kept-alive connection that posts the same document; the same client for both sides."""

    def __init__(self, port: int, path: str, document: dict[str, object]) -> None:
        self._port = port
        self._path = path
        self._body = json.dumps(document).encode()
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def post(self) -> None:
        """Post once; raise AssertionError for anything but an answer."""
        self._connection.request("POST", self._path, self._body, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        text = response.read()
        if response.status != http.HTTPStatus.OK:
            raise AssertionError(f"{self._path} answered {response.status}: {text[:300]!r}")

    def wait_until_up(self) -> None:
        """Connect, again and again, until the server listens (at most 30 s)."""
        end = time.monotonic() + 30
        while True:
            try:
                self.post()
            except OSError:
                self._connection.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
            else:
                return

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def p50(once: Callable[[], object], count: int, processes: list[psutil.Process]) -> Callable[[], Sample]:
    """Return a run that does something `count` times; its figure is the median time in microseconds."""

    def run() -> Sample:
        clock = time.perf_counter
        times = []
        cpu = _cpu_s(processes)
        for _ in range(count):
            begin = clock()
            once()
            times.append(clock() - begin)
        return Sample(statistics.median(times) * 1e6, (_cpu_s(processes) - cpu) / count)

    return run


def rate(batch: Callable[[], object], count: int, processes: list[psutil.Process]) -> Callable[[], Sample]:
    """Return a run of a batch of `count`; its figure is how many of it were done in a second."""

    def run() -> Sample:
        cpu = _cpu_s(processes)
        begin = time.perf_counter()
        batch()
        elapsed = time.perf_counter() - begin
        return Sample(count / elapsed, (_cpu_s(processes) - cpu) / count)

    return run


def _cpu_s(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _tcp(port: int) -> str:
    return f"tcp://127.0.0.1:{port}"


@contextmanager
def _temporary_folder() -> Iterator[str]:
    import tempfile  # noqa: PLC0415 - only here

    with tempfile.TemporaryDirectory(prefix="hive-bench-") as folder:
        yield folder


@contextmanager
def _process(module: str, *arguments: str) -> Iterator[psutil.Process]:
    process = subprocess.Popen([sys.executable, "-m", module, *arguments])
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()
