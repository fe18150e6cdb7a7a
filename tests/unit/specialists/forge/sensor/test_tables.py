"""A user's series are read, and what is odd about them is said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pandas", reason="the forge is not installed")

from hive.errors import HiveError
from specialists.forge.data.findings import Findings
from specialists.forge.sensor.recording import Recording
from specialists.forge.sensor.tables import read_recordings


def table(path: Path, columns: Mapping[str, list[object]]) -> Path:
    rows = zip(*columns.values(), strict=True)
    lines = [
        ",".join(columns),
        *(",".join("" if cell is None else str(cell) for cell in row) for row in rows),
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def numbers(count: int = 400) -> list[object]:
    return [round(float(v), 3) for v in np.random.default_rng(0).normal(size=count)]


def stamps(count: int = 400, step: int = 60) -> list[object]:
    start = np.datetime64("2026-01-01T00:00:00")
    return [str(start + np.timedelta64(n * step, "s")) for n in range(count)]


def read(path: Path, **wanted: str) -> tuple[list[Recording], dict[str, str]]:
    findings = Findings()
    recordings, _ = read_recordings(path, wanted, findings)
    return recordings, {found.code: found.sentence for found in findings.items}


def refusal(path: Path, **wanted: str) -> str:
    with pytest.raises(HiveError) as error:
        read(path, **wanted)
    assert error.value.code == "data_invalid"
    return error.value.detail


def test_a_plain_table_is_read(tmp_path: Path) -> None:
    path = table(tmp_path / "m.csv", {"timestamp": stamps(), "flow": numbers(), "heat": numbers()})
    (one,), found = read(path)
    assert (one.name, one.channels, one.values.shape) == ("m", ("flow", "heat"), (400, 2))
    assert one.marked is None
    assert found == {}


def test_labels_and_several_devices(tmp_path: Path) -> None:
    labels: list[object] = [int(n in range(100, 110)) for n in range(400)]
    devices: list[object] = ["a" if n % 2 else "b" for n in range(400)]
    columns = {"time": stamps(), "device": devices, "flow": numbers(), "anomaly": labels}
    recordings, _ = read(table(tmp_path / "m.csv", columns))
    assert [(r.name, len(r.values)) for r in recordings] == [("b", 200), ("a", 200)]
    assert [int(r.marked.sum()) for r in recordings if r.marked is not None] == [5, 5]


def test_a_folder_of_files(tmp_path: Path) -> None:
    for name in ("one.csv", "two.csv"):
        table(tmp_path / name, {"ts": list(range(200)), "flow": numbers(200)})
    (tmp_path / "notes.md").write_text("x", "utf-8")
    recordings, _ = read(tmp_path)
    assert [r.name for r in recordings] == ["one", "two"]


def test_json_lines_with_missing_values(tmp_path: Path) -> None:
    rows = [{"t": n, "flow": None if n % 10 == 0 else float(n % 7)} for n in range(400)]
    path = tmp_path / "m.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    (one,), _ = read(path, time="t")
    assert int(np.isnan(one.values).sum()) == 40


def test_columns_that_teach_nothing_are_left_out(tmp_path: Path) -> None:
    flow = numbers()
    flow[7] = "sensor error"
    columns = {
        "time": stamps(),
        "flow": flow,
        "state": ["running"] * 400,
        "empty": [None] * 400,
        "always": [5] * 400,
    }
    (one,), found = read(table(tmp_path / "m.csv", columns))
    assert one.channels == ("flow",)
    assert np.isnan(one.values[7, 0])
    assert "1 cell of 'flow' are no numbers, such as 'sensor error'" in found["values_odd"]
    assert "always" in found["columns_left_out"]


def test_rows_out_of_order_and_times_twice(tmp_path: Path) -> None:
    times = stamps()
    times[10], times[20] = times[20], times[10]
    times[30] = times[31]
    (one,), found = read(table(tmp_path / "m.csv", {"time": times, "flow": numbers()}))
    assert len(one.values) == 399
    assert set(found) == {"time_unsorted", "time_twice"}


def test_uneven_steps_are_told(tmp_path: Path) -> None:
    times: list[object] = [float(n) if n % 5 else n + 0.9 for n in range(400)]
    _, found = read(table(tmp_path / "m.csv", {"time": times, "flow": numbers()}))
    assert "are not the usual" in found["time_uneven"]


def test_without_times_the_rows_are_taken_as_they_stand(tmp_path: Path) -> None:
    (one,), found = read(table(tmp_path / "m.csv", {"flow": numbers(), "heat": numbers()}))
    assert len(one.values) == 400
    assert set(found) == {"time_unnamed"}


def test_a_column_that_says_the_label_is_left_out(tmp_path: Path) -> None:
    labels: list[object] = [int(n in range(100, 150)) for n in range(400)]
    alarm: list[object] = [3.5 if n in range(100, 150) else 1.0 for n in range(400)]
    columns = {"time": stamps(), "flow": numbers(), "alarm": alarm, "anomaly": labels}
    (one,), found = read(table(tmp_path / "m.csv", columns))
    assert one.channels == ("flow",)
    assert "say the same as the label are left out: alarm" in found["column_leaks"]


def test_one_class_means_no_labels(tmp_path: Path) -> None:
    (one,), found = read(table(tmp_path / "m.csv", {"time": stamps(), "flow": numbers(), "label": [0] * 400}))
    assert one.marked is None
    assert "every row has the same label" in found["one_class"]


def test_twenty_rows_are_too_few(tmp_path: Path) -> None:
    path = table(tmp_path / "m.csv", {"time": stamps(20), "flow": numbers(20)})
    assert refusal(path).startswith("20 rows in the longest series: too few to learn what is usual.")


def test_labels_that_are_no_marks(tmp_path: Path) -> None:
    path = table(tmp_path / "m.csv", {"time": stamps(), "flow": numbers(), "label": ["pump"] * 400})
    assert "It must say 1 where a row is anomalous and 0 where not." in refusal(path)


def test_times_that_are_none(tmp_path: Path) -> None:
    path = table(tmp_path / "m.csv", {"time": ["soon"] * 400, "flow": numbers()})
    assert "no time in column 'time' can be read, such as 'soon'" in refusal(path)


def test_words_alone(tmp_path: Path) -> None:
    path = table(tmp_path / "m.csv", {"time": stamps(), "name": ["x"] * 400})
    assert "no column of numbers to learn from" in refusal(path)


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    path = table(tmp_path / "m.csv", {"when": stamps(), "flow": numbers()})
    assert "There is no column 'wen'" in refusal(path, time="wen")


def test_an_empty_folder(tmp_path: Path) -> None:
    assert "There is no file of data" in refusal(tmp_path)
