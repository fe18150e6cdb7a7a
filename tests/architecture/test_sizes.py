"""Small modules and small functions; whoever needs more gives a reason here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("hive", "specialists", "conductor", "simulation")
MAX_MODULE_LINES = 300
MAX_FUNCTION_LINES = 60

# path -> why it is longer
LONG_MODULES = {
    "hive/wire/messages.py": "every message of the protocol in one place, so that the union is seen to be closed",
    "hive/transport/zeromq.py": "the one module that may import zmq",
}
# path:function -> why it is longer
LONG_FUNCTIONS = {
    "hive/errors.py:_entries": "a table: one line for each error",
}


def _modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the name and the number of lines of each function, without its decorators and docstring."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if ast.get_docstring(node) is not None:
            text = node.body[0]
            lines -= (text.end_lineno or text.lineno) - text.lineno + 1
        yield node.name, lines


def test_modules_stay_small_or_say_why() -> None:
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in _modules()
    }
    assert {name: n for name, n in sizes.items() if n > MAX_MODULE_LINES and name not in LONG_MODULES} == {}


def test_functions_stay_small_or_say_why() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{name}": lines
        for path in _modules()
        for name, lines in _functions(path)
        if lines > MAX_FUNCTION_LINES
    }
    assert {name: n for name, n in long.items() if name not in LONG_FUNCTIONS} == {}


def test_no_exception_outlives_its_reason() -> None:
    modules = {str(path.relative_to(ROOT)): path for path in _modules()}
    stale = [name for name in LONG_MODULES if len(modules[name].read_text().splitlines()) <= MAX_MODULE_LINES]
    for entry in LONG_FUNCTIONS:
        path, _, function = entry.partition(":")
        if max(lines for name, lines in _functions(modules[path]) if name == function) <= MAX_FUNCTION_LINES:
            stale.append(entry)
    assert stale == []
