"""Reading a mesh file so that every value remembers its line, and saying what is wrong with one in a sentence."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import yaml
from pydantic import BaseModel

from hive.errors import HiveError

Where = tuple[str | int, ...]

_SENTENCES = {
    "missing": "{key!r} is missing",
    "string_pattern_mismatch": "{value!r} does not fit; {hint}",
    "int_type": "want a whole number, got {value!r}",
    "bool_type": "want true or false, got {value!r}",
    "string_type": "want text, got {value!r} (put it in quotes)",
    "dict_type": "want a map of keys, got {value!r}",
    "model_type": "want a map of keys, got {value!r}",
    "tuple_type": "want a list, got {value!r}",
}
_HINTS = {
    "^[a-z0-9]": "use a-z, 0-9, '.', '_' and '-', beginning with a letter or digit",
    "^tcp": "write an address such as tcp://127.0.0.1:8421",
    "^[0-9a-f]{64}": "write the 64 hexadecimal digits of `printf %s TOKEN | sha256sum`",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A document and the line of each of its values, by path of keys."""

    name: str
    document: object
    lines: dict[Where, int]

    def place(self, where: Where) -> str:
        """Return `file:line` of a value, or of the nearest part of the document that encloses it."""
        path = where
        while path and path not in self.lines:
            path = path[:-1]
        dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")
        line = self.lines.get(path)
        return f"{self.name}:{line}: {dotted}" if line else f"{self.name}: {dotted or 'the document'}"

    def explain(self, where: Where, kind: str, message: str, value: object, model: type[BaseModel]) -> str:
        """Return what is wrong at a place and what to write instead."""
        key = str(where[-1]) if where else ""
        if kind == "extra_forbidden":
            known = _keys_at(model, where[:-1])
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"write one of: {', '.join(known)}"
            return f"unknown key {key!r}; {hint}"
        sentence = _SENTENCES.get(kind)
        if sentence is None:
            return f"{message}, got {value!r:.80}"
        hint = next((text for pattern, text in _HINTS.items() if pattern in message), message)
        return sentence.format(key=key, value=value, hint=hint)


def bundled_configs() -> dict[str, Path]:
    """Return the mesh files that come with Hive, by name."""
    folder = Path(str(resources.files("hive"))) / "mesh_configs"
    if not folder.is_dir():
        folder = Path(__file__).parent.parent / "mesh_configs"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def read_source(path_or_name: str | Path) -> Source:
    """Read a file, or a bundled one by name. Raises HiveError(config_not_found) or HiveError(config_invalid)."""
    path = find_source(path_or_name)
    try:
        return parse_source(path.read_text(encoding="utf-8"), str(path_or_name))
    except UnicodeDecodeError as error:
        raise HiveError("config_invalid", f"{path}: not UTF-8 text at byte {error.start}.") from error
    except OSError as error:
        raise HiveError("config_not_found", f"{path} cannot be read: {error.strerror}.") from error


def find_source(path_or_name: str | Path) -> Path:
    """Return the path of a mesh file or bundled name; raise HiveError(config_not_found) with near names."""
    path = Path(path_or_name)
    if path.is_file():
        return path.resolve()
    bundled = bundled_configs()
    name = str(path_or_name)
    if name in bundled:
        return bundled[name]
    folder = path.parent if path.parent.is_dir() else Path()
    near = difflib.get_close_matches(path.name, [p.name for p in folder.glob("*.y*ml")] + list(bundled), 3)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    raise HiveError(
        "config_not_found",
        f"There is no file {name}. {hint}Bundled configurations: {', '.join(bundled) or 'none'}.",
    )


def parse_source(text: str, name: str) -> Source:
    """Parse YAML and note the lines. Raises HiveError(config_invalid) for bad YAML and duplicate keys."""
    lines: dict[Where, int] = {}
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is None:
            raise HiveError(
                "config_invalid", f"{name} is empty; `hive config schema` describes what it may hold."
            )
        _walk(root, (), lines, name)
        return Source(name, yaml.safe_load(text), lines)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise HiveError(
            "config_invalid", f"{name}{line}: {getattr(error, 'problem', None) or error}."
        ) from error
    except RecursionError:
        raise HiveError("config_invalid", f"{name}: nested too deeply.") from None


def _walk(node: yaml.Node, where: Where, lines: dict[Where, int], name: str) -> None:
    lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                again = f"{key.value!r} is given twice, first in line {seen[key.value]}"
                raise HiveError("config_invalid", f"{name}:{line}: {again}. Remove one.")
            seen[key.value] = line
            lines[(*where, key.value)] = line
            _walk(value, (*where, key.value), lines, name)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*where, index), lines, name)


def _keys_at(model: type[BaseModel], where: Where) -> list[str]:
    """Return the keys that the model has at a path, for suggestions."""
    current: object = model
    for part in where:
        fields = current.model_fields if isinstance(current, type) and issubclass(current, BaseModel) else {}
        current = _inner_model(fields[str(part)].annotation) if str(part) in fields else current
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def _inner_model(annotation: object) -> object:
    """Return the model inside `Model | None`, `dict[str, Model]` or `tuple[Model, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _inner_model(argument)
        if found is not None:
            return found
    return None
