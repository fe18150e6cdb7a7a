"""A mistake that pydantic found in a mesh file, as a sentence: what is wrong and what to write instead."""

from __future__ import annotations

import difflib
from typing import Final, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from typing_extensions import is_typeddict

Where = tuple[str | int, ...]

_SENTENCES: Final = {
    "missing": "{key!r} is missing",
    "string_pattern_mismatch": "{value} does not fit; {hint}",
    "string_too_short": "this must not be empty",
    "int_type": "want a whole number, got {value}",
    "int_from_float": "want a whole number, got {value}",
    "float_type": "want a number, got {value}",
    "finite_number": "want a finite number, got {value}",
    "bool_type": "want true or false, got {value}",
    "string_type": "want text, got {value}; put it in quotes",
    "dict_type": "want keys with values, got {value}",
    "model_type": "want keys with values, got {value}",
    "tuple_type": "want a list, got {value}",
    "too_short": "this must not be empty",
    "literal_error": "{value} is not known; write {expected}",
    "greater_than": "{value} is too small; write more than {gt}",
    "greater_than_equal": "{value} is too small; write {ge} or more",
    "less_than_equal": "{value} is too large; write {le} or less",
}
_HINTS: Final = {
    "^[a-z0-9]": "use a-z, 0-9, '.', '_' and '-', at most 63, and begin with a letter or digit",
    "^(memory:": "write sqlite:, sqlite:///PATH, postgresql://USER@HOST/DATABASE or memory:",
    "^tcp": "write an address such as tcp://127.0.0.1:8421",
    "^[0-9a-f]{64}": "write the 64 hexadecimal digits of `printf %s TOKEN | sha256sum`",
    "^sha256": "write sha256: and 64 hexadecimal digits, as `hive models list` shows them",
}
_LONGEST: Final = 60
# How pydantic marks a key, and the member of a union that it tried: no keys of the file.
_MARKS: Final = frozenset({"[key]", "float", "int", "constrained-float", "constrained-int"})


def mistakes(error: ValidationError, model: type[BaseModel]) -> list[tuple[Where, str]]:
    """Return (place, sentence) of each mistake, once for each place.

    A list whose entries are wrong is called too short as well; only the entries' mistakes are told.
    """
    found: dict[Where, str] = {}
    short: list[Where] = []
    for details in error.errors(include_url=False):
        where = tuple(part for part in details["loc"] if part not in _MARKS)
        found.setdefault(where, _sentence(details, where, model))
        if details["type"] == "too_short":
            short.append(where)
    idle = {s for s in short for where in found if where[: len(s)] == s and where != s}
    return [(where, sentence) for where, sentence in found.items() if where not in idle]


def _sentence(details: ErrorDetails, where: Where, model: type[BaseModel]) -> str:
    key = str(where[-1]) if where else "the file"
    kind, value = details["type"], details["input"]
    if kind == "extra_forbidden":
        known = _keys_at(model, where[:-1])
        near = difflib.get_close_matches(key, known, 1)
        advice = f"did you mean {near[0]!r}?" if near else f"write one of: {', '.join(known)}"
        return f"unknown key {key!r}; {advice}"
    sentence = _SENTENCES.get(kind)
    if sentence is None:
        return f"{details['msg']}, got {_shown(value)}"
    context = details.get("ctx", {})
    pattern = str(context.get("pattern", ""))
    hint = next((text for begin, text in _HINTS.items() if pattern.startswith(begin)), "")
    return sentence.format_map({**context, "key": key, "value": _shown(value), "hint": hint})


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "keys with values"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _keys_at(model: type[BaseModel], where: Where) -> list[str]:
    """Return the keys that may stand at a path."""
    current: object = model
    for part in where:
        current = _step(current, part)
    if isinstance(current, type) and issubclass(current, BaseModel):
        return list(current.model_fields)
    return list(current.__annotations__) if is_typeddict(current) else []


def _step(annotation: object, part: str | int) -> object:
    """Return the type of what lies under one key or index."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(part))
        return None if field is None else _bare(field.annotation)
    origin = get_origin(annotation)
    if origin is dict:
        return _bare(get_args(annotation)[1])
    return _bare(get_args(annotation)[0]) if origin is tuple else None


def _bare(annotation: object) -> object:
    """Return a type without `Annotated` and without `| None`."""
    arguments = get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return _bare(arguments[0])
    if type(None) in arguments:
        return _bare(next(argument for argument in arguments if argument is not type(None)))
    return annotation
