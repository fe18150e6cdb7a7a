"""An alert in words: what happened to which channel of which device, with the numbers."""

from __future__ import annotations

from typing import Final

from specialists.kinds.extent import Extent

_STRONG: Final = 10.0
_MEDIUM: Final = 5.0
_LONG: Final = 32
_MINUTE: Final = 60.0
_HOUR: Final = 3600.0


def sentence(kind: str, channel: str, source: str, extent: Extent, interval_s: float) -> str:
    """Return one sentence about a fault of `kind`; a window's rows are `interval_s` seconds apart."""
    where = f"{channel} on {source}" if source else channel
    lasts = duration((extent.end - extent.start) * interval_s)
    went = f"{number(extent.before)} to {number(extent.after)}"
    times = f"{extent.times:.1f} times its usual spread"
    rose = "rose" if extent.after > extent.before else "fell"
    return {
        "spike": f"{where} jumped from {went} for {lasts}, {times}.",
        "level_shift": f"{where} {rose} from {went} and has stayed there for {lasts}, {times}.",
        "drift": f"{where} drifted from {went} within {lasts}, {times}.",
        "stuck": f"{where} has stood at {number(extent.after)} for {lasts}; usual is {number(extent.before)}.",
        "noise": f"{where} moves by {number(extent.after)} from value to value for {lasts}, {extent.times:.1f} times "
        f"as much as usual.",
        "oscillation": f"{where} swings by {number(extent.after)} around its middle every "
        f"{duration(extent.count * interval_s)}, {times}.",
        "missing": f"{int(extent.count)} values of {where} are missing within {lasts}.",
    }[kind]


def severity(kind: str, extent: Extent) -> str:
    """Return low, medium or high: by how many usual spreads a fault is, or by how long nothing comes."""
    if kind in {"stuck", "missing"}:
        return "high" if extent.end - extent.start >= _LONG else "medium"
    return "high" if extent.times >= _STRONG else "medium" if extent.times >= _MEDIUM else "low"


def number(value: float) -> str:
    """Return a value with as many digits as one reads."""
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"  # noqa: PLR2004 - below, digits behind the point


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    if seconds < 2 * _MINUTE:
        return f"{seconds:.3g} s"
    return f"{seconds / _MINUTE:.3g} min" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.3g} h"
