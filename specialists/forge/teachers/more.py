"""More to learn from: texts without labels, labelled by a teacher that the user brings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from specialists.forge.data.corpus import Corpus, Texts, corpus_of
from specialists.forge.data.findings import Finding, counted
from specialists.forge.data.normal import normalised
from specialists.forge.teachers.port import Labeller

_LOT: Final = 100
_JUDGED: Final = 200


@dataclass(frozen=True, slots=True)
class More:
    """A corpus with a larger training part, and the texts that the teacher was not sure of."""

    corpus: Corpus
    rest: tuple[str, ...]


def label_more(
    corpus: Corpus, texts: Sequence[str], labeller: Labeller, least: float, told: Callable[[int], None]
) -> More:
    """Add those of `texts` to the training part of which the teacher is at least `least` sure.

    Validation and test keep their own labels, and a text that is in any part is left out. How far the teacher agrees
    with the labels of validation texts is found too, and said. `told` hears how many texts were labelled each time.
    """
    here = {normalised(text) for part in corpus.parts.values() for text in part.texts}
    fresh = [text for text in dict.fromkeys(texts) if normalised(text) not in here]
    found = [pair for lot in _lots(fresh) for pair in _labelled(lot, corpus.classes, labeller, told)]
    sure = [(text, name) for text, name, chance in found if chance >= least]
    held = corpus.validation
    judged = list(range(0, len(held), max(1, len(held) // _JUDGED)))[:_JUDGED]
    said = _labelled([held.texts[n] for n in judged], corpus.classes, labeller, told)
    right = sum(name == held.labels[n] for n, (_, name, _) in zip(judged, said, strict=True))
    train = Texts(
        (*corpus.train.texts, *(text for text, _ in sure)),
        (*corpus.train.labels, *(name for _, name in sure)),
        (*corpus.train.rows, *[0] * len(sure)),
    )
    sentence = (
        f"{labeller.name} labelled {len(sure):,} of {counted(len(fresh), 'text')}; of the others it was not sure "
        f"enough. It agrees with {right:,} of {counted(len(judged), 'label')} on validation texts "
        f"({right / len(judged):.0%})."
    )
    findings = [*corpus.findings, Finding("note", sentence, "texts_labelled")]
    grown = corpus_of({**corpus.parts, "train": train}, findings, corpus.files)
    taken = {text for text, _ in sure}
    return More(grown, tuple(text for text in fresh if text not in taken))


def _labelled(
    texts: Sequence[str], classes: Sequence[str], labeller: Labeller, told: Callable[[int], None]
) -> list[tuple[str, str, float]]:
    """Return each text with its likeliest class and how likely that is."""
    rows = labeller.label(texts)
    told(len(texts))
    return [
        (text, classes[int(row.argmax())], float(row.max())) for text, row in zip(texts, rows, strict=True)
    ]


def _lots(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(texts), _LOT):
        yield texts[begin : begin + _LOT]
