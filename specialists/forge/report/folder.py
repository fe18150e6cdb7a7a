"""Where the report of a build goes, and what it never overwrites."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hive.errors import HiveError

REPORT_JSON: Final = "report.json"


def report_folder(target: Path) -> Path:
    """Return where the report of the specialist in `target` goes: beside it, so that it is no part of it."""
    return target.with_name(f"{target.name}.report")


def refuse_foreign_report(target: Path) -> None:
    """Raise HiveError(bad_request) if the report's folder is there and holds something else."""
    folder = report_folder(target)
    if folder.exists() and not (
        folder.is_dir() and ((folder / REPORT_JSON).is_file() or not any(folder.iterdir()))
    ):
        raise HiveError(
            "bad_request",
            f"{folder} is where the report would go, and it holds something else, so it is left alone. Move it, or "
            "name another --out.",
        )
