"""The tables that recipes name: plain names of fields, and payments whose patterns can be told from lawful ones."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("numpy")
import numpy as np

from hive.errors import HiveError
from specialists.forge.sources.records import CITATIONS, plain_name, read_records
from specialists.forge.sources.transactions import transactions


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("Torque [Nm]", "torque_nm"),
        ("Product ID", "product_id"),
        ("TWF", "TWF"),
        ("age_in_years", "age_in_years"),
    ],
)
def test_columns_become_fields(column: str, field: str) -> None:
    assert plain_name(column) == field


def test_a_table_is_read_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "ai4i2020").mkdir()
    (tmp_path / "ai4i2020" / "ai4i2020.csv").write_text(
        'UDI,Torque [Nm],Machine failure\n1,"42.8",0\n2,46.3,1\n'
    )
    found = read_records("ai4i2020", tmp_path)
    assert found.target == "machine_failure"
    assert found.columns == {"UDI": ["1", "2"], "torque_nm": ["42.8", "46.3"], "machine_failure": ["0", "1"]}
    with pytest.raises(HiveError, match="german_credit"):
        read_records("german_credit", tmp_path)
    assert set(CITATIONS) == {"ai4i2020", "german_credit", "transactions"}


def test_payments_are_repeatable_and_mostly_lawful() -> None:
    one, other = transactions(3000, 7), transactions(3000, 7)
    for name, column in one.items():
        assert np.array_equal(column, other[name], equal_nan=column.dtype.kind == "f"), name
    assert not np.array_equal(one["amount"], transactions(3000, 8)["amount"])
    assert 0.01 < one["fraud"].mean() < 0.03
    assert (one["amount"] > 0).all()
    assert ((one["hour"] >= 0) & (one["hour"] < 24)).all()
    assert set(one["country"]) == {"home", "neighbour", "europe", "overseas"}


def test_patterns_of_fraud_are_there() -> None:
    made = transactions(60_000, 1)
    fraud = made["fraud"] == 1
    many = fraud & (made["payments_last_hour"] >= 4)
    takeover = fraud & (made["device_age_days"] < 2) & (made["new_payee"] == "yes")
    abroad = fraud & (made["channel"] == "cash machine") & (made["km_from_home"] > 350)
    persuaded = fraud & (made["device_age_days"] > 30) & (made["new_payee"] == "yes")
    for pattern in (many, takeover, abroad, persuaded):
        assert pattern.sum() > 50
    assert np.mean(made["amount"][persuaded] % 50 == 0) > 0.9
