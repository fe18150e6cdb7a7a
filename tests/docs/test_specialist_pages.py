"""Each bundled specialist has its page, which says what its directory says and what it really answers."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from specialists.load import bundled

ROOT = Path(__file__).parents[2]
NAMES = sorted({path.parent.name for path in bundled()})


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pages", ROOT / "scripts" / "specialist_pages.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = _script()


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
    for path, text in PAGES.write().items():
        assert path.read_text(encoding="utf-8") == text, (
            f"run: python scripts/specialist_pages.py ({path.name})"
        )


def test_there_is_a_page_for_each_specialist_and_no_other() -> None:
    assert sorted(path.stem for path in PAGES.FOLDER.glob("*.md")) == sorted(["index", *NAMES])


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_that_a_page_shows_is_the_specialists(name: str) -> None:
    shown, found = PAGES.read_answers()[name], PAGES.answer_of(name)
    assert same(shown, found), f"{shown}\n{found}"
