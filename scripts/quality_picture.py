# ruff: noqa: INP001 - a script, no package
"""Quality against size and against time, of a specialist and of what it was made from, as an SVG.

Written by hand and not by a plotting library, so that the same figures give the same bytes on every machine, and a
test can hold the picture against them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_WIDTH, _HEIGHT = 760, 270
_LEFT, _TOP, _BOTTOM, _GAP = 64, 44, 44, 36
_INK = "#7d8590"  # read on white and on black
_COLOURS = {"teacher": "#6b7280", "student fp32": "#3b82f6", "student int8": "#f59e0b"}
_FONT = 'role="img" font-family="sans-serif" font-size="12"'
_MB = 1e6
_ROOM = 0.25  # of the range, kept free around the points


@dataclass(frozen=True, slots=True)
class Point:
    """One model: its name, quality with an interval, size in bytes and time of an answer in ms (0: not measured)."""

    name: str
    value: float
    low: float
    high: float
    size_bytes: float
    p50_ms: float


def picture(measure: str, points: Sequence[Point]) -> str:
    """Return an SVG with a panel for the size and, where all were timed, one for the time of an answer."""
    panels: list[tuple[str, Callable[[Point], float], Callable[[float], str]]] = [
        ("size of the model", lambda point: point.size_bytes, _size)
    ]
    if all(point.p50_ms > 0 for point in points):
        panels.append(
            ("time of one answer, one thread, p50", lambda point: point.p50_ms, lambda ms: f"{ms:g} ms")
        )
    low, high = _widened(min(p.low for p in points), max(p.high for p in points))
    wide = (_WIDTH - _LEFT - _GAP * len(panels)) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" {_FONT} fill="{_INK}">',
        f"<title>{measure} against size and time</title>",
        f'<text x="{_LEFT}" y="14">{measure}</text>',
    ]
    column = (_WIDTH - _LEFT) / len(points)
    for place, point in enumerate(points):
        x, colour = _LEFT + place * column, _COLOURS.get(point.name, _INK)
        costs = ", ".join(shown(float(f"{cost(point):.2g}")) for _, cost, shown in panels)
        parts.append(
            f'<text x="{x:.1f}" y="32" fill="{colour}">● {point.name}: {point.value:.3f}, {costs}</text>'
        )
    for step in range(5):
        value = low + (high - low) * step / 4
        y = _y(value, low, high)
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.3f}</text>')
    for place, (title, cost, shown) in enumerate(panels):
        left = _LEFT + place * (wide + _GAP)
        parts += _panel(left, wide, title, points, cost, shown, low, high)
    return "\n".join([*parts, "</svg>", ""])


def _panel(
    left: float,
    wide: float,
    title: str,
    points: Sequence[Point],
    cost: Callable[[Point], float],
    shown: Callable[[float], str],
    low: float,
    high: float,
) -> list[str]:
    begin, end = _widened(*(math.log10(extreme(map(cost, points))) for extreme in (min, max)))
    base = _HEIGHT - _BOTTOM
    parts = [
        f'<rect x="{left:.1f}" y="{_TOP}" width="{wide:.1f}" height="{base - _TOP}" fill="none" stroke="{_INK}"/>'
    ]
    parts.append(f'<text x="{left + wide / 2:.1f}" y="{_HEIGHT - 6}" text-anchor="middle">{title}</text>')
    for tick in range(math.ceil(begin), math.floor(end) + 1):
        x = left + wide * (tick - begin) / (end - begin)
        parts.append(f'<path d="M{x:.1f} {_TOP}V{base}" stroke="{_INK}" stroke-opacity=".25"/>')
        parts.append(f'<text x="{x:.1f}" y="{base + 16}" text-anchor="middle">{shown(10**tick)}</text>')
    for point in points:
        x = left + wide * (math.log10(cost(point)) - begin) / (end - begin)
        y, top, foot = (_y(value, low, high) for value in (point.value, point.high, point.low))
        colour = _COLOURS.get(point.name, _INK)
        parts.append(f'<path d="M{x:.1f} {top:.1f}V{foot:.1f}" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>')
    return parts


def _y(value: float, low: float, high: float) -> float:
    base = _HEIGHT - _BOTTOM
    return base - (base - _TOP) * (value - low) / (high - low)


def _widened(low: float, high: float) -> tuple[float, float]:
    room = _ROOM * (high - low) or 0.01
    return low - room, high + room


def _size(size: float) -> str:
    return f"{size / _MB:g} MB" if size >= _MB else f"{size / 1e3:g} kB"
