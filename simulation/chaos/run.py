"""One experiment from start to end: mesh, callers, faults, healing, reading, and what the judge says."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hive.cli.interrupts import Interrupts
from hive.config import load_config
from hive.errors import HiveError
from hive.netns import remove_spaces
from simulation.chaos import folder as files
from simulation.chaos.caller import Spec
from simulation.chaos.callers import Callers, Tally
from simulation.chaos.errands import Errand, errands
from simulation.chaos.faults import Strike, schedule
from simulation.chaos.postgres import store_url
from simulation.chaos.reader import read_all
from simulation.chaos.screen import Screen
from simulation.chaos.stage import Place, Stage, build, places
from simulation.chaos.strikes import Strikes
from simulation.chaos.worker import SINK
from simulation.history.events import Call, read
from simulation.mesh import LocalMesh

_TICK_S: Final = 0.01
_SHOW_S: Final = 0.25
_AGAIN_S: Final = 0.5
"""After so long a fault is tried again for which there was nobody."""
_LATE: Final = 3.0
"""A run with a number of tasks may last so many times as long as it was meant to."""
_WORKER: Final = "simulation.chaos.worker"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of an experiment. `tasks` is how many durable tasks at least are to be acknowledged, 0 for any."""

    config: str
    duration_s: float
    faults: Mapping[str, int]
    seed: int
    every_s: float
    rate: float
    tasks: int
    callers: int
    patience_s: float
    store: str
    netns: bool

    def as_json(self) -> dict[str, object]:
        """Return what is kept in the folder."""
        return {
            "config": Path(self.config).stem,
            "seed": self.seed,
            "duration_s": self.duration_s,
            "tasks": self.tasks,
            "rate": self.rate,
            "netns": self.netns,
            "store": self.store.partition(":")[0] or "default",
        }


def run(plan: Plan, target: Path, screen: Screen) -> dict[str, Any]:
    """Run an experiment into the folder `target` and return its result document.

    Raises HiveError: what `hive up` raises; bad_request for faults that this mesh cannot have.
    """
    interrupts = Interrupts()
    with (
        tempfile.TemporaryDirectory(prefix="hive-chaos-") as scratch,
        store_url(plan.store, load_config(plan.config).sites) as store,
    ):
        stage = build(plan.config, Path(scratch), store, netns=plan.netns)
        _check(plan, stage)
        for name in (files.CALLS, files.EFFECTS):
            (target / name).mkdir(parents=True)
        shutil.copy(stage.path, target / files.MESH)
        environment = {"HIVE_WORKER": _WORKER, SINK: str((target / files.EFFECTS).resolve())}
        home = Path(scratch) / "h"
        home.mkdir()
        screen.say(f"starting {stage.config.mesh} with every process of {Path(plan.config).name} …")
        state = home / stage.config.mesh
        try:
            with LocalMesh(stage.path, home, netns=plan.netns, environment=environment) as mesh:
                experiment = Experiment(plan, stage, mesh, target, interrupts)
                try:
                    about = experiment.run(screen)
                finally:
                    experiment.end()
        finally:
            remove_spaces(state)
            if (state / "logs").is_dir():
                shutil.copytree(state / "logs", target / "logs", dirs_exist_ok=True)
    (target / files.RUN).write_text(json.dumps({**plan.as_json(), **about}), encoding="utf-8")
    return judge_folder(target)


def judge_folder(target: Path) -> dict[str, Any]:
    """Judge a folder, write its result into it and return it. Raises HiveError(bad_request)."""
    evidence = files.load(target)
    verdict, moved = files.judged(evidence)
    result = files.result_of(evidence, verdict, moved)
    (target / files.RESULT).write_text(json.dumps(result, indent=2), encoding="utf-8")
    return result


def _check(plan: Plan, stage: Stage) -> None:
    """Raise HiveError(bad_request) for faults of which there can be none."""
    linked = bool(stage.config.linked_sites())
    if "link-cut" in plan.faults and not linked:
        raise HiveError("bad_request", "The sites of this mesh have no links: leave link-cut out.")
    if "partition" in plan.faults and not linked and not plan.netns:
        detail = (
            "Without network namespaces only links can be cut, and this mesh has none: leave partition out."
        )
        raise HiveError("bad_request", detail)


