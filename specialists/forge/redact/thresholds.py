"""How the thresholds of a redaction are chosen on validation texts: how hot, what goes, what leaves doubt.

Everything is judged per word as the specialist judges it: by its most suspicious token, beside the patterns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt

from specialists.engine.tokenize import TextTokenizer, padded
from specialists.forge.redact.examples import OUTSIDE, Example
from specialists.kinds.calibrated import softmax
from specialists.kinds.patterns import find_patterns
from specialists.kinds.shapes import shapes
from specialists.kinds.units import Units, inside, units_of

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Runs = Callable[[dict[str, npt.NDArray[np.int64]]], npt.NDArray[np.float32]]
"""Runs a model: its inputs, one text, to logits [1, tokens, tags]."""
LEAKS: Final = 0.005
_EVEN: Final = 0.5
_GRID: Final = tuple(n / 20 for n in range(4, 19))
_COMMON: Final = 3
_TEMPERATURES: Final = np.exp(np.linspace(np.log(0.5), np.log(3.0), 40))


@dataclass(frozen=True, slots=True)
class Words:
    """The words of many texts, one row each.

    `text` is the number of the text, `size` its letters and digits, `chances` the model's probabilities [words, types].
    `wanted` says that it must go, `harmless` that it need not, `vouched` that it must go and is vouched for, `left` the
    probability that counts if it stays, `covered` that a pattern has it.
    """

    text: Ints
    size: Floats
    chances: Floats
    wanted: Bools
    harmless: Bools
    vouched: Bools
    left: Floats
    covered: Bools

    def of(self, texts: npt.NDArray[np.intp] | list[int]) -> Words:
        """Return the words of some texts."""
        rows = np.isin(self.text, texts)
        return Words(*(getattr(self, name)[rows] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Types:
    """The tags of a model, and which are replaced, vouched for, and replaced only with a digit."""

    tags: tuple[str, ...]
    replace: frozenset[str]
    vouched: frozenset[str]
    numeric: frozenset[str]


def logits_of(run: Runs, words: TextTokenizer, examples: Sequence[Example]) -> list[Floats]:
    """Return the model's logits [tokens, tags] of each text."""
    out = []
    for example in examples:
        tokens = words.encode(example.text, 4096)
        feeds = {"ids": padded([tokens.ids]), "shapes": padded([shapes(example.text, tokens)])}
        out.append(run(feeds)[0].astype(np.float64))
    return out


def best_temperature(
    logits: Sequence[Floats], words: TextTokenizer, examples: Sequence[Example], tags: Sequence[str]
) -> float:
    """Return the temperature under which the permitted tags are likeliest (Guo et al. 2017)."""
    every, allowed = [], []
    for rows, example in zip(logits, examples, strict=True):
        every.append(rows)
        options = [example.options(*span) for span in words.encode(example.text, 4096).offsets]
        allowed.append(np.array([[tag in some for tag in tags] for some in options]))
    all_rows, all_allowed = np.concatenate(every), np.concatenate(allowed)
    losses = [
        -np.log((softmax(all_rows, float(t)) * all_allowed).sum(axis=1) + 1e-9).mean() for t in _TEMPERATURES
    ]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def judged(
    logits: Sequence[Floats],
    words: TextTokenizer,
    examples: Sequence[Example],
    types: Types,
    temperature: float,
) -> Words:
    """Return every word of `examples` as the specialist would judge it."""
    columns: dict[str, list[npt.NDArray[np.generic]]] = {name: [] for name in Words.__slots__}
    vouched = np.array([tag in types.vouched for tag in types.tags[1:]])
    numeric = np.array([tag in types.numeric for tag in types.tags[1:]])
    for place, (rows, example) in enumerate(zip(logits, examples, strict=True)):
        tokens = words.encode(example.text, 4096)
        units = units_of(example.text, tokens, softmax(rows, temperature)[:, 1:], types.tags[1:])
        personal = units.chances[:, vouched].sum(axis=1)
        options = [example.options(*span) for span in units.spans]
        must = np.array([OUTSIDE not in some for some in options], dtype=bool)
        mine = np.array([bool(some) and some <= types.vouched for some in options], dtype=bool)
        dates = np.array([bool(some & types.numeric) for some in options], dtype=bool) & ~units.digits
        facts = {
            "text": np.full(len(units.spans), place),
            "size": np.array([float(end - start) for start, end in units.spans]),
            "chances": units.chances,
            "wanted": must,
            "harmless": _harmless(units, example, types.tags),
            "vouched": mine & ~dates,
            "left": np.where(units.digits, personal, units.chances[:, vouched & ~numeric].sum(axis=1)),
            "covered": np.array(inside(units, find_patterns(example.text)), dtype=bool),
        }
        for name, values in facts.items():
            columns[name].append(values)
    return Words(**{name: np.concatenate(values) for name, values in columns.items()})


