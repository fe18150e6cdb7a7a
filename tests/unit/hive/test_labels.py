"""Labels as bits."""

from __future__ import annotations

import pytest

from hive.errors import HiveError
from hive.labels import BUILTIN, MAX_LABELS, LabelTable


def test_built_in_labels_have_fixed_bits() -> None:
    table = LabelTable()
    assert [table.mask([name]) for name in BUILTIN] == [1, 2, 4, 8]


def test_a_meshs_labels_follow_in_order() -> None:
    table = LabelTable(["trade_secret", "export"])
    assert table.mask(["trade_secret"]) == 16
    assert table.mask(["export", "pii"]) == 32 | 4
    assert table.names == (*BUILTIN, "trade_secret", "export")


def test_masks_and_names_are_inverse() -> None:
    table = LabelTable(["x"])
    for mask in range(1 << 5):
        assert table.mask(table.unpack(mask)) == mask


def test_no_labels_are_no_bits() -> None:
    assert LabelTable().mask([]) == 0
    assert LabelTable().unpack(0) == ()


def test_bits_without_a_name_are_shown() -> None:
    assert LabelTable().unpack(0b1010100) == ("pii", "label-4", "label-6")
    assert LabelTable().unpack(1 << 63) == ("label-63",)


def test_an_unknown_label_is_refused_and_the_known_are_named() -> None:
    with pytest.raises(HiveError, match="public, internal, pii, phi") as caught:
        LabelTable().mask(["secret"])
    assert caught.value.code == "bad_request"


@pytest.mark.parametrize("extra", [["pii"], ["a", "a"], [f"l{i}" for i in range(MAX_LABELS)]])
def test_a_table_that_cannot_be_is_refused(extra: list[str]) -> None:
    with pytest.raises(HiveError) as caught:
        LabelTable(extra)
    assert caught.value.code == "config_invalid"


def test_a_full_table_uses_all_64_bits() -> None:
    table = LabelTable([f"l{i}" for i in range(MAX_LABELS - len(BUILTIN))])
    assert table.mask(table.names) == 2**64 - 1
