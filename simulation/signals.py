"""Windows of sensor values: this machine's own telemetry, and signals that are generated here and say so.

`source` of a generated window begins with `generated/`, of a measured one with `telemetry/`.
"""

from __future__ import annotations

import math
import random
from collections import deque
from datetime import UTC, datetime
from typing import Final

import numpy as np
import psutil

Window = dict[str, object]
STEPS: Final = 48
_PERIOD: Final = 12.0
_FAULTS: Final = ("spike", "level shift", "stuck")


class GeneratedPump:
    """A pump's temperature and vibration: a daily swing with noise, and now and then a fault, put in on purpose."""

    def __init__(self, name: str, seed: int, fault_share: float = 0.1) -> None:
        """Make a pump; the same seed gives the same signal."""
        self._name = name
        self._chance = random.Random(seed)
        self._noise = np.random.default_rng(seed)
        self._fault_share = fault_share
        self._at = 0

    def window(self) -> tuple[Window, str]:
        """Return the next window and the name of the fault in it, empty if there is none."""
        time = np.arange(self._at, self._at + STEPS)
        self._at += STEPS
        swing = np.sin(2 * math.pi * time / _PERIOD)
        temperature = 60 + 3 * swing + self._noise.normal(0, 0.3, STEPS)
        vibration = 1.2 + 0.2 * swing + self._noise.normal(0, 0.03, STEPS)
        fault = self._chance.choice(_FAULTS) if self._chance.random() < self._fault_share else ""
        start = self._chance.randrange(STEPS // 3, STEPS - 8)
        if fault == "spike":
            temperature[start : start + 2] += 25
        elif fault == "level shift":
            vibration[start:] += 1.5
        elif fault == "stuck":
            temperature[start:] = temperature[start]
        values = np.stack([temperature, vibration], axis=1).astype("<f4")
        return _window(f"generated/{self._name}", ["temperature", "vibration"], 60.0, values), fault


class Telemetry:
    """This machine as a sensor: load of the processor, memory in use and context switches, read with psutil."""

    def __init__(self) -> None:
        """Read once, so that the first difference means something."""
        psutil.cpu_percent()
        self._switches = psutil.cpu_stats().ctx_switches
        self._rows: deque[tuple[float, float, float]] = deque(maxlen=STEPS)

    def sample(self, interval_s: float) -> None:
        """Read the machine; call it every `interval_s` seconds."""
        switches = psutil.cpu_stats().ctx_switches
        rate = (switches - self._switches) / interval_s
        self._switches = switches
        self._rows.append((psutil.cpu_percent(), psutil.virtual_memory().percent, rate))

    def window(self, interval_s: float) -> Window | None:
        """Return the last samples, or None before there are enough."""
        if len(self._rows) < STEPS // 4:
            return None
        channels = ["cpu_percent", "memory_percent", "context_switches_per_s"]
        return _window("telemetry/this-machine", channels, interval_s, np.array(self._rows, dtype="<f4"))


def _window(source: str, channels: list[str], interval_s: float, values: np.ndarray) -> Window:
    return {
        "source": source,
        "start": datetime.now(UTC).isoformat(timespec="seconds"),
        "channels": channels,
        "interval_s": interval_s,
        "values": values,
        "context": None,
    }
