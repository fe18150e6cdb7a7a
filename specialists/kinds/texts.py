"""How kinds that read texts do it: the string taken out and checked, tokenized, and asked whether it is readable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hive.errors import HiveError
from specialists.engine.tokenize import UNKNOWN, Tokens
from specialists.kinds.base import Inputs, Parts, needed, setting


@dataclass(frozen=True, slots=True)
class Text:
    """A text and its tokens."""

    text: str
    tokens: Tokens

    @property
    def size(self) -> int:
        """The number of tokens: what makes it long for a model."""
        return len(self.tokens.ids)


class TextReader:
    """Reads the one text that a specialist takes.

    Manifest: `preprocess.max_chars`, and `preprocess.max_tokens`; a text with more tokens is cut there, or refused
    if it must be `whole`.
    """

    def __init__(self, parts: Parts, *, whole: bool = False) -> None:
        """Read the settings; raise HiveError(manifest_invalid) if one is missing."""
        manifest = parts.manifest
        self._tokenizer = needed(parts.tokenizer, "a tokenizer", manifest.kind)
        self._whole = whole
        self.input = next(iter(manifest.inputs))
        self.max_tokens = int(setting(manifest.preprocess, "max_tokens", "preprocess"))
        self.max_chars = int(setting(manifest.preprocess, "max_chars", "preprocess"))

    def read(self, item: Inputs) -> Text:
        """Return the text of an input; HiveError(input_invalid) as `text_of` raises it, or for too many tokens."""
        text = text_of(item, self.input, self.max_chars)
        tokens = self._tokenizer.encode(text, self.max_tokens + self._whole)
        if len(tokens.ids) > self.max_tokens:
            raise HiveError(
                "input_invalid", f"`{self.input}` has more than {self.max_tokens} tokens. Split it."
            )
        return Text(text, tokens)

    def read_words(self, item: Inputs) -> Text:
        """Return what `read` does; raise HiveError(input_invalid) also if there is nothing in the text but spaces."""
        found = self.read(item)
        if not found.text.strip():
            raise HiveError("input_invalid", f"`{self.input}` is empty. Send the words.")
        return found


def text_of(item: Inputs, name: str, max_chars: int) -> str:
    """Return the text input `name`; raise HiveError(input_invalid) if it is no string, no UTF-8, or too long.

    A `text.redacted` is a text too, so its object form is taken as well.
    """
    value = item.get(name)
    if isinstance(value, Mapping):
        value = value.get("text")
    if not isinstance(value, str):
        raise HiveError("input_invalid", f"`{name}` must be a string, not {type(value).__name__}.")
    if len(value) > max_chars:
        raise HiveError(
            "input_invalid", f"`{name}` has {len(value)} characters; this specialist takes {max_chars}."
        )
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise HiveError(
            "input_invalid", f"`{name}` is not UTF-8: it holds a lone surrogate at {error.start}."
        ) from error
    return value


def unknown_share(text: Text) -> float:
    """Return the share (0..1) of a text's letters and digits that the vocabulary cannot spell; 1 if it has none.

    A model has learned nothing of what this counts, whatever its own score says: another script, a code, line noise.
    """
    known = unknown = 0
    for token, (start, end) in zip(text.tokens.ids, text.tokens.offsets, strict=True):
        count = sum(character.isalnum() for character in text.text[start:end])
        if token == UNKNOWN:
            unknown += count
        else:
            known += count
    return unknown / (known + unknown) if known + unknown else 1.0
