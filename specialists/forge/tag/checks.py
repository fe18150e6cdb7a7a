"""What is wrong with a set of marked texts as a whole, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from specialists.forge.data.findings import Findings, counted, listed
from specialists.forge.data.normal import normalised
from specialists.forge.sources.values import MarkedText

MIN_TEXTS: Final = 20
FEW_TEXTS: Final = 300
FEW_PER_KIND: Final = 15
_CUT_SHARE: Final = 0.01


def without_repeats(texts: Sequence[MarkedText], findings: Findings) -> list[MarkedText]:
    """Return one of each text (case and punctuation apart): the marks and intent that most of its copies have."""
    groups: dict[str, list[MarkedText]] = {}
    for text in texts:
        groups.setdefault(normalised(text.text), []).append(text)
    kept, torn = [], 0
    for copies in groups.values():
        votes = Counter((_marks(copy), copy.intent) for copy in copies)
        torn += len(votes) > 1
        best = votes.most_common(1)[0][0]
        kept.append(next(copy for copy in copies if (_marks(copy), copy.intent) == best))
    if len(kept) < len(texts):
        findings.note(
            "rows_twice",
            f"{counted(len(texts) - len(kept), 'text')} of {len(texts):,} repeat another; left out.",
        )
    if torn:
        findings.warn(
            "marks_differ",
            f"{counted(torn, 'text')} occur several times with different spans or intents; what most copies have is "
            "taken. If there are many, look at the guidelines of who marked them.",
        )
    return kept


def _marks(text: MarkedText) -> tuple[tuple[str, str], ...]:
    return tuple((text.text[s.start : s.end].casefold(), s.kind) for s in text.spans)


def check_marks(texts: Sequence[MarkedText], findings: Findings) -> None:
    """Say if there is nothing to learn, or too little of some type, or if spans end within words."""
    spans = [span for text in texts for span in text.spans]
    if not spans:
        findings.fatal(
            "spans_none", f"None of {counted(len(texts), 'text')} has a span: there is nothing to learn."
        )
        return
    if len(texts) < MIN_TEXTS:
        findings.fatal(
            "texts_few", f"There are {len(texts)} different texts; {MIN_TEXTS} are the least to learn from."
        )
    elif len(texts) < FEW_TEXTS:
        findings.warn(
            "texts_few",
            f"There are {len(texts)} different texts. With fewer than {FEW_TEXTS} expect many mistakes.",
        )
    counts = Counter(span.kind for span in spans)
    rare = sorted(kind for kind, count in counts.items() if count < FEW_PER_KIND)
    if rare:
        findings.warn(
            "kinds_rare",
            f"{counted(len(rare), 'type')} with fewer than {FEW_PER_KIND} spans, such as {rare[0]!r} with "
            f"{counts[rare[0]]}, will hardly be learned: {listed(rare)}.",
        )
    cut = sum(_cut(text.text, s.start) + _cut(text.text, s.end) > 0 for text in texts for s in text.spans)
    early = sum(
        _cut(text.text, s.end) and not _cut(text.text, s.end + 1) for text in texts for s in text.spans
    )
    if cut > _CUT_SHARE * len(spans):
        hint = (
            " Are their ends the last character? They must be one after it." if early * 2 > len(spans) else ""
        )
        findings.warn(
            "spans_cut_words",
            f"{cut:,} of {counted(len(spans), 'span')} begin or end within a word. Tags are for whole words, so these "
            f"spans grow to them.{hint}",
        )


def _cut(text: str, at: int) -> bool:
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()


def check_intents(texts: Sequence[MarkedText], findings: Findings) -> list[MarkedText]:
    """Return `texts`, without intents where these are none to tell apart: one alone, or nearly one for each text."""
    counts = Counter(text.intent for text in texts if text.intent)
    if not counts:
        return list(texts)
    if len(counts) == 1 or 2 * len(counts) > sum(counts.values()):
        why = (
            "there is one alone" if len(counts) == 1 else f"{len(counts):,} in {sum(counts.values()):,} texts"
        )
        findings.warn(
            "intents_no_classes", f"The intents are left out: {why}, which is nothing to tell apart."
        )
        return [replace(text, intent="") for text in texts]
    missing = sum(not text.intent for text in texts)
    if missing:
        findings.note(
            "intents_missing", f"{counted(missing, 'text')} without an intent teach the spans alone."
        )
    rare = sorted(name for name, count in counts.items() if count < FEW_PER_KIND)
    if rare:
        findings.warn(
            "intents_rare",
            f"{counted(len(rare), 'intent')} with fewer than {FEW_PER_KIND} texts, such as {rare[0]!r} with "
            f"{counts[rare[0]]}, will hardly be learned.",
        )
    return list(texts)
