"""What a manifest says of a table's columns: names, units, what is usual, how far the training data reached."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, NoReturn

from hive.errors import HiveError

NUMBER: Final = "number"
CATEGORY: Final = "category"
OPERATIONS: Final = ("product", "difference", "ratio")
_PAIR: Final = 2
_WHOLE_FROM: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric column.

    `median` and `scale` (a robust spread, above 0) are used for scaling, `usual` are the limits of the middle eight
    tenths, `low` and `high` the least and the greatest value of the training data. All in the column's own `unit`.
    """

    name: str
    title: str
    unit: str
    median: float
    scale: float
    usual: tuple[float, float]
    low: float
    high: float

    def as_json(self) -> dict[str, object]:
        """Return the manifest's entry."""
        return {"type": NUMBER, **asdict(self), "usual": list(self.usual)}

    def written(self, value: float) -> str:
        """Return a value with its unit."""
        return f"{plain(value)} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Category:
    """A column of texts out of a fixed list; `common` is the commonest."""

    name: str
    title: str
    values: tuple[str, ...]
    common: str

    def as_json(self) -> dict[str, object]:
        """Return the manifest's entry."""
        return {"type": CATEGORY, **asdict(self), "values": list(self.values)}


@dataclass(frozen=True, slots=True)
class Derived:
    """A number made of two numeric columns: their product, difference or ratio."""

    op: str
    of: tuple[str, str]
    median: float
    scale: float
    low: float
    high: float

    def as_json(self) -> dict[str, object]:
        """Return the manifest's entry."""
        return {**asdict(self), "of": list(self.of)}


Column = Number | Category


def plain(value: float) -> str:
    """Return a number as people write it: four digits, or all those before the point."""
    return f"{value:.0f}" if abs(value) >= _WHOLE_FROM else f"{value:.4g}"


def columns_of(raw: object) -> list[Column]:
    """Read `preprocess.columns` of a manifest; raise HiveError(manifest_invalid) that names the wrong field."""
    found: list[Column] = []
    for at, entry in enumerate(_entries(raw, "preprocess.columns")):
        where = f"preprocess.columns[{at}]"
        found.append(_category(entry, where) if entry.get("type") == CATEGORY else _number(entry, where))
    names = [column.name for column in found]
    if not names or len(set(names)) < len(names):
        _fail("preprocess.columns", "must hold at least one column, each under its own name")
    return found


def derived_of(raw: object, columns: list[Column]) -> list[Derived]:
    """Read `preprocess.derived`; raise HiveError(manifest_invalid) that names the wrong field."""
    numeric = {column.name for column in columns if isinstance(column, Number)}
    found = []
    for at, entry in enumerate(_entries(raw, "preprocess.derived")):
        where = f"preprocess.derived[{at}]"
        pair = entry.get("of")
        if not isinstance(pair, list) or len(pair) != _PAIR or not set(pair) <= numeric:
            _fail(f"{where}.of", "must be the names of two numeric columns")
        if entry.get("op") not in OPERATIONS:
            _fail(f"{where}.op", f"must be one of {', '.join(OPERATIONS)}")
        found.append(
            Derived(
                str(entry["op"]),
                (pair[0], pair[1]),
                _real(entry, "median", where),
                _spread(entry, where),
                _real(entry, "low", where),
                _real(entry, "high", where),
            )
        )
    return found


def _number(entry: Mapping[str, object], where: str) -> Number:
    if entry.get("type") != NUMBER:
        _fail(f"{where}.type", f"must be {NUMBER!r} or {CATEGORY!r}")
    usual = entry.get("usual")
    if not isinstance(usual, list) or len(usual) != _PAIR:
        _fail(f"{where}.usual", "must be two numbers")
    low, high = (_real({"usual": value}, "usual", where) for value in usual)
    return Number(
        name=_text(entry, "name", where),
        title=_text(entry, "title", where),
        unit=str(entry.get("unit", "")),
        median=_real(entry, "median", where),
        scale=_spread(entry, where),
        usual=(low, high),
        low=_real(entry, "low", where),
        high=_real(entry, "high", where),
    )


def _category(entry: Mapping[str, object], where: str) -> Category:
    values = entry.get("values")
    if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        _fail(f"{where}.values", "must be a list of texts")
    common = _text(entry, "common", where)
    if common not in values or len(set(values)) < len(values):
        _fail(f"{where}.values", "must hold `common`, and each text once")
    return Category(_text(entry, "name", where), _text(entry, "title", where), tuple(values), common)


def _entries(raw: object, where: str) -> list[Mapping[str, object]]:
    if not isinstance(raw, list) or not all(isinstance(entry, dict) for entry in raw):
        _fail(where, "must be a list of objects")
    return raw


def _text(entry: Mapping[str, object], name: str, where: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value:
        _fail(f"{where}.{name}", "must be a text that is not empty")
    return value


def _real(entry: Mapping[str, object], name: str, where: str) -> float:
    value = entry.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        _fail(f"{where}.{name}", "must be a finite number")
    return float(value)


def _spread(entry: Mapping[str, object], where: str) -> float:
    value = _real(entry, "scale", where)
    if value <= 0:
        _fail(f"{where}.scale", "must be above 0")
    return value


def _fail(field: str, why: str) -> NoReturn:
    raise HiveError("manifest_invalid", f"`{field}` {why}.", field=field)
