"""How well a detector of personal data does: what it covers of what is marked, and what else it hides.

A corpus is judged only by what it says: characters whose mark permits several answers, and marks of types that the
specialist does not have (titles, ages), count neither way. Intervals resample templates or documents, not texts,
because texts of one template are alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from hive.errors import HiveError
from specialists.forge.measures import Measure, bootstrap
from specialists.forge.redact.examples import OUTSIDE, Example, Mark
from specialists.kinds.base import names, optional_names
from specialists.kinds.patterns import Found
from specialists.load import Specialist

Detector = Callable[[str], Sequence[Found]]
Counts = npt.NDArray[np.float64]
SOURCES: Final = {
    "presidio": "presidio-research, templates held out",
    "made up": "made-up numbers and addresses in held-out sentences",
    "hwu64": "HWU64 test (lower case)",
    "wikigold": "wikigold, held out",
    "btc": "BTC tweets, held out",
    "wnut17": "WNUT17 test",
}
STRUCTURED: Final = frozenset({"ID", "EMAIL", "PHONE", "CARD", "IBAN", "IP"})
_ADDRESSES: Final = frozenset({"ADDRESS", "STREET_ADDRESS", "ZIP_CODE"})
_WORD: Final = re.compile(r"\w+")
_TITLES: Final = frozenset({"dr", "mr", "mrs", "ms", "miss", "prof"})


@dataclass(slots=True)
class Tally:
    """Counts [hit, all] per measure, one row per group of texts that are alike."""

    groups: dict[str, int] = field(default_factory=dict)
    rows: dict[str, list[tuple[int, float, float]]] = field(default_factory=dict)

    def add(self, measure: str, group: str, hit: float, whole: float) -> None:
        """Count `hit` of `whole` cases of a group; no cases are no group of this measure."""
        if not whole:
            return
        place = self.groups.setdefault(group, len(self.groups))
        self.rows.setdefault(measure, []).append((place, hit, whole))

    def measures(self, name: str) -> dict[str, Measure]:
        """Return every share with its interval; `n` counts cases."""
        return {measure: self._share(rows, name) for measure, rows in sorted(self.rows.items())}

    def _share(self, rows: Sequence[tuple[int, float, float]], name: str) -> Measure:
        counts = np.zeros((len(self.groups), 2))
        for place, hit, whole in rows:
            counts[place] += hit, whole
        counts = counts[counts[:, 1] > 0]

        def share(picked: npt.NDArray[np.intp]) -> float:
            hit, whole = counts[picked].sum(axis=0)
            return float(hit / whole)

        spread = bootstrap(share, len(counts), name)
        return Measure(spread.value, spread.low, spread.high, int(counts[:, 1].sum()), name)


def detector_of(specialist: Specialist) -> Detector:
    """Return what a specialist of kind `redact` finds in a text; raises the HiveError with which it refuses one."""

    def detect(text: str) -> list[Found]:
        answer = specialist.answer([{next(iter(specialist.manifest.inputs)): text}])[0]
        if isinstance(answer, HiveError):
            raise answer
        assert isinstance(answer.output, Mapping), "a text.redacted is a document"
        return [Found(s["start"], s["end"], s["type"], s["score"]) for s in answer.output["spans"]]

    return detect


def measured(detect: Detector, examples: Iterable[Example], kinds: frozenset[str]) -> dict[str, Measure]:
    """Return the figures of `detect`, which knows the types `kinds`, per corpus that `examples` come from.

    `SOURCE_found_TYPE`: marked parts whose letters and digits are all inside spans, whatever their type.
    `SOURCE_character_precision`: of the characters inside spans that the corpus judges, those that are marked.
    `SOURCE_character_recall`: of the marked characters of `kinds`, those inside spans; `SOURCE_character_f1` is the
    harmonic mean of both. `SOURCE_typed`: of the covered parts, those with a span of the right type. `SOURCE_slot_f1`:
    spans that are right to the character and the type.
    """
    tallies: dict[str, Tally] = {}
    for example in examples:
        tally = tallies.setdefault(example.source, Tally())
        tally_example(tally, example, detect(example.text), kinds)
    return {
        f"{source}_{measure}".replace(" ", "_"): value
        for source, tally in tallies.items()
        for measure, value in tally.measures(SOURCES.get(source, source)).items()
    }


def tally_example(tally: Tally, example: Example, found: Sequence[Found], kinds: frozenset[str]) -> None:
    """Count what `found` says of one text."""
    written = np.array([c.isalnum() for c in example.text], dtype=bool)
    hidden = np.zeros(len(example.text), dtype=bool)
    for span in found:
        hidden[span.start : span.end] = True
    wanted, judged = _judged(example, found, written)
    right, gone = (hidden & wanted).sum(), (hidden & judged).sum()
    tally.add("character_precision", example.group, right, gone)
    known = np.zeros(len(example.text), dtype=bool)
    for mark in example.marks:
        if mark.allowed <= kinds:
            known[mark.start : mark.end] = True
            covered = bool((hidden | ~wanted)[mark.start : mark.end].all())
            _tally_mark(tally, example.group, mark, found, covered=covered)
    wanted &= known
    tally.add("character_recall", example.group, (hidden & wanted).sum(), wanted.sum())
    tally.add("character_f1", example.group, 2 * right, gone + right + (wanted & ~hidden).sum())
    _tally_slots(tally, example, found, kinds)


def _tally_slots(tally: Tally, example: Example, found: Sequence[Found], kinds: frozenset[str]) -> None:
    """Count spans that are right to the character and the type; F1 is twice the hits over marks and finds together."""
    marks = {(m.start, m.end): m.allowed for m in example.marks if m.allowed <= kinds}
    judged = [span for span in found if span.kind not in example.outside]
    hits = sum(span.kind in marks.get((span.start, span.end), ()) for span in judged)
    tally.add("slot_f1", example.group, 2 * hits, len(marks) + len(judged))


def _tally_mark(tally: Tally, group: str, mark: Mark, found: Sequence[Found], *, covered: bool) -> None:
    name = "address" if mark.kind in _ADDRESSES else min(mark.allowed).lower()
    tally.add(f"found_{name}", group, covered, 1)
    if mark.allowed <= STRUCTURED:
        tally.add("found_structured", group, covered, 1)
    if covered:
        types = {span.kind for span in found if span.start < mark.end and mark.start < span.end}
        tally.add("typed", group, bool(types & mark.allowed), 1)


def _judged(
    example: Example, found: Sequence[Found], written: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which characters are marked for certain, and which are marked or plain for certain."""
    wanted = np.zeros(len(example.text), dtype=bool)
    vague = np.zeros(len(example.text), dtype=bool)
    # Outside its marks a corpus is silent about the types that it does not mark.
    for span in found:
        if span.kind in example.outside:
            vague[span.start : span.end] = True
    for mark in example.marks:
        some = slice(mark.start, mark.end)
        vague[some] = OUTSIDE in mark.allowed
        wanted[some] = OUTSIDE not in mark.allowed
        title = example.text[mark.start : mark.end].partition(" ")[0].rstrip(".").lower()
        if title in _TITLES:
            wanted[mark.start : mark.start + len(title)] = False
            vague[mark.start : mark.start + len(title)] = True
    return wanted & written, (wanted | ~vague) & written


