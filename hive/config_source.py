"""Finding and reading a mesh file so that every value remembers its line. It knows nothing of what may stand in one."""

from __future__ import annotations

import difflib
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from hive.errors import HiveError

Where = tuple[str | int, ...]
_MAX_VALUES: Final = 100_000
_FOLDER: Final = "mesh_configs"


@dataclass(frozen=True, slots=True)
class Source:
    """A document and the line of each of its values, by path of keys."""

    name: str
    document: object
    lines: dict[Where, int]

    def place(self, where: Where) -> str:
        """Return `file:line: path.of.keys`, with the line of the nearest enclosing part if the value is absent."""
        path = where
        while path not in self.lines:
            path = path[:-1]
        dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")
        return ": ".join(part for part in (f"{self.name}:{self.lines[path]}", dotted) if part)


def bundled_configs() -> dict[str, Path]:
    """Return the mesh files that come with Hive, by name: those of the checkout, or those that were installed."""
    checkout = Path(__file__).resolve().parent.parent / _FOLDER
    installed = Path(sysconfig.get_path("data")) / "share" / "hive" / _FOLDER
    folder = checkout if checkout.is_dir() else installed
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


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
    here = [str(near) for near in sorted(folder.glob("*.y*ml")) if near.is_file()]
    near = difflib.get_close_matches(name, [*here, *bundled], 3, 0.5)
    what = f"There is no file {name!r}" if not name.isprintable() or not name else f"There is no file {name}"
    if name and path.exists():
        what = f"{name} is a directory" if path.is_dir() else f"{name} is no regular file"
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    known = ", ".join(bundled) or "none"
    raise HiveError("config_not_found", f"{what}.{hint} Bundled configurations: {known}.", near=near)


def read_source(path_or_name: str | Path) -> Source:
    """Read a file, or a bundled one by name. Raises HiveError(config_not_found) or HiveError(config_invalid)."""
    path = find_source(path_or_name)
    try:
        return parse_source(path.read_text(encoding="utf-8"), _shown(path))
    except UnicodeDecodeError as error:
        raise HiveError("config_invalid", f"{path}: not UTF-8 text at byte {error.start}.") from error
    except OSError as error:
        raise HiveError("config_not_found", f"{path} cannot be read: {error.strerror}.") from error


def parse_source(text: str, name: str) -> Source:
    """Parse YAML and note the lines. Raises HiveError(config_invalid) for bad YAML and duplicate keys."""
    lines: dict[Where, int] = {}
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is None:
            advice = "write at least `mesh` and `sites`; `hive config schema` describes what a file may hold"
            raise HiveError("config_invalid", f"{name}: the file is empty; {advice}.")
        _walk(root, (), lines, name)
        return Source(name, yaml.safe_load(text), lines)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise HiveError(
            "config_invalid", f"{name}{line}: {error.problem or error}; correct the YAML."
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        raise HiveError("config_invalid", f"{name}: {error}.") from error
    except RecursionError:
        raise HiveError("config_invalid", f"{name}: the parts are nested too deeply.") from None


def _walk(node: yaml.Node, where: Where, lines: dict[Where, int], name: str) -> None:
    """Note the line of each value; an alias is walked again under its own path, so their number is bounded."""
    lines.setdefault(where, node.start_mark.line + 1)
    if len(lines) > _MAX_VALUES:
        raise HiveError("config_invalid", f"{name}: more than {_MAX_VALUES} values; use fewer aliases.")
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise HiveError("config_invalid", f"{name}:{line}: a key must be a plain word.")
            if key.value in seen:
                again = f"{key.value!r} is given twice, first in line {seen[key.value]}"
                raise HiveError("config_invalid", f"{name}:{line}: {again}; remove one.")
            seen[key.value] = line
            lines[(*where, key.value)] = line
            _walk(value, (*where, key.value), lines, name)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*where, index), lines, name)


def _shown(path: Path) -> str:
    """Return a path as people would write it here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
