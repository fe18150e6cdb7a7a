"""The callers of an experiment as processes: started, killed and replaced, stopped, waited for; and what they did."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

from simulation.chaos.caller import Spec

_KILLED_S: Final = 5.0


class Callers:
    """Keeps one process per spec; a caller that is killed is followed by another of the next name."""

    def __init__(self, specs: Sequence[Spec], log: Path) -> None:
        """Start them all."""
        self._log: IO[str] = log.open("a", encoding="utf-8")
        self._running: list[tuple[Spec, subprocess.Popen[bytes]]] = [
            (spec, self._start(spec)) for spec in specs
        ]
        self._boots: Counter[str] = Counter()

    def kill_one(self, chance: float) -> str:
        """Kill one that sends no poison, start its successor, and return its name."""
        usual = [entry for entry in self._running if not entry[0].poisons_s]
        if not usual:
            return ""
        spec, process = usual[int(chance * len(usual))]
        process.kill()
        process.wait()
        base = spec.name.partition("+")[0]
        self._boots[base] += 1
        heir = replace(spec, name=f"{base}+{self._boots[base]}", seed=spec.seed + 1)
        self._running[self._running.index((spec, process))] = (heir, self._start(heir))
        return spec.name

    def stop(self) -> None:
        """Let them submit nothing more; each waits for what it was promised and ends."""
        for _, process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)

    def waiting(self) -> int:
        """Return how many have not ended."""
        return sum(process.poll() is None for _, process in self._running)

    def end(self) -> None:
        """Kill what is left."""
        for _, process in self._running:
            if process.poll() is None:
                process.kill()
        end_s = time.monotonic() + _KILLED_S
        for _, process in self._running:
            process.wait(max(0.1, end_s - time.monotonic()))
        self._log.close()

    def _start(self, spec: Spec) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "simulation.chaos.caller", spec.as_json()]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, env=dict(os.environ)
        )


class Tally:
    """Counts while callers write: reads of each history what has come since it last looked."""

    def __init__(self, folder: Path) -> None:
        """Look into the folder of the histories."""
        self._folder = folder
        self._read: dict[Path, int] = {}
        self._promised: set[tuple[str, int]] = set()
        self._final: set[str] = set()
        self._acknowledged: set[str] = set()
        self.counts: Counter[str] = Counter()

    def look(self) -> None:
        """Take in what is new."""
        for path in self._folder.glob("*.jsonl"):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                text = file.read()
            whole = text.rpartition(b"\n")[0]
            self._read[path] = self._read.get(path, 0) + len(whole) + bool(whole)
            for line in whole.splitlines():
                self._take(json.loads(line))
        self.counts["acknowledged"] = len(self._acknowledged)
        self.counts["finished"] = len(self._acknowledged & self._final)

    def _take(self, row: dict[str, object]) -> None:
        name = (str(row["caller"]), int(str(row["call"])))
        if row["kind"] == "invoke":
            if row["op"] == "submit":
                self.counts["asked"] += 1
                if row.get("durable"):
                    self._promised.add(name)
            return
        if row["op"] == "submit":
            self.counts[str(row["kind"])] += 1
            if row["kind"] == "ok" and name in self._promised:
                self._acknowledged.add(str(row["task"]))
            self._promised.discard(name)
        if row["kind"] == "ok" and row.get("state") not in ("queued", "running"):
            self._final.add(str(row["task"]))