def doubts(specialist: Specialist, examples: Iterable[Example]) -> dict[str, Measure]:
    """Return, per corpus, how many texts a specialist is sure of, and how many of these are clean.

    A text is clean if every word of the types that the specialist vouches for was replaced; titles may stay, and what
    goes only with a digit in it.
    """
    post = specialist.manifest.postprocess
    numeric = frozenset(optional_names(post, "only_with_digits", "postprocess"))
    vouched = frozenset(
        optional_names(post, "vouched", "postprocess") or names(post, "replace", "postprocess")
    )
    name, tallies = next(iter(specialist.manifest.inputs)), dict[str, Tally]()
    for example in examples:
        answer = specialist.answer([{name: example.text}])[0]
        if isinstance(answer, HiveError):
            raise answer
        assert isinstance(answer.output, Mapping), "a text.redacted is a document"
        tally = tallies.setdefault(example.source, Tally())
        tally.add("texts_sure", example.group, not answer.unsure, 1)
        if not answer.unsure:
            hidden = np.zeros(len(example.text), dtype=bool)
            for span in answer.output["spans"]:
                hidden[span["start"] : span["end"]] = "token" in span
            clean = all(
                hidden[slice(*word.span())].all()
                for mark in example.marks
                if mark.allowed <= vouched
                for word in _WORD.finditer(example.text, mark.start, mark.end)
                if not _may_stay(word[0], mark.allowed, numeric)
            )
            tally.add("texts_clean_where_sure", example.group, clean, 1)
    return {
        f"{source}_{measure}".replace(" ", "_"): value
        for source, tally in tallies.items()
        for measure, value in tally.measures(SOURCES.get(source, source)).items()
    }


def _may_stay(word: str, allowed: frozenset[str], numeric: frozenset[str]) -> bool:
    if allowed <= numeric:
        return not any(map(str.isdigit, word))
    return word.lower() in _TITLES


def summary(figures: Mapping[str, Measure]) -> str:
    """Return the figures as lines of text."""
    return "\n".join(f"{n}: {m.value:.4f} ({m.low:.4f} to {m.high:.4f}, n {m.n})" for n, m in figures.items())
