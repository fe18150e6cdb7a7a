"""The files of a specialist as they lie on disk: plain ones only, and JSON without repeated fields."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path

from hive.errors import HiveError

Json = Mapping[str, object]


def read_plain(path: Path, limit: int) -> bytes:
    """Return up to `limit` bytes of a regular file; a link may lead out of the directory, so it is refused."""
    try:
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            raise HiveError("manifest_invalid", f"{path} is not a plain file. Copy the file itself there.")
        with path.open("rb") as file:
            return file.read(limit)
    except FileNotFoundError as error:
        raise HiveError("model_not_found", f"{path} is missing. Restore it, or check the path.") from error
    except OSError as error:
        raise HiveError("model_not_found", f"{path} cannot be read: {error.strerror}.") from error


def parsed(path: Path, content: bytes) -> Json:
    """Return the JSON object in `content`; raise HiveError(manifest_invalid) that says where it is none."""
    try:
        document = json.loads(content.decode("utf-8"), object_pairs_hook=_without_repeats)
    except UnicodeDecodeError as error:
        raise HiveError("manifest_invalid", f"{path} is not UTF-8 at byte {error.start}.") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise HiveError("manifest_invalid", f"{path}, {where}: {error.msg}. Correct the JSON.") from error
    except (RecursionError, ValueError) as error:
        raise HiveError("manifest_invalid", f"{path}: {error}.") from error
    if not isinstance(document, dict):
        raise HiveError("manifest_invalid", f"{path} must hold a JSON object.")
    return document


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the field {name!r} is given twice")
    return dict(pairs)
