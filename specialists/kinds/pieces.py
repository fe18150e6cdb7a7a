"""A piece of one channel as the model that names faults sees it: of one length, and on scales without units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from specialists.kinds.usual import Floats, Usual, first_usual

LENGTH: Final = 128
VIEWS: Final = 8
_BOUND: Final = 6.0
_HOP: Final = 32


@dataclass(frozen=True, slots=True)
class Scale:
    """What is usual for a channel: its level, spread and step, and the least difference that means anything."""

    level: float
    spread: float
    step: float
    floor: float


@dataclass(frozen=True, slots=True)
class Piece:
    """At most LENGTH rows of a channel, from row `begin` of its window, and what is usual for it."""

    values: Floats
    begin: int
    scale: Scale


def scale_of(values: Floats, usual: Usual | None, least_rows: int) -> Scale:
    """Return what is usual by the context, or by the values themselves where it knows fewer than `least_rows` rows."""
    state = usual if usual is not None and usual.rows[0] >= least_rows else first_usual(values[None])
    floor = float(state.floor()[0])
    return Scale(float(state.level[0]), float(state.spread[0]), float(state.step[0]), floor)


def worst_piece(values: Floats, scale: Scale) -> Piece:
    """Return the LENGTH rows that are farthest from usual: by value, by step, by gaps or by standing still."""
    if len(values) <= LENGTH:
        return Piece(values, 0, scale)
    begins = [*range(0, len(values) - LENGTH, _HOP), len(values) - LENGTH]
    odd = [_oddity(values[begin : begin + LENGTH], scale) for begin in begins]
    begin = begins[int(np.argmax(odd))]
    return Piece(values[begin : begin + LENGTH], begin, scale)


def view_of(piece: Piece) -> Floats:
    """Return the model's view [VIEWS, LENGTH], filled up in front."""
    values, scale = piece.values, piece.scale
    there = np.isfinite(values)
    filled = _filled(values, scale.level)
    own = first_usual(values[None])
    moves = np.diff(filled, prepend=filled[0])
    spread, step = scale.spread + scale.floor, scale.step + 0.01 * scale.spread + scale.floor
    own_spread = float(own.spread[0]) + scale.floor
    inside = len(values)
    out = np.zeros((VIEWS, LENGTH))
    view = out[:, LENGTH - inside :]
    view[0] = np.arcsinh((filled - scale.level) / spread) * there
    view[1] = np.arcsinh((filled - float(own.level[0])) / own_spread) * there
    view[2] = np.arcsinh(moves / step)
    view[3] = there
    view[4] = (np.abs(moves) <= scale.floor) * there
    view[5] = 1.0
    view[6] = np.log(own_spread / spread)
    view[7] = np.log((float(own.step[0]) + scale.floor) / step)
    return np.clip(out, -_BOUND, _BOUND)


def _filled(values: Floats, level: float) -> Floats:
    """Return values with the last one before in place of missing ones."""
    there = np.isfinite(values)
    if there.all():
        return values
    places = np.maximum.accumulate(np.where(there, np.arange(len(values)), -1))
    return np.where(places >= 0, values[np.maximum(places, 0)], level)


def _oddity(values: Floats, scale: Scale) -> float:
    there = np.isfinite(values)
    filled = _filled(values, scale.level)
    moves = np.abs(np.diff(filled))
    spread, step = scale.spread + scale.floor, scale.step + 0.01 * scale.spread + scale.floor
    away = float(np.arcsinh(np.abs(filled - scale.level).max() / spread))
    steps = float(np.arcsinh(moves.max() / step))
    still = float((moves <= scale.floor).mean())
    return away + 0.5 * steps + 6.0 * float((~there).mean()) + 3.0 * still
