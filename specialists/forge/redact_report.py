"""How the redaction's thresholds are chosen on validation texts, and its figures measured on test texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hive.errors import HiveError
from specialists.engine.base import Engine
from specialists.engine.tokenize import TextTokenizer
from specialists.forge import measures
from specialists.forge.redact_data import TAGS, Example, Row
from specialists.forge.training import padded
from specialists.kinds.patterns import find_patterns
from specialists.kinds.redact import chance_left, is_word, units_of
from specialists.kinds.shapes import shapes
from specialists.load import Specialist

LEAKS: Final = 0.005
_WORD: Final = re.compile(r"\w+")
_TITLES: Final = frozenset({"dr", "mr", "mrs", "ms", "miss", "prof"})
_YEAR: Final = re.compile(r"(19|20)\d\d")
REPLACE: Final = ("PERSON", "LOCATION", "DATE", "ID", "EMAIL", "PHONE", "CARD", "IBAN", "IP")
SOURCES: Final = {
    "presidio": "presidio-research, templates held out",
    "hwu64": "HWU64 test (lower case)",
    "wikigold": "wikigold, held out",
    "btc": "BTC tweets, held out",
    "wnut17": "WNUT17 test",
}


def temperature_of(engine: Engine, rows: Sequence[Row]) -> float:
    """Return the temperature under which the permitted tags are likeliest."""
    logits, tags = [], []
    for row in rows:
        logits.append(
            engine.run({"ids": padded([row.ids]), "shapes": padded([row.shapes])})[0][0].astype(np.float64)
        )
        tags.append(np.array(row.tags))
    every, allowed = np.concatenate(logits), np.concatenate(tags)
    grid = np.exp(np.linspace(np.log(0.5), np.log(3.0), 40))
    losses = [-np.log((measures.softmax(every, t) * allowed).sum(1) + 1e-9).mean() for t in grid]
    return float(grid[int(np.argmin(losses))])


@dataclass(frozen=True, slots=True)
class Units:
    """The words of many texts: which text, the model's probability, whether personal, whether a pattern covers it."""

    text: npt.NDArray[np.int64]
    chance: npt.NDArray[np.float64]
    personal: npt.NDArray[np.bool_]
    covered: npt.NDArray[np.bool_]


def judged(engine: Engine, words: TextTokenizer, examples: Sequence[Example], temperature: float) -> Units:
    """Return every word of `examples` as the specialist would judge it."""
    columns = [TAGS.index(tag) for tag in REPLACE]
    numeric = np.array([tag == "DATE" for tag in REPLACE])
    rows: list[tuple[int, float, bool, bool]] = []
    for place, example in enumerate(examples):
        tokens = words.encode(example.text, 4096)
        feeds = {"ids": padded([tokens.ids]), "shapes": padded([shapes(example.text, tokens)])}
        chances = measures.softmax(engine.run(feeds)[0][0].astype(np.float64), temperature)[:, columns]
        found = find_patterns(example.text)
        for unit in units_of(example.text, tokens, chances):
            covered = any(f.start <= unit.start and unit.end <= f.end for f in found)
            if is_word(example.text, unit):
                chance = chance_left(example.text, unit, numeric)
                rows.append((place, chance, is_personal(example, unit.start, unit.end), covered))
    texts, chances_of, personals, covereds = zip(*rows, strict=True)
    return Units(np.array(texts), np.array(chances_of), np.array(personals), np.array(covereds))


def is_personal(example: Example, start: int, end: int) -> bool:
    """Say whether a word must be replaced: whatever its tag may be, it is one that is replaced.

    Of dates only what has a digit and is not a year alone; a title is no name.
    """
    options = example.options(start, end)
    if not options <= set(REPLACE):
        return False
    text = example.text[start:end]
    if text.lower() in _TITLES:
        return False
    return "DATE" not in options or (any(c.isdigit() for c in text) and not _YEAR.fullmatch(text))


def best_replacing(units: Units) -> float:
    """Return the threshold with the best F2: a personal word that stays weighs more than another that goes."""
    open_units = ~units.covered
    chance, personal = units.chance[open_units], units.personal[open_units]

    def score(cut: float) -> float:
        hit = (chance >= cut) & personal
        return float(5 * hit.sum() / (4 * personal.sum() + (chance >= cut).sum()))

    return max((float(cut) for cut in np.linspace(0.1, 0.6, 51)), key=score)


def best_doubt(units: Units, replace_from: float) -> float:
    """Return the highest doubt up to which at most LEAKS of the texts that seem sure still hold something personal."""
    left = ~units.covered & (units.chance < replace_from)
    count = int(units.text.max()) + 1
    worst, leaks = np.zeros(count), np.zeros(count, dtype=bool)
    np.maximum.at(worst, units.text[left], units.chance[left])
    leaks[units.text[left & units.personal]] = True
    best = 0.0
    for cut in np.linspace(0.005, replace_from, 200):
        if leaks[worst < cut].mean() > LEAKS:
            break
        best = float(cut)
    return best


def measured(specialist: Specialist, examples: Sequence[Example]) -> dict[str, measures.Measure]:
    """Return the figures of the card, per corpus that `examples` come from."""
    figures: dict[str, measures.Measure] = {}
    for source, name in SOURCES.items():
        some = [example for example in examples if example.source == source]
        if some:
            figures |= {f"{source}_{key}": value for key, value in _corpus(specialist, some, name).items()}
    return figures


def _corpus(specialist: Specialist, examples: Sequence[Example], name: str) -> dict[str, measures.Measure]:
    sure, clean, kept = [], [], []
    found: dict[str, list[bool]] = {}
    for example in examples:
        answer = specialist.answer([{"text": example.text}])[0]
        if isinstance(answer, HiveError) or not isinstance(answer.output, dict):
            raise SystemExit(f"the specialist refuses a test text: {answer}")
        hidden = np.zeros(len(example.text), dtype=bool)
        for span in answer.output["spans"]:
            hidden[span["start"] : span["end"]] = True
        whole = True
        for match in _WORD.finditer(example.text):
            if is_personal(example, *match.span()):
                whole = whole and bool(hidden[slice(*match.span())].all())
            elif "O" in example.options(*match.span()):
                kept.append(not hidden[slice(*match.span())].any())
        for span, allowed in zip(example.spans, example.allowed, strict=True):
            if is_personal(example, span.start, span.end):
                words = [
                    hidden[slice(*match.span())].all()
                    for match in _WORD.finditer(example.text, span.start, span.end)
                    if is_personal(example, *match.span())
                ]
                found.setdefault(next(iter(allowed)), []).append(all(words))
        sure.append(not answer.unsure)
        clean.append(whole)
    every = [hit for hits in found.values() for hit in hits]
    return {
        "found": measures.share(np.array(every), name),
        **{
            f"found_{kind.lower()}": measures.share(np.array(hits), name)
            for kind, hits in sorted(found.items())
        },
        "other_words_kept": measures.share(np.array(kept), name),
        "texts_clean": measures.share(np.array(clean), name),
        "texts_sure": measures.share(np.array(sure), name),
        "texts_clean_where_sure": measures.share(np.array(clean)[np.array(sure)], name),
    }
