"""From probabilities of BIO tags (Ramshaw and Marcus 1995) to spans: the likeliest sequence that is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hive.errors import HiveError
from specialists.kinds.calibrated import Chances

Path = npt.NDArray[np.intp]

OUTSIDE: Final = "O"
_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True)
class TaggedSpan:
    """Characters [start, end) of a type, and the probability that they are just that."""

    start: int
    end: int
    kind: str
    score: float

    def as_json(self) -> dict[str, object]:
        """Return the span as documents have it."""
        return {"start": self.start, "end": self.end, "type": self.kind, "score": round(self.score, 4)}


class TagSet:
    """The tags of a model in its order: "O", and for each type "B-type" (a span begins) and "I-type" (it goes on)."""

    def __init__(self, tags: Sequence[str]) -> None:
        """Number the tags; raise HiveError(manifest_invalid) if they are no BIO tags."""
        self.tags = tuple(tags)
        places = {tag: place for place, tag in enumerate(tags)}
        kinds = [tag[2:] for tag in tags if tag.startswith("B-")]
        wanted = {OUTSIDE, *(f"{way}-{kind}" for kind in kinds for way in "BI")}
        if len(places) != len(tags) or set(tags) != wanted:
            raise HiveError(
                "manifest_invalid",
                "`postprocess.tags` must be O and, for each type, B-type and I-type, each once.",
            )
        self._inside = np.array([places[f"I-{kind}"] for kind in kinds], dtype=np.intp)
        self._begin = np.array([places[f"B-{kind}"] for kind in kinds], dtype=np.intp)
        # For each tag the number of its type; -1 for outside.
        self._kind = np.array([kinds.index(tag[2:]) if tag != OUTSIDE else -1 for tag in tags])
        self._goes_on = np.zeros(len(tags), dtype=bool)
        self._goes_on[self._inside] = True
        self._kinds = kinds

    def path(self, chances: Chances) -> Path:
        """Return the likeliest tags of words with `chances` [words, tags] that never go on with what did not begin.

        Where the likeliest tag of each word makes such a sequence it is the answer, else it is found by the algorithm
        of Viterbi (1967).
        """
        best: Path = chances.argmax(axis=1)
        if self._legal(best):
            return best
        return self._viterbi(np.log(chances + _TINY))

    def spans(self, path: Path, chances: Chances, words: Sequence[tuple[int, int]]) -> list[TaggedSpan]:
        """Return the spans that a legal `path` describes; `words` are the characters [start, end) of each word.

        The score is the probability that these words, and no further one, are the span, if words are judged apart.
        """
        found: list[TaggedSpan] = []
        at = 0
        while at < len(path):
            kind = int(self._kind[path[at]])
            end = at + 1
            if kind >= 0:
                while end < len(path) and path[end] == self._inside[kind]:
                    end += 1
                score = float(np.prod(chances[np.arange(at, end), path[at:end]]))
                if end < len(path):
                    score *= 1.0 - float(chances[end, self._inside[kind]])
                found.append(TaggedSpan(words[at][0], words[end - 1][1], self._kinds[kind], score))
            at = end
        return found

    def _legal(self, path: Path) -> bool:
        kinds = self._kind[path]
        before = np.concatenate([[-1], kinds[:-1]])
        return not bool((self._goes_on[path] & (before != kinds)).any())

    def _viterbi(self, logs: Chances) -> Path:
        score = logs[0].copy()
        score[self._inside] = -np.inf
        came = np.zeros(logs.shape, dtype=np.intp)
        for word in range(1, len(logs)):
            came[word] = score.argmax()
            begun, gone_on = score[self._begin], score[self._inside]
            came[word, self._inside] = np.where(begun >= gone_on, self._begin, self._inside)
            score = score[came[word]] + logs[word]
        path = np.zeros(len(logs), dtype=np.intp)
        path[-1] = score.argmax()
        for word in range(len(logs) - 1, 0, -1):
            path[word - 1] = came[word, path[word]]
        return path
