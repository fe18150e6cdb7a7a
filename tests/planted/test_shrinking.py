"""A failing plan becomes a handful of lines that break the same invariant again."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from tests.planted import hunting


@pytest.mark.integration
@pytest.mark.timeout(300)
def test_a_planted_bug_shrinks_to_a_few_faults_and_the_file_shows_it_again(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        small = pool.submit(hunting.shrunk, "gate-skipped-at-the-entrance", tmp_path / "small.json").result()
    assert small.invariant == "misplaced"
    assert small.minimal
    assert small.faults <= 3
    assert small.submissions <= 3
    assert "misplaced" in small.again
