"""Nobody decides by wall time: a clock that jumps by a day must not move a deadline, a lease or a beat."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("hive", "specialists", "conductor")
WALL = frozenset(
    [
        "time.time",
        "time.time_ns",
        "time.localtime",
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
    ]
)

# path -> what it needs the wall clock for
ALLOWED = {
    "hive/clock.py": "the port itself: wall time is for people",
    "hive/clients/moment.py": "the age of what lies on a disk, across a start of the machine only",
    "conductor/store/timeline.py": "how long a machine was away, across a start of it only",
    "conductor/control/process.py": "a first generation unlike those of earlier starts; its size does not matter",
}


def _calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            yield f"{node.value.attr}.{node.attr}"


def _wall_readers() -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if "forge" not in path.parts and not WALL.isdisjoint(_calls(path))
    }


def test_wall_time_is_read_only_where_nothing_is_decided_by_it() -> None:
    assert _wall_readers() == ALLOWED.keys()


def test_cores_read_no_clock_at_all() -> None:
    cores = [ROOT / "conductor" / "core", ROOT / "specialists" / "core", ROOT / "hive" / "core"]
    imports = {
        str(path.relative_to(ROOT))
        for core in cores
        for path in core.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Import) and any(name.name in {"time", "datetime"} for name in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module in {"time", "datetime", "hive.clock"})
    }
    assert imports == set()
