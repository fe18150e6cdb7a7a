"""What all tests share: their order, a state folder of their own, and who may make network namespaces."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Before any library makes its threads: on a busy machine those of OpenMP wait for each other by spinning, and a test of
# two seconds takes a minute. Processes that a test starts inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# No deadline per example, because a shared machine may pause at any time; and in CI the same examples in each run.
settings.register_profile("hive", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("hive")

# Quick and narrow first: when a pure core is wrong, its own test should be the first to say so.
_ORDER = ("unit", "contract", "property", "architecture", "docs", "integration", "acceptance", "benchmarks")
_TESTS = Path(__file__).parent


def _rank(item: pytest.Item) -> int:
    folder = item.path.relative_to(_TESTS).parts[0] if item.path.is_relative_to(_TESTS) else ""
    return _ORDER.index(folder) if folder in _ORDER else len(_ORDER)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests by their folder, and skip what needs root where there is none."""
    items.sort(key=_rank)
    if os.geteuid() != 0:
        for item in items:
            if item.get_closest_marker("netns"):
                item.add_marker(pytest.mark.skip(reason="making network namespaces needs root"))


@pytest.fixture(scope="session", autouse=True)
def hive_home() -> Iterator[Path]:
    """Give every process that a test starts a state folder that no real mesh uses.

    It has a short path, because a Unix socket's path may have no more than about 100 bytes.
    """
    home = Path(tempfile.mkdtemp(prefix="hive-"))
    before = os.environ.get("HIVE_HOME")
    os.environ["HIVE_HOME"] = str(home)
    yield home
    if before is None:
        del os.environ["HIVE_HOME"]
    else:
        os.environ["HIVE_HOME"] = before
    shutil.rmtree(home, ignore_errors=True)
