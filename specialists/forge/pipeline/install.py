"""Puts a finished specialist where the user wants it, and never destroys anything else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hive.errors import HiveError
from specialists.forge.pipeline.cache import DONE
from specialists.manifest import FILE_NAME


def refuse_foreign(target: Path) -> None:
    """Raise HiveError(bad_request) if `target` is something that is no specialist, before any work is done."""
    if target.exists() and not target.is_dir():
        raise HiveError("bad_request", f"--out {target} is a file. Name a directory.")
    if target.is_dir() and any(target.iterdir()) and not (target / FILE_NAME).is_file():
        raise HiveError(
            "bad_request",
            f"--out {target} has files and is no specialist, so it is left alone. Name another directory.",
        )


def install(finished: Path, target: Path) -> None:
    """Copy a finished specialist to `target` in one step; one that was there is replaced."""
    refuse_foreign(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh, old = (target.with_name(f".{target.name}.{word}-{os.getpid()}") for word in ("new", "old"))
    shutil.copytree(finished, fresh, ignore=shutil.ignore_patterns(DONE))
    if target.exists():
        target.replace(old)
    fresh.replace(target)
    shutil.rmtree(old, ignore_errors=True)
