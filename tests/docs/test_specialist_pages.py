"""Each bundled specialist has its page, which says what its directory says and what it really answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scripts import specialist_pages as pages
from scripts.quality_picture import Point, picture
from specialists.load import bundled

NAMES = sorted({path.parent.name for path in bundled()})


def same(shown: object, found: object) -> bool:
    """Say whether two answers are the same but for what another processor's arithmetic may change."""
    if isinstance(shown, dict) and isinstance(found, dict):
        return shown.keys() == found.keys() and all(same(shown[key], found[key]) for key in shown)
    if isinstance(shown, list) and isinstance(found, list):
        return len(shown) == len(found) and all(map(same, shown, found))
    if isinstance(shown, float) and isinstance(found, float):
        return abs(shown - found) <= 0.05
    return shown == found


def test_the_pages_are_current() -> None:
    for path, text in pages.write().items():
        assert path.read_text(encoding="utf-8") == text, (
            f"run: python -m scripts.specialist_pages ({path.name})"
        )


def test_there_is_a_page_for_each_specialist_and_no_other() -> None:
    assert sorted(path.stem for path in pages.FOLDER.glob("*.md")) == sorted(["index", *NAMES])


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_that_a_page_shows_is_the_specialists(name: str) -> None:
    shown, found = pages.read_answers()[name], pages.answer_of(name)
    assert same(shown, found), f"{shown}\n{found}"


def test_a_picture_has_a_panel_for_each_cost_that_was_measured() -> None:
    teacher = Point("teacher", 0.967, 0.967, 0.967, 91e6, 2.55)
    student = Point("student int8", 0.955, 0.949, 0.96, 1.5e6, 0.096)
    drawn = picture("accuracy", [teacher, student])
    assert drawn.count("<rect") == 2
    assert "student int8: 0.955, 1.5 MB, 0.096 ms" in drawn
    untimed = picture("accuracy", [replace(teacher, p50_ms=0.0), student])
    assert untimed.count("<rect") == 1
    assert "student int8: 0.955, 1.5 MB<" in untimed
    assert picture("accuracy", [student]).count("<circle") == 2
