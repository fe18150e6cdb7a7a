"""Nothing in the repository names one machine's folders or the host that a package came from."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Written in pieces, so that this file does not find itself.
FORBIDDEN = re.compile(
    "(^|[^a-z])/" + "(work|farm)/" + "[a-z.]|" + "py" + r"pi\.org|python" + "hosted|registry" + r"\.npm",
    re.MULTILINE,
)
SKIPPED_FOLDERS = {".git", ".venv", "site", "build", "dist", "reports", "shared", "__pycache__"}


def _tracked() -> list[Path]:
    """Return the files of the repository: those that git tracks, or all that are here where there is no git."""
    try:
        done = subprocess.run(
            ["git", "ls-files", "-z"],  # noqa: S607 - whichever git the user has
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        names = [ROOT / name for name in done.stdout.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [path for path in ROOT.rglob("*") if not SKIPPED_FOLDERS & set(path.relative_to(ROOT).parts)]
    return [path for path in names if path.is_file()]


def _text(path: Path) -> str:
    data = path.read_bytes()
    return "" if b"\0" in data else data.decode("utf-8", errors="replace")


def test_no_file_names_a_machine_or_a_host_of_packages() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {match.group().strip()}"
        for path in _tracked()
        for match in FORBIDDEN.finditer(_text(path))
    }
    assert found == set()
