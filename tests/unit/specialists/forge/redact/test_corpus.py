"""Examples carry what each part may be, and templates that are alike never part."""

from __future__ import annotations

from specialists.forge.redact.corpus import template_parts
from specialists.forge.redact.examples import EVERY, example_of, patterns_of
from specialists.forge.sources.values import MarkedText, Span

PLAIN = frozenset({"O"})


def test_templates_that_differ_in_signs_alone_are_in_one_part() -> None:
    templates = [f"{{}} asked {{}} about item {n} of the list" for n in range(40)]
    twins = [f"\\{{}} asked {{}} about item {n} of the list!" for n in range(40)]
    parts = template_parts([*templates, *twins])
    assert all(parts[one] == parts[two] for one, two in zip(templates, twins, strict=True))


def test_templates_go_to_all_three_parts() -> None:
    words = [f"word{n} other{n * 7} third{n * 11}" for n in range(60)]
    assert set(template_parts(words).values()) == {0, 1, 2}


def test_a_mark_without_a_name_of_ours_is_nothing_personal() -> None:
    text = MarkedText("Mrs Jones", (Span(4, 9, "PERSON"), Span(0, 3, "TITLE")))
    example = example_of(text, {"PERSON": "PERSON"}, PLAIN, "x", "g")
    assert [mark.kind for mark in example.marks] == ["TITLE", "PERSON"]
    assert example.options(0, 3) == PLAIN
    assert example.options(5, 6) == frozenset({"PERSON"})
    assert example.options(3, 4) == PLAIN


def test_patterns_come_from_completely_marked_texts_only() -> None:
    names = {"PERSON": "PERSON"}
    text = MarkedText("Dr Ann met Bob", (Span(3, 6, "PERSON"), Span(11, 14, "PERSON"), Span(0, 2, "TITLE")))
    whole = example_of(text, names, PLAIN, "presidio", "g")
    part = example_of(text, names, EVERY - {"PERSON"}, "btc", "g")
    assert patterns_of([whole, part]) == ["Dr {PERSON} met {PERSON}"]
