"""From a model's outputs to a confidence that holds, and to what the specialist admits not to know."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from specialists.engine.base import Array
from specialists.kinds.base import setting
from specialists.manifest_file import Json

Chances: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What calibration found, as a manifest's `calibration` has it.

    `temperature` divides logits (Guo et al. 2017), under `unsure_below` an answer is not to be relied on, and from
    `unfamiliar_from` a kind's own score of strangeness says that the input is unlike the training data; without it,
    nothing is.
    """

    temperature: float
    unsure_below: float
    unfamiliar_from: float = math.inf

    @staticmethod
    def of(settings: Json) -> Calibration:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing or no number."""
        strange = "unfamiliar_from"
        return Calibration(
            setting(settings, "temperature", "calibration"),
            setting(settings, "unsure_below", "calibration"),
            setting(settings, strange, "calibration") if strange in settings else math.inf,
        )

    def chances(self, logits: Array) -> Chances:
        """Return the calibrated probabilities of the last axis of `logits`."""
        return softmax(logits, self.temperature)


def softmax(logits: Array, temperature: float) -> Chances:
    """Return probabilities over the last axis of `logits` at this temperature, in double precision."""
    exact = logits.astype(np.float64)
    grown = np.exp((exact - exact.max(axis=-1, keepdims=True)) / temperature)
    return np.asarray(grown / grown.sum(axis=-1, keepdims=True))
