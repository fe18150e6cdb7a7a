"""What a model file says of rows, whether it is the teacher's or the student's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from specialists.forge.tag.rows import Row, boxed
from specialists.forge.timing import one_thread

Floats = npt.NDArray[np.float32]
_BATCH: Final = 16


@dataclass(frozen=True, slots=True)
class Outputs:
    """For each row the logits of its words [words, tags], and for all the logits of intents [rows, intents or 0]."""

    words: list[Floats]
    intents: Floats


def feed_of(rows: Sequence[Row], *, masked: bool) -> dict[str, npt.NDArray[np.int64]]:
    """Return the inputs of a model for `rows`; a teacher wants a mask too."""
    box = boxed(rows)
    feed = {"ids": box.ids.numpy(), "shapes": box.shapes.numpy()}
    return feed | {"mask": box.mask.numpy()} if masked else feed


def outputs_of(model: bytes | Path, rows: Sequence[Row], *, masked: bool) -> Outputs:
    """Run `model` over `rows` in batches of equal length, so that no filling can matter."""
    session = one_thread(model)
    words: list[Floats] = [np.zeros((0, 0), dtype=np.float32)] * len(rows)
    intents: dict[int, Floats] = {}
    for part in _alike(rows):
        found: Sequence[Floats] = session.run(None, feed_of([rows[i] for i in part], masked=masked))
        for line, i in enumerate(part):
            words[i] = found[0][line, rows[i].starts]
            intents[i] = found[1][line] if len(found) > 1 else np.zeros(0, dtype=np.float32)
    return Outputs(words, np.stack([intents[i] for i in range(len(rows))]))


def _alike(rows: Sequence[Row]) -> list[list[int]]:
    by_length: dict[int, list[int]] = {}
    for number, row in enumerate(rows):
        by_length.setdefault(len(row.ids), []).append(number)
    return [
        places[at : at + _BATCH]
        for _, places in sorted(by_length.items())
        for at in range(0, len(places), _BATCH)
    ]
