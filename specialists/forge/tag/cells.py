"""Spans as people write them into a field: JSON or Python lists of objects, or of start, end and type."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from specialists.forge.sources.values import Span

TYPE_KEYS: Final = (
    "type",
    "label",
    "entity",
    "kind",
    "tag",
    "entity_type",
    "entity_group",
    "category",
    "slot",
)
START_KEYS: Final = ("start", "begin", "start_offset", "start_position", "start_char")
END_KEYS: Final = ("end", "stop", "end_offset", "end_position", "end_char")
WORDS_KEYS: Final = ("value", "text", "words", "entity_value")


class CellError(Exception):
    """A field that does not say which spans there are: a `code` for the kind of mistake, and a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        """Keep both."""
        super().__init__(sentence)
        self.code = code


def listed_in(cell: object) -> list[object]:
    """Return the list that a field holds; None and "" are an empty one. Raises CellError(spans_unreadable)."""
    if hasattr(cell, "tolist"):  # a list in a Parquet file comes as an array
        cell = cell.tolist()
    if isinstance(cell, str):
        cell = _parsed(cell.strip()) if cell.strip() else []
    if isinstance(cell, Mapping):
        cell = next((value for value in cell.values() if isinstance(value, list)), None)
    if cell is None:
        return []
    if isinstance(cell, list | tuple):
        return list(cell)
    raise CellError("spans_unreadable", f"{cell!r} is no list of spans")


def spans_in(cell: object, text: str) -> tuple[Span, ...]:
    """Return the spans of `text` that a field holds, in order, without the spaces around them.

    Raises CellError: spans_unreadable, span_out_of_range, span_empty, span_mismatch, spans_overlap.
    """
    found = sorted((_span(item, text) for item in listed_in(cell)), key=lambda span: (span.start, span.end))
    for before, after in pairwise(found):
        if after.start < before.end:
            raise CellError(
                "spans_overlap",
                f"the spans {_shown(before, text)} and {_shown(after, text)} overlap; a word can have one type",
            )
    return tuple(found)


def _parsed(cell: str) -> object:
    try:
        return json.loads(cell)
    except ValueError:
        try:
            return ast.literal_eval(cell)
        except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
            raise CellError(
                "spans_unreadable", f"{_short(cell)} is neither JSON nor a Python list"
            ) from error


def _span(item: object, text: str) -> Span:
    start, end, kind, words = _fields(item)
    if not _whole(start) or not _whole(end) or not isinstance(kind, str) or not kind.strip():
        raise CellError(
            "spans_unreadable",
            f"{_short(str(item))} has no whole numbers `start` and `end` and a `type`",
        )
    first, last = int(str(start)), int(str(end))
    if not 0 <= first <= last <= len(text):
        raise CellError(
            "span_out_of_range", f"the span {first} to {last} is not within the text's {len(text)} characters"
        )
    part = text[first:last]
    if not part.strip():
        raise CellError("span_empty", f"the span {first} to {last} has no character that is seen")
    if isinstance(words, str) and words.strip().casefold() != part.strip().casefold():
        raise CellError(
            "span_mismatch",
            f"the span {first} to {last} is {_short(part)} in the text, but said to be {_short(words)}",
        )
    first += len(part) - len(part.lstrip())
    return Span(first, first + len(part.strip()), kind.strip())


def _fields(item: object) -> tuple[object, object, object, object]:
    """Return start, end, type and, where they are given, the words of a span."""
    if isinstance(item, Mapping):
        return tuple(_first(item, keys) for keys in (START_KEYS, END_KEYS, TYPE_KEYS, WORDS_KEYS))  # type: ignore[return-value]
    if isinstance(item, Sequence) and not isinstance(item, str) and len(item) == 3:
        return item[0], item[1], item[2], None
    return None, None, None, None


def _first(item: Mapping[object, object], keys: Sequence[str]) -> object:
    return next((item[key] for key in keys if key in item), None)


def _whole(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and value == int(value)


def _shown(span: Span, text: str) -> str:
    return f"{_short(text[span.start : span.end])} ({span.kind}, {span.start} to {span.end})"


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:37]}...")
