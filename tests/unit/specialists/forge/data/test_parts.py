"""Numbers, near-duplicates, samples and splits, on cases that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pandas", reason="the forge is not installed")

import pandas as pd

from specialists.forge.data.normal import near_groups, normalised
from specialists.forge.data.numbers import numbers
from specialists.forge.data.sample import drawn, sampled
from specialists.forge.data.split import split


@pytest.mark.parametrize(
    ("cells", "floats", "comma"),
    [
        (["1", " 2.5 ", "-3e2", 4, 5.5, True], [1, 2.5, -300, 4, 5.5, 1], False),
        (["1,5", "2", "1.234,25"], [1.5, 2, 1234.25], True),
        (["1,234", "12,345.5"], [1234, 12345.5], False),
        (["1,234", "0,5"], [1.234, 0.5], True),
        (["12 %", "7%", "\u22123"], [12, 7, -3], False),
    ],
)
def test_numbers_as_people_write_them(cells: list[object], floats: list[float], comma: bool) -> None:  # noqa: FBT001
    read = numbers(cells)
    assert read.floats.tolist() == floats
    assert (read.odd, read.decimal_comma) == ((), comma)


def test_a_lone_comma_follows_the_file() -> None:
    assert numbers(["1,234"]).floats.tolist() == [1234]
    assert numbers(["1,234"], comma_first=True).floats.tolist() == [1.234]


def test_missing_and_odd_values_are_told_apart() -> None:
    read = numbers([None, "", "N/A", "?", float("nan"), "abc", "inf", "1_000", float("inf"), "7"])
    assert np.isnan(read.floats[:-1]).all()
    assert read.odd == (5, 6, 7, 8)


@pytest.mark.parametrize(
    ("text", "same"),
    [("  Hello,   World! ", "hello world"), ("\uff28\uff29", "hi"), ("?!", "?!"), ("Straße", "strasse")],
)
def test_case_spaces_and_punctuation_make_no_difference(text: str, same: str) -> None:
    assert normalised(text) == same


def test_near_duplicates_share_a_group_and_others_do_not() -> None:
    base = "the quick brown fox jumps over the lazy dog near the river bank"
    texts = [
        base,
        "something else entirely",
        f"{base} today",
        base,
        "",
        "x",
        "a different sentence about the weather",
    ]
    assert near_groups(texts).tolist() == [0, 1, 0, 0, 4, 5, 6]
    assert near_groups([]).tolist() == []


def test_many_texts_are_grouped_as_pairwise_comparison_would() -> None:
    rng = np.random.default_rng(3)
    words = np.array([f"w{n}x{n * n % 97}" for n in range(300)])
    texts = [" ".join(rng.choice(words, 14)) for _ in range(300)]
    twins = [text[:-1] + "q" for text in texts]
    groups = near_groups([*texts, *twins])
    assert (groups[:300] == np.arange(300)).all()
    assert (groups[300:] == np.arange(300)).mean() > 0.98


def test_a_sample_keeps_equal_keys_together_and_small_classes_whole() -> None:
    frame = pd.DataFrame(
        {"key": [f"k{n // 2}" for n in range(6000)], "label": ["rare"] * 30 + ["common"] * 5970}
    )
    chunks = [frame.iloc[begin : begin + 500] for begin in range(0, 6000, 500)]
    sample = sampled(chunks, 600, lambda c: c["key"], lambda c: c["label"], seed=1)
    assert sample.seen == 6000
    assert 590 <= len(sample.rows) <= 680
    assert (sample.rows["label"] == "rare").sum() == 30
    assert (sample.rows.groupby("key").size() == 2).all()
    assert list(sample.rows.columns) == ["key", "label"]
    backwards = sampled(chunks[::-1], 600, lambda c: c["key"], lambda c: c["label"], seed=1)
    assert backwards.rows.equals(sample.rows)


def test_a_small_file_is_not_sampled() -> None:
    frame = pd.DataFrame({"key": ["a", "b"]})
    assert sampled([frame], 2, lambda c: c["key"], None, seed=1).rows.equals(frame)
    assert sampled([], 2, lambda c: c["key"], None, seed=1).seen == 0


def test_draws_are_even_and_fixed() -> None:
    numbers_drawn = drawn(range(4000), 7)
    assert abs(numbers_drawn.mean() - 0.5) < 0.02
    assert drawn(["a"], 1)[0] == drawn(["a"], 1)[0] != drawn(["a"], 2)[0]


def test_a_split_is_stratified_and_keeps_groups_whole() -> None:
    groups = [n // 3 for n in range(3000)]
    strata = ["few" if n < 300 else "many" for n in range(3000)]
    parts = split(groups, strata, (0.1, 0.2), seed=1)
    assert [int((parts == n).sum()) for n in range(3)] == [2100, 300, 600]
    assert [int((parts[:300] == n).sum()) for n in range(3)] == [210, 30, 60]
    assert all(len(set(parts[n : n + 3])) == 1 for n in range(0, 3000, 3))


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([1], {0}), ([1, 1], {0, 2}), ([1, 1, 1], {0, 1, 2}), ([90, 5, 5], {0, 1, 2})],
)
def test_small_strata(sizes: list[int], expected: set[int]) -> None:
    groups = [name for name, size in enumerate(sizes) for _ in range(size)]
    parts = split(groups, ["a"] * len(groups), (0.15, 0.15), seed=1)
    assert set(parts.tolist()) == expected
    assert (parts[: sizes[0]] == 0).all() or max(sizes) == 1


def test_no_share_is_no_part() -> None:
    assert set(split(range(100), ["a"] * 100, (0.0, 0.3), seed=1).tolist()) == {0, 2}
