"""The one door to matplotlib, which only who plots needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hive.errors import HiveError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width_in: float, height_in: float) -> Figure:
    """Return an empty figure of this size in inches. Raises HiveError(extra_missing) without matplotlib."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - only who plots needs it
    except ImportError as error:
        detail = "The plot needs matplotlib: pip install 'hive-mesh[plots]'."
        raise HiveError("extra_missing", detail) from error
    return Figure(figsize=(width_in, height_in), layout="constrained")