class Experiment:
    """A running mesh with its callers and its faults."""

    def __init__(
        self, plan: Plan, stage: Stage, mesh: LocalMesh, target: Path, interrupts: Interrupts
    ) -> None:
        """Start the callers; the first fault comes later."""
        self._plan, self._stage, self._target = plan, stage, target
        self._interrupts = interrupts
        state = mesh.folder(stage.config.mesh)
        self._places = places(stage, state)
        self._strikes = schedule(plan.faults, plan.seed, plan.duration_s, plan.every_s)
        self._began_s = time.monotonic()
        calls = target / files.CALLS
        self._callers = Callers(self._specs(calls), target / "callers.log")
        self._tally = Tally(calls)
        links = sorted(stage.config.linked_sites())
        diary = target / files.FAULTS
        self._faults = Strikes(mesh, state, self._places, links, self._callers.kill_one, diary)

    def run(self, screen: Screen) -> dict[str, object]:
        """Strike until it is over, heal, and read everything; return when each part began, in microseconds."""
        plan = self._plan
        hard_s = self._began_s + plan.duration_s * (_LATE if plan.tasks else 1.0)
        waiting = list(self._strikes)
        show_s = 0.0
        while True:
            now_s = time.monotonic()
            self._strike(waiting, now_s)
            if now_s >= show_s:
                show_s = now_s + _SHOW_S
                self._tally.look()
                screen.show("load and faults", now_s - self._began_s, self._tally.counts, self._faults.marks)
                if self._over(waiting, now_s, hard_s):
                    break
            self._interrupts.pause(_TICK_S)
        self._faults.heal()
        healed_s = time.monotonic()
        self._callers.stop()
        self._wait(screen)
        self._read(screen)
        return {
            "began_us": int(self._began_s * 1e6),
            "healed_us": int(healed_s * 1e6),
            "settled_us": int(time.monotonic() * 1e6),
            "missed": dict(sorted(Counter(strike.kind for strike in waiting).items())),
        }

    def end(self) -> None:
        """Heal and end what is left, whatever happened."""
        self._faults.heal()
        self._callers.end()

    def _over(self, waiting: Sequence[Strike], now_s: float, hard_s: float) -> bool:
        """Say whether there is nothing more to do, or no more time."""
        if now_s >= hard_s:
            return True
        enough = self._tally.counts["acknowledged"] >= self._plan.tasks
        return now_s >= self._began_s + self._plan.duration_s and enough and not waiting

    def _strike(self, waiting: list[Strike], now_s: float) -> None:
        """Perform what is due; what hits nobody now is tried again before the next one."""
        self._faults.look()
        for strike in [s for s in waiting if self._began_s + s.at_s <= now_s][:1]:
            if self._faults.strike(strike):
                waiting.remove(strike)
            else:
                later = Strike(
                    now_s - self._began_s + _AGAIN_S, strike.kind, strike.lasts_s, strike.chance, strike.way
                )
                waiting[waiting.index(strike)] = later

    def _wait(self, screen: Screen) -> None:
        """Wait until every caller has what it was promised."""
        end_s = time.monotonic() + self._plan.patience_s
        while self._callers.waiting() and time.monotonic() < end_s:
            self._tally.look()
            screen.show(
                "healed; callers wait for what they were promised",
                time.monotonic() - self._began_s,
                self._tally.counts,
                self._faults.marks,
            )
            self._interrupts.pause(_SHOW_S)

    def _read(self, screen: Screen) -> None:
        calls = [
            call for path in sorted((self._target / files.CALLS).glob("*.jsonl")) for call in read(path, Call)
        ]
        urls = {site: place.http for site, place in self._places.items()}

        def progress(done: int, of: int) -> None:
            self._interrupts.pause(0)
            screen.reading(done, of)

        target = (self._target / files.CALLS, self._target / files.PROVENANCE)
        read_all(calls, urls, target, self._plan.patience_s, progress)

    def _specs(self, calls: Path) -> list[Spec]:
        """Return the callers: at each site by turns over HTTP and over the wire, and one that sends the poison."""
        found = errands(self._stage.config, self._stage.offered)
        sites = [
            site for site, place in self._places.items() if place.http and any(e.site == site for e in found)
        ]
        chance = random.Random(self._plan.seed)
        count = max(self._plan.callers, len(sites))
        specs = []
        for number in range(count):
            site = sites[number % len(sites)]
            way = ("http", "wire")[number // len(sites) % 2]
            specs.append(self._spec(site, way, number, found, calls, chance.getrandbits(32)))
        poisons = tuple(self._began_s + s.at_s for s in self._strikes if s.kind == "poison")
        if poisons:
            site = sites[0]
            spec = self._spec(
                site, "http", count, [e for e in found if not e.away], calls, chance.getrandbits(32)
            )
            specs.append(
                Spec(
                    f"{site}/poisoner",
                    "http",
                    spec.url,
                    spec.folder,
                    spec.errands,
                    0.0,
                    spec.seed,
                    spec.patience_s,
                    poisons,
                )
            )
        return specs

    def _spec(
        self, site: str, way: str, number: int, found: Sequence[Errand], calls: Path, seed: int
    ) -> Spec:
        place: Place = self._places[site]
        return Spec(
            f"{site}/{way}-{number + 1}",
            way,
            place.http if way == "http" else place.wire,
            str(calls),
            tuple(errand for errand in found if errand.site == site),
            self._rate() / max(self._plan.callers, 1),
            seed,
            self._plan.patience_s,
        )

    def _rate(self) -> float:
        """Return the submissions a second of all callers; of those about nine in ten are durable or repeated."""
        plan = self._plan
        return max(plan.rate, 1.3 * plan.tasks / plan.duration_s) if plan.tasks else plan.rate
