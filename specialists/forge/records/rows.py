"""Records as a caller would send them."""

from __future__ import annotations

import numpy as np

from specialists.kinds.table import MISSING, Records, Table


def document_of(table: Table, records: Records, at: int) -> dict[str, object]:
    """Return one record as a caller would send it; an unknown category as a text that no column has."""
    numbers = {
        column.name: None if np.isnan(value) else float(value)
        for column, value in zip(table.numeric, records.numbers[at], strict=True)
    }
    texts = {
        column.name: column.values[code - 1] if code > MISSING else None if code == MISSING else "(unknown)"
        for column, code in zip(table.categories, records.codes[at], strict=True)
    }
    return {**numbers, **texts}
