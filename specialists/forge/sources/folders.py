"""The public data sets that recipes name, and where their files lie below the data directory. None is part of Hive."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hive.errors import HiveError

SOURCES: Final[Mapping[str, str | None]] = {
    "ai4i2020": "ai4i2020",
    "clinc150": "clinc150",
    "german_credit": "german_credit",
    "hwu64": "hwu64",
    "mts_dialog": "mts_dialog",
    "nab": "nab",
    "ner": "ner",
    "presidio_research": "presidio_research",
    "skab": "skab",
    "transactions": None,
}
"""Names and folders; None is made by a generator of the forge and has no files."""


def root_of(given: str | None) -> Path | None:
    """Return the directory of the public data sets: `given`, else the environment's HIVE_DATA, else None."""
    path = given or os.environ.get("HIVE_DATA")
    return Path(path) if path else None


def folder_of(name: str, root: Path | None) -> Path | None:
    """Return the folder of a source below `root`; None for a generated one.

    Raises HiveError: recipe_invalid for an unknown name, data_invalid if the folder is not there.
    """
    if name not in SOURCES:
        near = difflib.get_close_matches(name, SOURCES, 2, 0.5)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(SOURCES)}."
        raise HiveError("recipe_invalid", f"`data.source`: there is no data set {name!r}. {hint}")
    folder = SOURCES[name]
    if folder is None:
        return None
    if root is None:
        raise HiveError(
            "data_invalid",
            f"This recipe reads {name}. Say where the data sets lie: --data-root DIR, or set HIVE_DATA.",
        )
    if not (root / folder).is_dir():
        raise HiveError("data_invalid", f"There is no folder {root / folder}, which has the data set {name}.")
    return root / folder
