"""Labelled texts are loaded, checked and split; what is wrong with them is said in sentences with row numbers."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("pandas", reason="the forge is not installed")

from hive.errors import HiveError
from specialists.forge.data.corpus import Corpus, load_corpus
from specialists.forge.data.normal import near_groups, normalised
from specialists.forge.data.text_files import NO_LABEL, TextFiles, labelled_texts

COLOURS = ("red", "green", "blue", "amber", "violet", "black", "white", "pink", "brown", "grey")
THINGS = ("door", "window", "lamp", "table", "chair", "carpet", "mirror", "shelf", "kettle", "pillow")
Row = Sequence[object]


def good_rows(per_class: int = 30) -> list[Row]:
    pairs = [(a, b) for a in COLOURS for b in THINGS]
    rows: list[Row] = []
    for n, (colour, thing) in enumerate(pairs[:per_class]):
        rows.append((f"please paint {pairs[-n - 1][1]} {n * 7919} in {colour}", "colours"))
        rows.append((f"where did you buy that {thing} {n * 104729} yesterday", "shops"))
    return rows


def write(path: Path, rows: Sequence[Row], header: Row = ("text", "label")) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def codes(corpus: Corpus) -> list[str]:
    return [finding.code for finding in corpus.findings]


def sentence(corpus: Corpus, code: str) -> str:
    (found,) = [finding.sentence for finding in corpus.findings if finding.code == code]
    return found


def refusal(files: TextFiles) -> HiveError:
    with pytest.raises(HiveError) as caught:
        labelled_texts(files, seed=1)
    assert caught.value.code == "data_invalid"
    return caught.value


def test_good_data_is_split_without_leakage_and_nothing_is_said(tmp_path: Path) -> None:
    corpus = labelled_texts(TextFiles(write(tmp_path / "good.csv", good_rows())), seed=1)
    assert codes(corpus) == []
    assert corpus.classes == ("colours", "shops")
    assert {name: len(part) for name, part in corpus.parts.items()} == {
        "train": 42,
        "validation": 9,
        "test": 9,
    } or (sum(len(part) for part in corpus.parts.values()) == 60)
    keys = [{normalised(text) for text in part.texts} for part in corpus.parts.values()]
    assert not keys[0] & keys[1]
    assert not keys[0] & keys[2]
    assert not keys[1] & keys[2]
    assert all({"shops", "colours"} == set(part.labels) for part in corpus.parts.values())


def test_the_same_file_and_seed_give_the_same_parts_and_another_seed_others(tmp_path: Path) -> None:
    files = TextFiles(write(tmp_path / "good.csv", good_rows()))
    one, again, other = (labelled_texts(files, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one.digest == again.digest != other.digest


def test_a_corpus_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    rows = [
        *good_rows(),
        (
            "two\u2028lines \x85 and a \ud83d\ude80".encode("utf-16", "surrogatepass").decode("utf-16"),
            "shops",
        ),
    ]
    corpus = labelled_texts(TextFiles(write(tmp_path / "good.csv", rows)), seed=1)
    corpus.save(tmp_path)
    assert load_corpus(tmp_path) == corpus


def test_near_duplicates_stay_in_one_part(tmp_path: Path) -> None:
    rows = good_rows()
    rows += [(f"{text}!!", label) for text, label in rows]
    rows += [(f"{text} now", label) for text, label in rows]
    corpus = labelled_texts(TextFiles(write(tmp_path / "near.csv", rows)), seed=1)
    texts = [text for part in corpus.parts.values() for text in part.texts]
    part_of = [name for name, part in corpus.parts.items() for _ in part.texts]
    groups = near_groups([normalised(text) for text in texts])
    homes: dict[int, set[str]] = {}
    for group, part in zip(groups, part_of, strict=True):
        homes.setdefault(int(group), set()).add(part)
    assert 60 <= len(homes) <= 62  # of the pairs that are just near enough one in a hundred may be missed
    assert all(len(parts) == 1 for parts in homes.values())


def test_missing_texts_and_labels_are_left_out_and_named(tmp_path: Path) -> None:
    rows = [
        ("", "shops"),
        ("a text without a label", ""),
        ("  ", "shops"),
        ("another one", "nan"),
        *good_rows(),
    ]
    corpus = labelled_texts(TextFiles(write(tmp_path / "gaps.csv", rows)), seed=1)
    assert sentence(corpus, "text_missing") == (
        "gaps.csv: the text is missing in 2 rows of 64 (rows 2 and 4). They are left out."
    )
    assert sentence(corpus, "label_missing") == (
        "gaps.csv: the label is missing in 2 rows of 64 (rows 3 and 5). They are left out."
    )
    assert sum(len(part) for part in corpus.parts.values()) == 60


def test_a_column_that_is_not_there_is_guessed_at(tmp_path: Path) -> None:
    path = write(tmp_path / "good.csv", good_rows(), ("utterance", "topic"))
    error = refusal(TextFiles(path, text="uterance", label="kind"))
    assert error.detail.splitlines() == [
        "There is no column 'uterance' (--text-column): did you mean 'utterance'? The file has utterance and topic.",
        "There is no column 'kind' (--label-column): The file has utterance and topic.",
    ]


@pytest.mark.parametrize(("text", "label"), [(None, None), ("UTTERANCE", "Topic"), ("1", "2")])
def test_columns_are_found_by_usual_name_by_any_case_and_by_number(
    tmp_path: Path, text: str | None, label: str | None
) -> None:
    path = write(tmp_path / "good.csv", good_rows(), ("utterance", "topic"))
    assert labelled_texts(TextFiles(path, text=text, label=label), seed=1).classes == ("colours", "shops")


def test_one_class_is_nothing_to_tell_apart(tmp_path: Path) -> None:
    path = write(tmp_path / "one.csv", [(text, "colours") for text, _ in good_rows()])
    assert refusal(TextFiles(path)).detail == (
        "Every row has the label 'colours'. There is nothing to tell apart: at least two classes are needed."
    )


def test_twenty_rows_are_enough_to_try_and_too_few_to_trust(tmp_path: Path) -> None:
    corpus = labelled_texts(TextFiles(write(tmp_path / "few.csv", good_rows(10))), seed=1)
    assert codes(corpus) == ["rows_few"]
    assert "2 classes with fewer than 20 different texts ('colours' (10) and 'shops' (10))" in sentence(
        corpus, "rows_few"
    )
    assert all(len(part) >= 2 for part in corpus.parts.values())


def test_three_rows_are_refused(tmp_path: Path) -> None:
    error = refusal(TextFiles(write(tmp_path / "tiny.csv", good_rows()[:3])))
    assert "That leaves fewer than two classes" in error.detail


def test_classes_too_rare_to_split_are_left_out(tmp_path: Path) -> None:
    rows = [*good_rows(), ("call me a taxi", "call"), ("ring them up", "call")]
    corpus = labelled_texts(TextFiles(write(tmp_path / "rare.csv", rows)), seed=1)
    assert corpus.classes == ("colours", "shops")
    assert sentence(corpus, "classes_small") == (
        "1 class with fewer than 4 different texts: 'call' (2). They are left out; collect more rows of them."
    )


def test_repeated_rows_count_once_and_contradictions_go_to_the_majority(tmp_path: Path) -> None:
    twice = good_rows()[0]
    rows = [*good_rows(), twice, ("Same thing", "shops"), ("same thing!", "shops"), ("SAME THING", "colours")]
    corpus = labelled_texts(TextFiles(write(tmp_path / "twice.csv", rows)), seed=1)
    assert sentence(corpus, "rows_twice").startswith(
        "twice.csv: 2 rows that repeat an earlier text and label"
    )
    assert "'Same thing' in rows 63 and 65: 'shops' and 'colours'" in sentence(corpus, "labels_differ")
    found = {
        text: label
        for part in corpus.parts.values()
        for text, label in zip(part.texts, part.labels, strict=True)
        if "ame" in text
    }
    assert found == {"Same thing": "shops"}


def test_a_measured_number_is_no_class(tmp_path: Path) -> None:
    rows = [(text, n * 1.37) for n, (text, _) in enumerate(good_rows(60))]
    assert "measured value, not a class" in refusal(TextFiles(write(tmp_path / "number.csv", rows))).detail


def test_texts_in_the_place_of_labels_are_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "good.csv", good_rows())
    assert "the right way round?" in refusal(TextFiles(path, text="label", label="text")).detail


def test_long_texts_and_labels_within_texts_are_pointed_out(tmp_path: Path) -> None:
    rows = [(f"{label}: {text}", label) for text, label in good_rows()]
    rows.append(("shops " * 500, "shops"))
    corpus = labelled_texts(TextFiles(write(tmp_path / "odd.csv", rows)), seed=1)
    assert codes(corpus) == ["texts_long", "label_in_text"]
    assert (
        "1 text of 61 (2%) longer than the 48 words or so that the model reads; the longest has 500"
        in sentence(corpus, "texts_long")
    )


def test_given_test_and_validation_files_are_kept_and_what_overlaps_leaves_training(tmp_path: Path) -> None:
    rows = good_rows()
    test = [*rows[:4], ("will you buy this teapot or not", "shops"), ("sing a song", "sing")]
    validation = [*rows[4:8], *rows[:1]]
    corpus = labelled_texts(
        TextFiles(
            write(tmp_path / "train.csv", rows),
            validation=write(tmp_path / "validation.csv", validation),
            test=write(tmp_path / "test.csv", test),
        ),
        seed=1,
    )
    assert {name: len(part) for name, part in corpus.parts.items()} == {
        "train": 52,
        "validation": 4,
        "test": 5,
    }
    from_test, from_both, from_validation = (f.sentence for f in corpus.findings if f.code == "parts_overlap")
    assert from_test == (
        "4 rows of the train data are in the test file too (rows 2, 3, 4 and 5). They are taken out of the train data, "
        "so that the test figures are honest."
    )
    assert from_both.startswith("1 row of the validation data are in the test file too (row 6).")
    assert from_validation.startswith(
        "4 rows of the train data are in the validation file too (rows 6, 7, 8 and 9)."
    )
    assert "1 label that the training data lacks, such as 'sing': 1 row left out" in sentence(
        corpus, "labels_unknown"
    )


def test_all_that_is_fatal_is_said_at_once_and_every_finding_is_in_the_context(tmp_path: Path) -> None:
    error = refusal(TextFiles(write(tmp_path / "bad.csv", good_rows(), ("a", "b"))))
    findings = error.context["findings"]
    assert isinstance(findings, list)
    assert [finding["code"] for finding in findings] == ["column_unnamed", "column_unnamed"]
    assert error.detail.splitlines() == [
        "Name the column with --text-column. The file has a and b.",
        "Name the column with --label-column. The file has a and b.",
    ]


def test_of_a_large_file_a_stratified_sample_is_used(tmp_path: Path) -> None:
    rows = [(f"number {n} of the {THINGS[n % 10]} {n * n}", f"class {n % 97 == 0}") for n in range(4000)]
    corpus = labelled_texts(TextFiles(write(tmp_path / "large.csv", rows)), seed=1, most=1000)
    assert "large.csv has 4,000 rows, more than this budget can use" in sentence(corpus, "rows_sampled")
    labels = [label for part in corpus.parts.values() for label in part.labels]
    assert 950 < len(labels) <= 1050
    assert labels.count("class True") >= 40
    assert corpus.files[0]["rows"] == 4000


def test_texts_without_labels_are_taken_where_none_are_needed(tmp_path: Path) -> None:
    corpus = labelled_texts(
        TextFiles(
            write(tmp_path / "plain.csv", [(text,) for text, _ in good_rows()], ("text",)), needs_label=False
        ),
        1,
    )
    assert corpus.classes == (NO_LABEL,)
    assert sum(len(part) for part in corpus.parts.values()) == 60


def test_a_class_of_near_duplicates_is_split_all_the_same_and_that_is_said(tmp_path: Path) -> None:
    alike = [
        (f"the light on the second machine of the first line is {colour} again today", "light")
        for colour in COLOURS
    ]
    corpus = labelled_texts(TextFiles(write(tmp_path / "alike.csv", [*good_rows(), *alike])), seed=1)
    assert "Most texts of 1 class such as 'light' are nearly the same" in sentence(corpus, "class_alike")
    assert all("light" in part.labels for part in corpus.parts.values())
