"""The demo's callers: they submit windows, utterances and notes at a steady rate and write down what they get."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from hive.client import AsyncClient
from hive.errors import HiveError
from simulation.demo.story import Plan, Sent, Story, moves_of
from simulation.demo.utterances import NOTES, UTTERANCES
from simulation.signals import GeneratedPump, Telemetry

_TELEMETRY_S: Final = 0.1
CLASSIFY, DETECT, REDACT = "text.classify_intent", "sensor.detect_anomaly", "text.redact"


class Stream:
    """Submits tasks at one site until it is told to stop, each with its own waiting caller."""

    def __init__(self, client: AsyncClient, story: Story, plan: Plan, site: str = "") -> None:
        """Prepare the sources."""
        self._client = client
        self._story = story
        self._rate = plan.rate
        self._deadline_ms = plan.deadline_ms
        self._site = site
        self._telemetry = Telemetry()
        self._pumps = [GeneratedPump(f"pump-{n}", plan.seed + n) for n in range(3)]
        self._contexts: dict[str, object] = {}
        self._waiting: set[asyncio.Task[None]] = set()
        self._count = 0

    async def run(self, until: Callable[[], bool]) -> None:
        """Submit at the configured rate until `until` says so, then wait for every answer."""
        next_s = sample_s = time.monotonic()
        while not until():
            now = time.monotonic()
            if now >= sample_s:
                self._telemetry.sample(_TELEMETRY_S)
                sample_s += _TELEMETRY_S
            if now >= next_s:
                self._submit_next()
                next_s += 1 / self._rate
            await asyncio.sleep(max(0.0, min(next_s, sample_s) - time.monotonic()))
        await asyncio.gather(*self._waiting)

    def burst(self, capability: str, count: int) -> None:
        """Submit many tasks of one capability at once, so that its nodes have their hands full."""
        for number in range(count):
            about, value, labels = self._make(capability, number)
            self._start(capability, about, value, labels)

    def _submit_next(self) -> None:
        self._count += 1
        capability, value_of = self._turn(self._count % 10)
        about, value, labels = self._make(value_of, self._count)
        self._start(capability, about, value, labels)

    def _turn(self, turn: int) -> tuple[str, str]:
        """Return what is asked for next, and what kind of input it gets: half are windows."""
        capability = DETECT if turn < 5 else REDACT if turn == 9 else CLASSIFY  # noqa: PLR2004
        return capability, capability

    def _make(self, capability: str, number: int) -> tuple[str, object, tuple[str, ...]]:
        """Return what a task is about, its input and its labels."""
        if capability == CLASSIFY:
            text = UTTERANCES[number % len(UTTERANCES)]
            return text, text, ("internal",)
        if capability == REDACT:
            text = NOTES[number % len(NOTES)]
            return text, text, ("internal", "pii")
        window: Mapping[str, object] | None = None
        if number % 5 == 0:
            window = self._telemetry.window(_TELEMETRY_S)
        if window is None:
            window, _ = self._pumps[number % len(self._pumps)].window()
        source = str(window["source"])
        return source, {**window, "context": self._contexts.get(source)}, ("internal",)

    def _start(self, capability: str, about: str, value: object, labels: tuple[str, ...]) -> None:
        sent = Sent(capability, about, time.monotonic(), site=self._site)
        self._story.tasks.append(sent)
        task = asyncio.create_task(self._wait(sent, value, labels))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _wait(self, sent: Sent, value: object, labels: tuple[str, ...]) -> None:
        try:
            result = await self._client.run(
                sent.capability, value, labels=labels, deadline_ms=self._deadline_ms, hold=True
            )
        except HiveError as error:
            sent.done_s, sent.state, sent.error = time.monotonic(), "refused", f"{error.code}: {error.detail}"
            return
        sent.done_s = time.monotonic()
        sent.state = result.state
        sent.confidence = result.confidence or 0.0
        sent.unsure = result.unsure
        sent.error = str((result.error or {}).get("detail", ""))
        sent.answer = self._shown(sent, result.output)
        attempts: Any = result.provenance.get("attempts", [])
        sent.nodes = tuple(str(a["node"]) for a in attempts)
        sent.moves = moves_of(attempts)
        crossings: Any = result.provenance.get("crossings", [])
        sent.crossed = tuple((str(c["from"]), str(c["to"])) for c in crossings)

    @property
    def waiting(self) -> int:
        """Return how many callers wait now."""
        return len(self._waiting)

    def _shown(self, sent: Sent, output: object) -> str:
        """Return an answer in a few words, and keep a sensor's context for its next window."""
        if isinstance(output, str):
            return output
        if not isinstance(output, Mapping):
            return ""
        if sent.capability == DETECT:
            self._contexts[sent.about] = output.get("context")
            return f"{'ANOMALY' if output['anomalous'] else 'normal'} {output['score']:.2f}"
        return str(output.get("intent") or output.get("text") or "")


class Notes(Stream):
    """What a plant without intent nodes of its own sends: windows, and notes with names in them to be understood."""

    def _turn(self, turn: int) -> tuple[str, str]:
        return (DETECT, DETECT) if turn < 7 else (CLASSIFY, REDACT)  # noqa: PLR2004 - a note is what text.redact gets
