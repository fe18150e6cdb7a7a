"""A user's series: tables with a column of times and columns of values, read with a sentence for all that is odd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from specialists.forge.data.columns import column
from specialists.forge.data.files import inspect
from specialists.forge.data.findings import Findings, counted, listed, refused
from specialists.forge.data.numbers import is_missing, numbers
from specialists.forge.data.rows import Rows
from specialists.forge.sensor.recording import Recording

TIME_NAMES: Final = ("timestamp", "time", "datetime", "date", "ts", "stamp", "date_time")
LABEL_NAMES: Final = ("anomaly", "is_anomaly", "anomalous", "label", "fault")
SERIES_NAMES: Final = ("series", "device", "device_id", "sensor", "machine", "machine_id", "unit", "id")
_SUFFIXES: Final = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".gz", ".xz", ".bz2")
_YES: Final = frozenset({"1", "1.0", "true", "yes", "y", "anomaly", "anomalous", "fault", "abnormal"})
_NO: Final = frozenset({"0", "0.0", "false", "no", "n", "normal", "ok", ""})
_LEAST_ROWS: Final = 64
_LEAST_IN_ALL: Final = 300
_ODD_SHARE: Final = 0.5
_UNEVEN: Final = 0.5
_LEAK: Final = 0.95
_MILLISECONDS: Final = 1e11


@dataclass(frozen=True, slots=True)
class _Roles:
    time: str | None
    label: str | None
    series: str | None


def read_recordings(
    path: Path, wanted: Mapping[str, str], findings: Findings
) -> tuple[list[Recording], list[dict[str, object]]]:
    """Return the recordings in a file, or in the files of a folder, and what is known of each file.

    Raises HiveError(data_invalid) if nothing can be learned from.
    """
    files = _files(path)
    recordings, facts = [], []
    for file in files:
        found = inspect(file, wanted=list(wanted.values()))
        rows = Rows(found, header=True, findings=findings)
        roles = _roles(rows.columns, wanted, findings)
        findings.refuse_fatal()
        chunks = [_lean(chunk, (roles.label, roles.series)) for chunk in rows.chunks()]
        if not chunks:
            findings.warn("file_no_rows", f"{file.name} has no rows.")
            continue
        recordings += _recordings(pd.concat(chunks), file, roles, findings, len(files) > 1)
        facts.append(found.as_json())
    kept = _long_enough(recordings, findings)
    findings.refuse_fatal()
    return kept, facts


def _lean(chunk: pd.DataFrame, words: Sequence[str | None]) -> pd.DataFrame:
    """Return a chunk with plain numbers as such, which take a tenth of the memory; columns in `words` stay."""
    lean = {}
    for name in chunk.columns:
        read = pd.to_numeric(chunk[name], errors="coerce")
        plain = name not in words and read.notna().sum() == chunk[name].notna().sum()
        lean[name] = read.astype(float) if plain else chunk[name]
    return pd.DataFrame(lean, index=chunk.index)


def _read(cells: pd.Series) -> tuple[npt.NDArray[np.float64], list[int]]:
    """Return a column as numbers, NaN where there is none, and the places of what is neither number nor missing."""
    if cells.dtype == float:
        found = cells.to_numpy(copy=True)
        odd = np.flatnonzero(np.isinf(found)).tolist()
        found[odd] = np.nan
        return found, odd
    read = numbers(cells.tolist())
    return read.floats, list(read.odd)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in _SUFFIXES)
    if not files:
        raise refused("file_missing", f"There is no file of data in {path}: CSV, JSON lines or Parquet.")
    return files


def _roles(columns: Sequence[str], wanted: Mapping[str, str], findings: Findings) -> _Roles:
    folded = {name.casefold(): name for name in reversed(columns)}

    def role(name: str, option: str, usual: Sequence[str]) -> str | None:
        if name in wanted:
            return column(columns, wanted[name], option, findings)
        return next((folded[entry] for entry in usual if entry in folded), None)

    time = role("time", "--column time=NAME", TIME_NAMES)
    if time is None and "time" not in wanted:
        findings.note("time_unnamed", "No column of times: the rows are taken as they stand, one per second.")
    label = role("label", "--label-column", LABEL_NAMES)
    return _Roles(time, label, role("series", "--column series=NAME", SERIES_NAMES))


def _recordings(
    frame: pd.DataFrame,
    file: Path,
    roles: _Roles,
    findings: Findings,
    several: bool,  # noqa: FBT001 - private, one caller
) -> list[Recording]:
    marked = _marks(frame[roles.label], file, findings) if roles.label else None
    used = {roles.time, roles.label, roles.series}
    values = _values(frame[[name for name in frame.columns if name not in used]], file, findings)
    values = values if marked is None else _without_leaks(values, marked, file, findings)
    seconds = (
        _seconds(frame[roles.time], file, findings) if roles.time else np.arange(len(frame), dtype=float)
    )
    if values.empty:
        findings.fatal(
            "values_none",
            f"{file.name}: no column of numbers to learn from. Its columns are {listed(list(frame.columns), 12)}.",
        )
        return []
    groups = frame[roles.series].astype(str).to_numpy() if roles.series else np.zeros(len(frame))
    found = []
    for group in dict.fromkeys(groups.tolist()):
        rows = np.flatnonzero((groups == group) & np.isfinite(seconds))
        order = rows[_in_time(seconds[rows], f"{file.name}{f' {group}' if roles.series else ''}", findings)]
        name = file.stem if not roles.series else f"{file.stem}/{group}" if several else str(group)
        marks = None if marked is None else marked[order]
        found.append(Recording(name, tuple(values.columns), values.to_numpy(float)[order], marks))
    return found


def _values(frame: pd.DataFrame, file: Path, findings: Findings) -> pd.DataFrame:
    """Return the columns of numbers; cells that are none are missing values."""
    kept: dict[str, npt.NDArray[np.float64]] = {}
    words, empty, still = [], [], []
    for name in frame.columns:
        read, odd = _read(frame[name])
        there = int(np.isfinite(read).sum()) + len(odd)
        if not there:
            empty.append(name)
        elif len(odd) > _ODD_SHARE * there:
            words.append(name)
        elif np.nanmax(read) == np.nanmin(read):
            still.append(name)
        else:
            kept[str(name)] = read
            if odd:
                findings.warn(
                    "values_odd",
                    f"{file.name}: {counted(len(odd), 'cell')} of {name!r} are no numbers, such as "
                    f"{str(frame[name].iloc[odd[0]])[:40]!r}. They count as missing.",
                )
    for what, names in (("hold words", words), ("are empty", empty), ("never change", still)):
        if names:
            findings.warn(
                "columns_left_out", f"{file.name}: columns that {what} are left out: {listed(names, 12)}."
            )
    return pd.DataFrame(kept, index=frame.index)


def _without_leaks(
    values: pd.DataFrame, marked: npt.NDArray[np.bool_], file: Path, findings: Findings
) -> pd.DataFrame:
    """Return the columns that do not say the label in other words."""
    told = [
        name
        for name in values.columns
        if abs(float(np.corrcoef(np.nan_to_num(values[name].to_numpy()), marked)[0, 1])) > _LEAK
    ]
    if told:
        findings.warn(
            "column_leaks",
            f"{file.name}: columns that say the same as the label are left out: {listed(told)}. A device would not "
            "send them.",
        )
    return values.drop(columns=told)


def _marks(cells: pd.Series, file: Path, findings: Findings) -> npt.NDArray[np.bool_] | None:
    words = cells.map(lambda cell: "" if is_missing(cell) else str(cell).strip().lower())
    unknown = sorted(set(words) - _YES - _NO)
    if unknown:
        findings.fatal(
            "label_no_mark",
            f"{file.name}: the label column {cells.name!r} holds {listed([repr(word) for word in unknown])}. "
            "It must say 1 where a row is anomalous and 0 where not.",
        )
        return None
    marked = words.isin(_YES).to_numpy()
    if marked.all() or not marked.any():
        findings.warn(
            "one_class",
            f"{file.name}: every row has the same label ({'1' if marked.any() else '0'}), so labels tell nothing: the "
            "series is learned from as if it had none.",
        )
        return None
    return marked


def _seconds(cells: pd.Series, file: Path, findings: Findings) -> npt.NDArray[np.float64]:
    """Return times as seconds, NaN where they cannot be read."""
    stamped = _are_stamps(cells)
    read, odd = (np.empty(0), []) if stamped else _read(cells)
    if not stamped and len(odd) <= _ODD_SHARE * len(cells):
        size = np.nanmedian(np.abs(read)) if np.isfinite(read).any() else 0.0
        seconds = read / (1000.0 if size > _MILLISECONDS else 1.0)
    else:
        stamps = pd.to_datetime(cells.astype(str), errors="coerce", utc=True, format="ISO8601")
        if stamps.isna().mean() > _ODD_SHARE:
            stamps = pd.to_datetime(cells.astype(str), errors="coerce", utc=True, format="mixed")
        seconds = (stamps - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy()
    unread = int(np.isnan(seconds).sum())
    if unread == len(cells):
        findings.fatal(
            "time_unreadable",
            f"{file.name}: no time in column {cells.name!r} can be read, such as {str(cells.iloc[0])[:40]!r}. Write "
            "ISO 8601 (2026-01-31T12:00:00) or seconds, or name another column with --column time=NAME.",
        )
    elif unread:
        findings.warn(
            "time_missing", f"{file.name}: {counted(unread, 'row')} without a readable time are left out."
        )
    return np.asarray(seconds, dtype=float)


def _are_stamps(cells: pd.Series) -> bool:
    """Say whether the first cells are times in words: reading each of millions as a number would find nothing."""
    first = cells.dropna().head(100)
    return len(first) > 0 and all(isinstance(cell, str) and ":" in cell for cell in first)


def _in_time(seconds: npt.NDArray[np.float64], where: str, findings: Findings) -> npt.NDArray[np.intp]:
    """Return the rows in the order of time, one for each time, and say what had to be done."""
    order = np.argsort(seconds, kind="stable")
    if (np.diff(seconds) < 0).any():
        findings.note("time_unsorted", f"{where}: the rows are not in the order of time; they are sorted.")
    steps = np.diff(seconds[order])
    if len(steps) and (steps == 0).any():
        twice = int((steps == 0).sum())
        findings.warn(
            "time_twice",
            f"{where}: {counted(twice, 'row')} with a time that another row has too are left out. If several devices "
            "are in one table, name their column with --column series=NAME.",
        )
        order = order[np.concatenate([[True], steps > 0])]
        steps = steps[steps > 0]
    if len(steps):
        usual = float(np.median(steps))
        uneven = float((np.abs(steps - usual) > _UNEVEN * usual).mean())
        if uneven > 0.05:
            findings.note(
                "time_uneven",
                f"{where}: {uneven:.0%} of the steps in time are not the usual {usual:g} s. Rows are taken as they "
                "come, as a device that sends them would.",
            )
    return order


def _long_enough(recordings: Sequence[Recording], findings: Findings) -> list[Recording]:
    kept = [recording for recording in recordings if len(recording.values) >= _LEAST_ROWS]
    short = [recording.name for recording in recordings if len(recording.values) < _LEAST_ROWS]
    total = sum(len(recording.values) for recording in kept)
    if total < _LEAST_IN_ALL:
        longest = max((len(recording.values) for recording in recordings), default=0)
        findings.fatal(
            "rows_few",
            f"{counted(longest, 'row')} in the longest series: too few to learn what is usual. At least "
            f"{_LEAST_IN_ALL} rows are needed, of series of at least {_LEAST_ROWS}; some thousand are better.",
        )
    elif short:
        findings.warn(
            "series_short",
            f"{counted(len(short), 'series', 'series')} of fewer than {_LEAST_ROWS} rows left out: {listed(short)}.",
        )
    return kept
