"""From tags of single tokens to a text with spans, whatever the scheme: IO, IOB1, IOB2, BIOES, BILOU, BMEWO."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from specialists.forge.sources.values import MarkedText, Span

TAG: Final = re.compile(r"O|[BIESLUMW][-_].+")
"""What tags of all schemes but IO look like."""
_FIRST: Final = frozenset("BSUW")
_LAST: Final = frozenset("ESLUW")
_OUTSIDE: Final = frozenset(("O", "", "_", "-"))
# Signs that stand at the end of a word without a space, and at its beginning.
_CLOSING: Final = frozenset((*".,;:!?%)]}", "...", "'s", "'S", "'m", "'re", "'ve", "'ll", "'d", "\u2019s"))
_OPENING: Final = frozenset("([{$#")


def has_places(tags: Iterable[str]) -> bool:
    """Say whether tags have a place in their span (such as B-) before the type; without, the scheme is IO."""
    return all(tag in _OUTSIDE or TAG.fullmatch(tag) for tag in tags)


def marked(tokens: Sequence[str], tags: Sequence[str], *, places: bool, intent: str = "") -> MarkedText:
    """Return the text that `tokens` make, with the spans of their `tags`.

    A type that goes on without having begun begins there (IOB1), as the CoNLL tasks read it. Tokens are joined by
    spaces, but for signs that are written without.
    """
    text, spans, open_kind = "", list[Span](), ""
    for number, (token, tag) in enumerate(zip(tokens, tags, strict=True)):
        if text and token not in _CLOSING and tokens[number - 1] not in _OPENING:
            text += " "
        start, text = len(text), text + token
        if tag in _OUTSIDE:
            open_kind = ""
            continue
        place, kind = (tag[0], tag[2:]) if places else ("I", tag)
        if place not in _FIRST and kind == open_kind:
            spans[-1] = Span(spans[-1].start, len(text), kind)
        else:
            spans.append(Span(start, len(text), kind))
        open_kind = "" if place in _LAST else kind
    return MarkedText(text, tuple(spans), intent=intent)
