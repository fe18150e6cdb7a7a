"""Planted bugs: small mistakes that are put into production functions for a while, and taken out again.

The house rule is that nothing is patched: a fake implements the production port. Here the mistake itself is the
subject. A mutant is a list of edits, each of which replaces one piece of text in the source of one production function
and gives the function the code that results. So whoever has imported the function runs the mutant, and its frames
still show the file. An edit is checked when it is made: a function that was renamed, and a text that is not in it
exactly once, are errors that say so, and a mutant can never pass because it has silently become harmless.
"""

from __future__ import annotations
import __future__

import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType


class UnfitError(AssertionError):
    """A mutant does not fit the production code any more."""


class Edit:
    """Texts in one function, `module:name` or `module:Class.name`, and what is to stand there instead."""

    __slots__ = ("function", "mutated", "original", "where")

    def __init__(self, where: str, *texts: str) -> None:
        """Find the function and compile its mutant: `texts` are what is replaced and by what, in turn.

        Raises UnfitError.
        """
        self.where = where
        self.function = _find(where)
        self.original = self.function.__code__
        self.mutated = _compile(self.function, where, texts)

    def plant(self) -> None:
        """Give the function the mutant's code."""
        self.function.__code__ = self.mutated

    def pull(self) -> None:
        """Give the function its own code back."""
        self.function.__code__ = self.original


@dataclass(frozen=True)
class Mutant:
    """A bug: its name, what it is, the edits that make it, where it is looked for, and what should catch it.

    The sweep of `scenario` must catch it; `expects` are the invariants of which one must break, so that a mutant does
    not count as caught by an accident.
    """

    name: str
    what: str
    edits: tuple[Edit, ...]
    scenario: str
    expects: frozenset[str]

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Run production code with this bug in it."""
        for edit in self.edits:
            edit.plant()
        try:
            yield
        finally:
            for edit in self.edits:
                edit.pull()


def _find(where: str) -> FunctionType:
    module, _, path = where.partition(":")
    found: object = importlib.import_module(module)
    for name in path.split("."):
        found = vars(found).get(name)
        if isinstance(found, property):
            found = found.fget
    if not isinstance(found, FunctionType):
        raise UnfitError(f"{where} is no function any more; the mutant has to follow the production code")
    return found


def _compile(function: FunctionType, where: str, texts: tuple[str, ...]) -> CodeType:
    lines, first = inspect.getsourcelines(function)
    source = "".join(lines)
    for old, new in zip(texts[::2], texts[1::2], strict=True):
        count = source.count(old)
        if count != 1:
            said = f"{where} has {count} times what the mutant replaces, and should have it once: {old!r}"
            raise UnfitError(said)
        source = source.replace(old, new)
    # A method stands indented in its file and is compiled so; the lines keep their numbers.
    above = "\n" * (first - 2) + "if True:\n" if source[0].isspace() else "\n" * (first - 1)
    flags = __future__.annotations.compiler_flag
    file = function.__code__.co_filename
    try:
        module = compile(above + source, file, "exec", flags=flags, dont_inherit=True)
    except SyntaxError as error:
        raise UnfitError(f"{where} is no Python any more with the mutant in it: {error}") from error
    names = [c for c in module.co_consts if isinstance(c, CodeType) and c.co_name == function.__name__]
    if len(names) != 1 or names[0].co_freevars != function.__code__.co_freevars:
        raise UnfitError(f"{where} cannot be compiled by itself")
    return names[0]
