"""How well a detector of personal data does: what it covers of what is marked, and what else it hides.

A corpus is judged only by what it says: characters whose mark permits several answers, and marks of types that the
specialist does not have (titles, ages), count neither way. Intervals resample templates or documents, not texts,
because texts of one template are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from hive.errors import HiveError
from specialists.forge.measures import Measure, bootstrap
from specialists.forge.redact.corpus import OUTSIDE, Example, Mark
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
    `SOURCE_character_recall`: of the marked characters of `kinds`, those inside spans. `SOURCE_typed`: of the covered
    parts, those whose span has the right type.
    """
    tallies: dict[str, Tally] = {}
    for example in examples:
        tally = tallies.setdefault(example.source, Tally())
        tally_example(tally, example, detect(example.text), kinds)
    return {
        f"{source}_{measure}": value
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
    right = (hidden & wanted).sum()
    tally.add("character_precision", example.group, right, (hidden & judged).sum())
    known = np.zeros(len(example.text), dtype=bool)
    for mark in example.marks:
        if mark.allowed <= kinds:
            known[mark.start : mark.end] = True
            covered = bool((hidden | ~wanted)[mark.start : mark.end].all())
            _tally_mark(tally, example.group, mark, found, covered=covered)
    tally.add("character_recall", example.group, (hidden & wanted & known).sum(), (wanted & known).sum())


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


def summary(figures: Mapping[str, Measure]) -> str:
    """Return the figures as lines of text."""
    return "\n".join(f"{n}: {m.value:.4f} ({m.low:.4f} to {m.high:.4f}, n {m.n})" for n, m in figures.items())
