"""Marked texts are checked as a whole and split without leakage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("pandas")

from hive.errors import HiveError
from specialists.forge.data.findings import Findings
from specialists.forge.data.normal import normalised
from specialists.forge.sources.values import MarkedText, Span
from specialists.forge.tag.corpus import load_corpus
from specialists.forge.tag.prepare import TagFiles, corpus_of, marked_texts

CITIES = ("Oslo", "Lima", "Rome", "Cairo", "Perth", "Quito", "Turin", "Accra", "Delhi", "Kyoto")
VERBS = ("fly", "walk", "drive", "write", "ring", "sail", "cycle", "hurry", "return", "wander")


def texts(intent: str = "go") -> list[MarkedText]:
    made = []
    for n, verb in enumerate(VERBS):
        for m, city in enumerate(CITIES):
            start = len(f"{verb} {n * 31 + m * 7} times to ")
            text = f"{verb} {n * 31 + m * 7} times to {city}"
            made.append(
                MarkedText(text, (Span(start, len(text), "city"),), intent=intent if n % 2 else "stay")
            )
    return made


def said(findings: Findings) -> dict[str, str]:
    return {found.code: found.sentence for found in findings.items}


def test_parts_share_no_text_and_hold_every_intent(tmp_path: Path) -> None:
    findings = Findings()
    corpus = corpus_of({"train": texts()}, 1, findings)
    keys = [{normalised(t.text) for t in part} for part in (corpus.train, corpus.validation, corpus.test)]
    assert sum(map(len, keys)) == len(set.union(*keys)) == 100
    assert min(map(len, keys)) >= 8
    for part in (corpus.train, corpus.validation, corpus.test):
        assert {t.intent for t in part} == {"go", "stay"}
    assert corpus.inventory.tags == ("O", "B-city", "I-city")
    assert set(said(findings)) == {"texts_few"}
    corpus.save(tmp_path)
    assert load_corpus(tmp_path) == corpus
    assert corpus_of({"train": texts()}, 1, Findings()) == corpus


def test_a_given_test_part_is_not_learned_from() -> None:
    findings = Findings()
    held = texts()[:20]
    corpus = corpus_of({"train": texts(), "test": held}, 1, findings)
    assert corpus.test == tuple(held)
    assert not {t.text for t in held} & {t.text for t in (*corpus.train, *corpus.validation)}
    assert said(findings)["parts_overlap"].startswith("20 texts of the data are in the test file too")


def test_repeats_stay_once_with_what_most_copies_have() -> None:
    odd = MarkedText("Fly 0 times to Oslo!", (), intent="stay")
    findings = Findings()
    corpus = corpus_of({"train": [odd, *texts(), *texts()]}, 1, findings)
    found = [t for part in (corpus.train, corpus.validation, corpus.test) for t in part]
    assert len(found) == 100
    assert all(t.spans for t in found)
    assert said(findings)["rows_twice"] == "101 texts of 201 repeat another; left out."
    assert said(findings)["marks_differ"].startswith("1 text occur")


def refused(given: list[MarkedText]) -> str:
    with pytest.raises(HiveError) as caught:
        corpus_of({"train": given}, 1, Findings())
    assert caught.value.code == "data_invalid"
    return caught.value.detail


def test_nothing_to_learn() -> None:
    bare = [MarkedText(t.text, ()) for t in texts()]
    assert refused(bare) == "None of 100 texts has a span: there is nothing to learn."
    assert refused(texts()[:5]) == "There are 5 different texts; 20 are the least to learn from."


def test_intents_that_are_no_classes_are_left_out() -> None:
    findings = Findings()
    corpus = corpus_of({"train": [MarkedText(t.text, t.spans, intent="x") for t in texts()]}, 1, findings)
    assert corpus.inventory.intents == ()
    assert "there is one alone" in said(findings)["intents_no_classes"]
    findings = Findings()
    corpus_of({"train": [MarkedText(t.text, t.spans, intent=t.text) for t in texts()]}, 1, findings)
    assert "100 in 100 texts" in said(findings)["intents_no_classes"]


def test_ends_that_are_the_last_character_are_noticed() -> None:
    short = [MarkedText(t.text, (Span(t.spans[0].start, t.spans[0].end - 1, "city"),)) for t in texts()]
    short = [MarkedText(f"{t.text} now", t.spans) for t in short]
    findings = Findings()
    corpus_of({"train": short}, 1, findings)
    assert said(findings)["spans_cut_words"].endswith(
        "Are their ends the last character? They must be one after it."
    )


def test_files_are_read_and_a_strange_type_in_the_test_file_is_named(tmp_path: Path) -> None:
    rows = [{"text": t.text, "spans": [[s.start, s.end, s.kind] for s in t.spans]} for t in texts()]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "b.jsonl").write_text(json.dumps({"text": "go home", "spans": [[3, 7, "place"]]}) + "\n")
    findings = Findings()
    corpus = marked_texts(TagFiles(tmp_path / "a.jsonl", test=tmp_path / "b.jsonl"), 1, findings)
    assert len(corpus.test) == 1
    assert "The test part has 1 type that training lacks, such as 'place'" in said(findings)["kinds_unknown"]
