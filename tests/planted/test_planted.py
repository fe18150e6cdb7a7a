"""The smoke sweep catches every planted bug, for the right reason, and finds nothing where none is planted."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.planted.hunting import Catch, clean, hunt
from tests.planted.mutants import MUTANTS
from tests.planted.planting import Edit, UnfitError

SEEDS = 24
"""Seeds of a scenario within which a bug must show; most show in the first."""
CLEAN = {"smoke": 6, "policy": 6, "partitions": 2, "poison": 2, "restarts": 2, "storm": 1, "flood": 1}
ROOM_S = 600


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Processes of their own: a planted bug is one for the whole process, and no test here may run beside it."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.integration
@pytest.mark.timeout(ROOM_S)
def test_every_planted_bug_is_caught_by_an_invariant_that_speaks_of_it(pool: ProcessPoolExecutor) -> None:
    caught: list[Catch] = list(pool.map(hunt, [mutant.name for mutant in MUTANTS], [SEEDS] * len(MUTANTS)))
    missed = {catch.mutant: catch.broken for catch in caught if catch.seed is None}
    assert missed == {}


@pytest.mark.integration
@pytest.mark.timeout(ROOM_S)
def test_the_same_seeds_without_a_bug_are_clean(pool: ProcessPoolExecutor) -> None:
    assert {mutant.scenario for mutant in MUTANTS} == CLEAN.keys()
    found = dict(zip(CLEAN, pool.map(clean, CLEAN, CLEAN.values()), strict=True))
    assert {scenario: broken for scenario, broken in found.items() if broken} == {}


def test_names_are_unique_and_there_are_many() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) > 20


def test_a_bug_is_in_the_function_only_while_it_is_planted() -> None:
    mutant = MUTANTS[0]
    codes = [edit.function.__code__ for edit in mutant.edits]
    with mutant.planted():
        assert [edit.function.__code__ for edit in mutant.edits] == [edit.mutated for edit in mutant.edits]
    assert [edit.function.__code__ for edit in mutant.edits] == codes


@pytest.mark.parametrize(
    ("where", "old", "says"),
    [
        ("conductor.core.work:answerd", "task", "is no function any more"),
        ("conductor.core.work:answered", "no such text", "has 0 times"),
        ("conductor.core.work:answered", "attempt", "times what the mutant replaces"),
    ],
)
def test_a_mutant_that_does_not_fit_any_more_says_so(where: str, old: str, says: str) -> None:
    with pytest.raises(UnfitError, match=says):
        Edit(where, old, "pass")
