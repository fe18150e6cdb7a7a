"""`redact`: text -> text.redacted, in which personal data is replaced by placeholders such as [PERSON_1].

A model tags each token; patterns with checksums stand beside it. What a specialist leaks cannot be called back, so a
word is replaced as soon as it may well be personal, and where a word that stays is in doubt, the answer is unsure and
claims to have removed nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hive.errors import HiveError
from specialists.engine.base import Array
from specialists.engine.tokenize import padded
from specialists.kinds.base import Answer, Inputs, Parts, names, needed, optional_names, setting
from specialists.kinds.calibrated import Chances, softmax
from specialists.kinds.patterns import Found, find_patterns
from specialists.kinds.placeholders import placeholders, placeholders_in, replaced
from specialists.kinds.shapes import shapes
from specialists.kinds.texts import Text, TextReader
from specialists.kinds.units import Units, inside, marked, merged, units_of, unreadable
from specialists.kinds.way import Feeds, Way
from specialists.manifest_file import Json

# With fewer words than this, how finely they are cut says little about the language.
FEW_WORDS: Final = 4


@dataclass(frozen=True, slots=True)
class Judge:
    """Which words are marked: `types` are the model's tags but the first, `vouched` those of the label's claim.

    A word goes from a probability of `cuts` for one type, or from as much of several together. What is not vouched for
    (organisations) does no harm to a person where it stays, and does not make an answer unsure.
    """

    types: tuple[str, ...]
    vouched: npt.NDArray[np.bool_]
    numeric: npt.NDArray[np.bool_]
    cuts: Chances

    def likely(self, units: Units) -> npt.NDArray[np.bool_]:
        """Say of each word whether it is marked."""
        return np.asarray((units.chances / self.cuts).sum(axis=1) >= 1.0)

    def left(self, units: Units) -> Chances:
        """Return the probability that a word is vouched for; types that go only with a digit count only with one."""
        without = units.chances[:, self.vouched & ~self.numeric].sum(axis=1)
        return np.asarray(np.where(units.digits, units.chances[:, self.vouched].sum(axis=1), without))


class Redact:
    """Replaces personal data.

    Manifest: `preprocess.max_tokens`, `max_chars` and `scripts` that it reads (LATIN); `postprocess.tags` in the
    model's order, "outside" first: all others are found; `replace`, the tags that are replaced; `only_with_digits`,
    those replaced only where a digit is in them (default: none); `vouched`, those whose absence the answer stands for
    (default: all of `replace`); `calibration.temperature`, `replace_from` (for each type the probability from which a
    word is marked), `doubt_from` (that of all vouched types from which a word that stays makes the answer unsure) and
    `unfamiliar_from` (tokens per word from which a text is unlike those learned; default: never).
    """

    def __init__(self, parts: Parts) -> None:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing."""
        manifest = parts.manifest
        self._reader = TextReader(parts, whole=True)
        self._way = Way(
            needed(parts.engine, "an engine", manifest.kind),
            prepare=self._reader.read,
            size=lambda text: text.size,
            feeds=_feeds,
            shapes=self._shapes,
            finish=self._redact,
        )
        post, cuts = manifest.postprocess, manifest.calibration
        self._tags = names(post, "tags", "postprocess")
        types = self._tags[1:]
        self._replace = frozenset(names(post, "replace", "postprocess"))
        self._numeric = frozenset(optional_names(post, "only_with_digits", "postprocess"))
        vouched = frozenset(optional_names(post, "vouched", "postprocess") or self._replace)
        if unknown := (self._replace | vouched) - set(types):
            raise HiveError(
                "manifest_invalid",
                f"`postprocess` replaces {sorted(unknown)}, which are no tags of the model.",
            )
        self._judge = Judge(
            types,
            np.array([kind in vouched for kind in types]),
            np.array([kind in self._numeric for kind in types]),
            np.array([_cut(cuts, kind) for kind in types]),
        )
        self._temperature = setting(cuts, "temperature", "calibration")
        self._doubt_from = setting(cuts, "doubt_from", "calibration")
        self._unfamiliar_from = (
            setting(cuts, "unfamiliar_from", "calibration") if "unfamiliar_from" in cuts else np.inf
        )
        self._scripts = frozenset(names(manifest.preprocess, "scripts", "preprocess"))
        self._removes = manifest.removes

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Return a `text.redacted` per text; spans are characters of the original text.

        A span with a `token` was replaced by it; one without stays. Confidence is the probability that nothing vouched
        for was left, if words are judged independently; it is 0 where the text has letters of other scripts.
        """
        return self._way.answer(batch)

    def sample(self) -> Inputs:
        """Return a sentence that names somebody."""
        return {self._reader.input: "Please call Maria Keller in Lisbon on +351 21 000 0000."}

    def _shapes(self, feeds: Feeds) -> list[tuple[int, ...]]:
        return [(*feeds["ids"].shape, len(self._tags))]

    def _redact(self, texts: Sequence[Text], outputs: Sequence[Array]) -> list[Answer]:
        chances = softmax(outputs[0], self._temperature)[:, :, 1:]
        return [self._verdict(item, rows[: item.size]) for item, rows in zip(texts, chances, strict=True)]

    def _verdict(self, item: Text, chances: Chances) -> Answer:
        text = item.text
        units = units_of(text, item.tokens, chances, self._judge.types)
        held = placeholders_in(text, self._judge.types)
        kept = np.array(inside(units, held), dtype=bool)
        likely = self._judge.likely(units) & ~kept
        found = merged(find_patterns(text), marked(text, units, likely, self._judge.types))
        gone = [span for span in found if self._goes(text, span)]
        tokens = dict(zip(gone, placeholders(text, gone, held), strict=True))
        covered = kept | np.array(inside(units, gone), dtype=bool)
        left = self._judge.left(units)[~covered]
        blind = unreadable(text, item.tokens, self._scripts)
        unfamiliar = blind or self._foreign(units, covered)
        unsure = bool(left.max(initial=0.0) >= self._doubt_from)
        output = {
            "text": replaced(text, gone, list(tokens.values())),
            "spans": [_span(span, tokens.get(span)) for span in found],
            "types": sorted({span.kind for span in found}),
            "tokens": list(dict.fromkeys(tokens.values())),
        }
        confidence = 0.0 if blind else float(np.prod(1.0 - left))
        return Answer(output, min(1.0, max(0.0, confidence)), unsure, self._removes, unfamiliar)

    def _goes(self, text: str, span: Found) -> bool:
        """Say whether a part is replaced; a date such as `Monday`, without a digit, is nobody's."""
        if span.kind not in self._replace:
            return False
        return span.kind not in self._numeric or any(map(str.isdigit, text[span.start : span.end]))

    def _foreign(self, units: Units, covered: npt.NDArray[np.bool_]) -> bool:
        """Say whether the words that stay are cut into more tokens than those of the learned language."""
        pieces = np.array(units.pieces)[~covered]
        return len(pieces) >= FEW_WORDS and bool(pieces.mean() >= self._unfamiliar_from)


def _feeds(texts: Sequence[Text]) -> Feeds:
    forms = [shapes(item.text, item.tokens) for item in texts]
    return {"ids": padded([item.tokens.ids for item in texts]), "shapes": padded(forms)}


def _cut(calibration: Json, kind: str) -> float:
    """Return the probability from which a word is marked as `kind`; raise HiveError(manifest_invalid) without one."""
    cuts = calibration.get("replace_from")
    cut = setting(cuts, kind, "calibration.replace_from") if isinstance(cuts, dict) else 0.0
    if not 0 < cut <= 1:
        raise HiveError(
            "manifest_invalid", f"The manifest needs a probability `calibration.replace_from.{kind}`."
        )
    return cut


def _span(span: Found, token: str | None) -> dict[str, object]:
    entry: dict[str, object] = {
        "start": span.start, "end": span.end, "type": span.kind, "score": round(span.score, 4),
    }  # fmt: skip
    return entry if token is None else entry | {"token": token}
