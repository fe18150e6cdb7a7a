"""How sure an answer of several parts is as a whole."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from specialists.kinds.base import setting
from specialists.manifest_file import Json

_EDGE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Certainty:
    """A logistic model (Platt 1999) of whether all is right, from the log-odds of the parts.

    Manifest: `calibration.offset`, `tags_weight`, and `intent_weight` where there is an intent.
    """

    offset: float
    tags_weight: float
    intent_weight: float = 0.0

    @staticmethod
    def of(settings: Json) -> Certainty:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing or no number."""
        intent = "intent_weight"
        return Certainty(
            setting(settings, "offset", "calibration"),
            setting(settings, "tags_weight", "calibration"),
            setting(settings, intent, "calibration") if intent in settings else 0.0,
        )

    def confidence(self, tags_log_chance: float, intent_chance: float = 0.5) -> float:
        """Return the probability that every part is right, from the logarithm of the tags' and the intent's own."""
        odds = self.offset + self.tags_weight * log_odds(math.exp(tags_log_chance))
        odds += self.intent_weight * log_odds(intent_chance)
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, odds))))


def log_odds(chance: float) -> float:
    """Return the logarithm of the odds of `chance`, which is kept a millionth away from 0 and 1."""
    bounded = max(_EDGE, min(1.0 - _EDGE, chance))
    return math.log(bounded / (1.0 - bounded))
