"""What is wrong with a user's table is said in sentences, and nothing leaks into the test part."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("sklearn")
import numpy as np

from hive.errors import HiveError
from specialists.forge.data.findings import Findings
from specialists.forge.records.dataset import Dataset, load_dataset
from specialists.forge.records.loading import TableFile, load_table, table_of
from specialists.forge.records.prepare import Wishes, prepared
from specialists.forge.records.search import Effort
from specialists.kinds.columns import Category, Number


def table(rows: int = 400, seed: int = 0) -> dict[str, list[object]]:
    """Return columns heat and load, of which the label follows roughly, and a grade that says nothing."""
    rng = np.random.default_rng(seed)
    heat, load = rng.normal(70, 10, rows), rng.normal(5, 1, rows)
    fails = rng.random(rows) < 1 / (1 + np.exp(-(heat - 80) / 5 - 2 * (load - 5)))
    return {
        "heat [C]": [round(float(value), 2) for value in heat],
        "load": [round(float(value), 3) for value in load],
        "grade": [str(value) for value in rng.choice(["A", "B", "C"], rows)],
        "failed": [int(value) for value in fails],
    }


def dataset(
    columns: dict[str, list[object]], wishes: Wishes | None = None, *, classes: bool = True
) -> tuple[Dataset, dict[str, str]]:
    findings = Findings()
    raw = table_of(columns, "failed")
    found = prepared(
        raw, wishes or Wishes(effort=Effort(0, 60.0)), 1, findings, lambda: None, classes=classes
    )
    return found, {finding.code: finding.sentence for finding in findings.items}


def refusal(columns: dict[str, list[object]], wishes: Wishes | None = None, *, classes: bool = True) -> str:
    with pytest.raises(HiveError) as refused:
        dataset(columns, wishes, classes=classes)
    assert refused.value.code == "data_invalid"
    return refused.value.detail


def names(found: Dataset) -> list[str]:
    return [column.name for column in found.columns]


def test_a_clean_table_is_split_by_class_and_scaled_by_its_training_part() -> None:
    found, said = dataset(table())
    assert names(found) == ["heat [C]", "load", "grade"]
    assert [len(found.of(part)) for part in ("train", "validation", "test")] == [240, 60, 100]
    rates = [found.of(part).values.mean() for part in ("train", "validation", "test")]
    assert max(rates) - min(rates) < 0.02
    heat, _, grade = found.columns
    assert isinstance(heat, Number)
    assert (heat.title, heat.unit) == ("heat", "C")
    assert heat.median == pytest.approx(float(np.median(found.of("train").records.numbers[:, 0])))
    assert isinstance(grade, Category)
    assert set(grade.values) == {"A", "B", "C"}
    assert set(said) == {"target_positive"}


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    found, _ = dataset(table())
    found.save(tmp_path)
    again = load_dataset(tmp_path)
    assert again.preprocess() == found.preprocess()
    assert again.about == found.about
    assert np.array_equal(again.table.rows(again.records), found.table.rows(found.records))
    assert np.array_equal(again.part, found.part)


def test_ids_row_numbers_dates_and_constants_are_left_out_by_name() -> None:
    columns = table()
    rng = np.random.default_rng(5)
    columns |= {
        "row": list(range(400)),
        "serial": [f"S{value}" for value in rng.permutation(400)],
        "number": [int(value) for value in rng.permutation(400)],
        "customer_id": [int(value) for value in rng.integers(1000, 9000, 400)],
        "taken": [f"2024-05-{1 + n % 28:02d} 10:00" for n in range(400)],
        "site": ["north"] * 400,
        "nothing": [None] * 400,
    }
    found, said = dataset(columns)
    assert names(found) == ["heat [C]", "load", "grade"]
    assert set(said) == {"column_id", "column_date", "column_constant", "column_empty", "target_positive"}
    kept, _ = dataset(columns, Wishes(keep=["customer_id"], effort=Effort(0, 60.0)))
    assert names(kept) == ["heat [C]", "load", "grade", "customer_id"]


def test_a_measured_whole_number_is_no_id() -> None:
    columns = table()
    columns["amount"] = [int(value) for value in np.random.default_rng(3).integers(0, 10_000_000, 400)]
    assert "amount" in names(dataset(columns)[0])


def test_a_column_that_knows_the_answer_is_left_out_unless_kept() -> None:
    columns = table()
    columns["verdict"] = ["broken" if value else "fine" for value in columns["failed"]]
    columns["downtime"] = [(n % 7) + 1.5 if value else None for n, value in enumerate(columns["failed"])]
    found, said = dataset(columns)
    assert names(found) == ["heat [C]", "load", "grade"]
    assert '--set "data.keep=[' in said["column_leaks"]
    assert names(dataset(columns, Wishes(keep=["verdict"], effort=Effort(0, 60.0)))[0])[-1] == "verdict"


def test_flags_of_the_outcome_become_its_modes() -> None:
    columns = table(1200)
    rng = np.random.default_rng(2)
    hot = [int(value and rng.random() < 0.5) for value in columns["failed"]]
    columns |= {
        "HOT": hot,
        "LOADED": [int(value and not flag) for value, flag in zip(columns["failed"], hot, strict=True)],
        "RANDOM": [int(rng.random() < 0.03) for _ in hot],
        "alone": [int(rng.random() < 0.03) for _ in hot],
    }
    order = ["alone", "heat [C]", "load", "grade", "failed", "HOT", "LOADED", "RANDOM"]
    found, said = dataset({name: columns[name] for name in order})
    assert names(found) == ["alone", "heat [C]", "load", "grade"]
    assert found.mode_names == ("HOT", "LOADED", "RANDOM")
    assert "'HOT', 'LOADED' and 'RANDOM' are set (nearly) only where it happened" in said["column_leaks"]
    assert found.modes[:, :2].sum() == found.values.sum()


def test_named_modes_are_taken_and_rare_ones_said() -> None:
    columns = table()
    columns |= {"M1": list(columns["failed"]), "M2": [1] * 3 + [0] * 397}
    found, said = dataset(columns, Wishes(modes=["M1", "M2"], effort=Effort(0, 60.0)))
    assert found.mode_names == ("M1",)
    assert "'M2' happened in fewer than 10 rows" in said["modes_rare"]
    assert "there is no column 'M3'" in refusal(columns, Wishes(modes=["M3"]))


def test_a_target_of_several_values_has_modes() -> None:
    columns = table()
    columns["failed"] = [
        "none" if not value else "wear" if n % 2 else "heat" for n, value in enumerate(columns["failed"])
    ]
    found, said = dataset(columns)
    assert found.mode_names == ("heat", "wear")
    assert found.values.sum() == found.modes.sum()
    assert "'none' is taken to mean that nothing happened" in said["target_modes"]
    one, _ = dataset(columns, Wishes(positive="wear", effort=Effort(0, 60.0)))
    assert one.mode_names == ()
    assert "did you mean 'wear'" in refusal(columns, Wishes(positive="waer"))


@pytest.mark.parametrize(
    ("words", "positive", "meant"),
    [(("No", "Yes"), "False", "No"), ((0, 1), "0", "0"), (("a", "B"), "b", "B")],
)
def test_a_positive_value_may_be_written_in_other_ways(
    words: tuple[object, object], positive: str, meant: str
) -> None:
    columns = table()
    columns["failed"] = [words[int(str(value))] for value in columns["failed"]]
    found, _ = dataset(columns, Wishes(positive=positive, effort=Effort(0, 60.0)))
    assert found.about["positive"] == meant


@pytest.mark.parametrize(
    ("words", "positive"),
    [
        (("no", "yes"), "yes"),
        (("good", "bad"), "bad"),
        (("False", "True"), "True"),
        (("0", "1"), "1"),
        ((1, 2), "2"),
        (("stays", "leaves"), "leaves"),
        (("healthy", "worn"), "worn"),
        ((False, True), "true"),
    ],
)
def test_the_positive_value_is_found_and_said(words: tuple[object, object], positive: str) -> None:
    columns = table()
    columns["failed"] = [words[int(str(value))] for value in columns["failed"]]
    found, said = dataset(columns)
    assert found.about["positive"] == positive
    assert 0 < found.values.mean() < 0.5
    assert repr(positive) in said["target_positive"]


def test_repeated_rows_are_left_out_and_equal_inputs_stay_together() -> None:
    columns = {name: values + values[:100] for name, values in table().items()}
    found, said = dataset(columns)
    assert len(found.values) == 400
    assert said["rows_twice"].startswith("100 rows of 500 repeat an earlier one")
    columns["ticket_id"] = [f"T-{n}" for n in range(500)]
    found, _ = dataset(columns)
    rows = [tuple(row) for row in np.nan_to_num(found.records.numbers)]
    parts: dict[tuple[float, ...], set[int]] = {}
    for row, part in zip(rows, found.part, strict=True):
        parts.setdefault(row, set()).add(int(part))
    assert len(found.values) == 500
    assert all(len(where) == 1 for where in parts.values())


def test_equal_rows_are_kept_where_nothing_takes_many_values() -> None:
    rng = np.random.default_rng(0)
    colour, size = rng.choice(["red", "blue", "green"], 500), rng.choice(["s", "m", "l"], 500)
    fails = (rng.random(500) < np.where(colour == "red", 0.6, 0.2)).astype(int)
    columns: dict[str, list[object]] = {"colour": list(colour), "size": list(size), "failed": list(fails)}
    found, said = dataset(columns)
    assert len(found.values) == 500
    assert "kept as cases of their own" in said["rows_alike"]


def test_missing_mixed_and_rare_values() -> None:
    columns = table()
    columns["load"][3] = None
    columns["load"][7] = "?"
    columns["load"][9] = "broken"
    columns["odd"] = [n % 9 if n % 3 else "n-" + "abc"[n % 7 % 3] for n in range(400)]
    columns["grade"][:2] = ["X", "Y"]
    found, said = dataset(columns)
    assert np.isnan(found.records.numbers[:, 1]).sum() == 3
    assert "1 value such as 'broken' in row 10" in said["column_mixed"] or "mixes" in said["column_mixed"]
    grade = next(column for column in found.columns if column.name == "grade")
    assert isinstance(grade, Category)
    assert set(grade.values) == {"A", "B", "C"}
    odd = next(column for column in found.columns if column.name == "odd")
    assert isinstance(odd, Category)
    assert "values_rare" in said


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        ([0] * 400, "There is nothing to tell apart"),
        ([None] * 300 + [0, 1] * 50, "That is most of them"),
        ([round(n / 7, 3) for n in range(400)], "use --task regress"),
        ([f"text number {n}" for n in range(400)], "use --task classify"),
        ([1] * 4 + [0] * 396, "4 rows only: at least 10"),
    ],
)
def test_a_target_that_is_no_risk_is_refused(failed: list[object], words: str) -> None:
    assert words in refusal({**table(), "failed": failed})


def test_twenty_rows_are_refused_in_a_sentence() -> None:
    few = {name: values[:20] for name, values in table().items()}
    few["failed"] = [0, 1] * 10
    assert "20 usable rows: too few to learn from" in refusal(few)
    few["failed"] = [n * 1.5 for n in range(20)]
    assert "20 usable rows: too few to learn from" in refusal(few, classes=False)


def test_columns_that_are_wished_for_must_be_there() -> None:
    assert "there is no column 'heat'. Did you mean 'heat [C]'?" in refusal(table(), Wishes(keep=["heat"]))
    only = {"failed": table()["failed"], "site": ["north"] * 400}
    assert "No column is left" in refusal(only)


def test_a_number_is_estimated_without_what_tells_it() -> None:
    columns = table()
    rng = np.random.default_rng(1)
    columns["failed"] = [
        float(heat) * 2 + rng.normal() * 5  # type: ignore[arg-type]
        for heat in columns["heat [C]"]
    ]
    columns["in_f"] = [value * 1.8 + 32 for value in columns["failed"]]  # type: ignore[operator]
    found, said = dataset(columns, classes=False)
    assert names(found) == ["heat [C]", "load", "grade"]
    assert "'in_f' alone tells the target" in said["column_leaks"]
    assert "--task risk" in refusal(table(), classes=False)
    assert "For classes use --task risk" in refusal({**table(), "failed": ["x", "y"] * 200}, classes=False)


def test_derived_columns_are_found_by_search() -> None:
    rng = np.random.default_rng(0)
    volts, amps = rng.uniform(1, 10, 1500), rng.uniform(1, 10, 1500)
    failed = (volts * amps > 40).astype(int) ^ (rng.random(1500) < 0.02)
    columns: dict[str, list[object]] = {"volts": list(volts), "amps": list(amps), "failed": list(failed)}
    found, said = dataset(columns, Wishes(effort=Effort(2, 60.0)))
    assert (found.derived[0].op, found.derived[0].of) == ("product", ("volts", "amps"))
    assert "product of 'volts' and 'amps'" in said["columns_derived"]


def test_a_file_of_semicolons_and_decimal_commas_with_a_misspelt_target(tmp_path: Path) -> None:
    columns = table()
    rows = zip(*columns.values(), strict=True)
    lines = [";".join(columns), *(";".join(str(cell).replace(".", ",") for cell in row) for row in rows)]
    path = tmp_path / "wärme.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "\n".join(lines).encode())
    findings = Findings()
    raw = load_table(TableFile(path, "failed"), 1, 1000, findings, classes=True)
    found = prepared(raw, Wishes(effort=Effort(0, 60.0)), 1, findings, lambda: None, classes=True)
    plain, _ = dataset(columns)
    assert np.array_equal(found.records.numbers, plain.records.numbers)
    with pytest.raises(HiveError, match="did you mean 'failed'"):
        load_table(TableFile(path, "faield"), 1, 1000, Findings(), classes=True)


def test_a_large_file_is_sampled_by_class(tmp_path: Path) -> None:
    columns = table(3000)
    lines = [",".join(columns)] + [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    path = tmp_path / "big.csv"
    path.write_text("\n".join(lines), "utf-8")
    findings = Findings()
    raw = load_table(TableFile(path, "failed"), 1, 1000, findings, classes=True)
    assert 950 <= len(raw.frame) <= 1050
    assert findings.items[0].code == "rows_sampled"
    rate = np.mean([value == "1" for value in raw.frame["failed"]])
    assert abs(rate - np.mean(columns["failed"])) < 0.04  # type: ignore[arg-type]
