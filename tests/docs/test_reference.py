"""The reference pages say what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from hive.errors import CATALOGUE
from hive.types import BUILTIN, DataType

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_script", ROOT / "scripts" / "reference.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_current() -> None:
    for path, text in load_script().write().items():
        assert path.read_text(encoding="utf-8") == text, f"run: python scripts/reference.py ({path.name})"


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_code_is_documented(code: str) -> None:
    assert f"| `{code}` |" in (REFERENCE / "errors.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", BUILTIN, ids=lambda kind: kind.name)
def test_every_type_is_documented_in_words_too(kind: DataType) -> None:
    page = (REFERENCE / "types.md").read_text(encoding="utf-8")
    assert page.count(f"\n| `{kind.name}` |") == 2