def _harmless(units: Units, example: Example, tags: Sequence[str]) -> Bools:
    """Say of each word whether its likeliest type is wrong for certain: no mark is there, and the corpus marks such."""
    best = units.chances.argmax(axis=1).tolist() if units.spans else []
    out = []
    for (start, end), kind in zip(units.spans, best, strict=True):
        free = not any(mark.start < end and start < mark.end for mark in example.marks)
        out.append(free and tags[kind + 1] not in example.outside)
    return np.array(out, dtype=bool)


def f_measure(words: Words, marked: Bools, beta: float) -> float:
    """Return F-beta of the characters of words that are marked or under patterns; recall weighs beta times more."""
    gone = marked | words.covered
    hit = float(words.size[gone & words.wanted].sum())
    spoilt, missed = (
        float(words.size[gone & words.harmless].sum()),
        float(words.size[~gone & words.wanted].sum()),
    )
    return (1 + beta**2) * hit / max(1.0, (1 + beta**2) * hit + beta**2 * missed + spoilt)


def precision(words: Words, marked: Bools) -> float:
    """Return the share of wanted characters among those that go and are judged."""
    gone = marked | words.covered
    hit, spoilt = float(words.size[gone & words.wanted].sum()), float(words.size[gone & words.harmless].sum())
    return hit / max(1.0, hit + spoilt)


def best_cuts(
    sources: Sequence[Words], even: Sequence[Words], types: Sequence[str], wanted_precision: float
) -> Floats:
    """Return the probability from which a word is marked, for each of `types`, by words of several corpora.

    Of a grid for the types that are commonest, those that have the best F2, mean over all `sources`, and reach
    `wanted_precision` per character, mean over the corpora `even`, which are marked completely: a personal word that
    stays weighs more than another that goes, and one corpus of few templates says little of how precise it is. If none
    reaches it, the most precise are taken. Types that are rare keep even odds.
    """
    mass = np.sum([words.chances[words.wanted & ~words.covered].sum(axis=0) for words in sources], axis=0)
    common = np.argsort(-mass, kind="stable")[:_COMMON]
    best, found = (-1.0, -1.0), np.full(len(types), _EVEN)
    for grid in product(_GRID, repeat=len(common)):
        cuts = np.full(len(types), _EVEN)
        cuts[common] = grid
        good = float(np.mean([precision(words, marked(words, cuts)) for words in even]))
        if min(good, wanted_precision) < best[0]:
            continue
        fits = [f_measure(words, marked(words, cuts), 2.0) for words in sources]
        best, found = max(
            (best, found), ((min(good, wanted_precision), float(np.mean(fits))), cuts), key=_first
        )
    return found


def best_doubt(words: Words, cuts: Floats) -> float:
    """Return the highest doubt up to which at most LEAKS of the texts that seem sure still hold something personal."""
    stays = ~words.covered & ~marked(words, cuts)
    count = int(words.text.max()) + 1
    worst, leaks = np.zeros(count), np.zeros(count, dtype=bool)
    np.maximum.at(worst, words.text[stays], words.left[stays])
    leaks[words.text[stays & words.vouched]] = True
    here = np.isin(np.arange(count), words.text)
    best = 0.0
    for doubt in np.linspace(0.005, _EVEN, 200):
        sure = here & (worst < doubt)
        if leaks[sure].sum() > LEAKS * sure.sum():
            break
        best = float(doubt)
    return best


def marked(words: Words, cuts: Floats) -> Bools:
    """Say of each word whether the specialist marks it, as `specialists.kinds.redact.Judge` does."""
    return np.asarray((words.chances / cuts).sum(axis=1) >= 1.0)


def _first(entry: tuple[tuple[float, float], Floats]) -> tuple[float, float]:
    return entry[0]
