"""The one way from inputs to answers, which every kind of specialist with a model takes.

Each input is prepared, those of similar length are run together, the model's outputs are checked, and the answers come
back in the order of the inputs. A kind says only what differs: how an input is read, what the model is fed, and what
its outputs mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import numpy as np

from hive.errors import HiveError
from specialists.engine.base import Array, Engine
from specialists.kinds.base import Answer, Inputs, answered_each

Item = TypeVar("Item")

Feeds = Mapping[str, Array]
Shapes = Sequence[tuple[int, ...]]

_SIMILAR: Final = 1.5
"""A group's longest item has at most this many times the length of its shortest.

Filling up costs what the filler costs to compute, one more run what a run costs by itself: measured on the bundled
models, 1.25 to 2 are equally quick, and a batch that is not split is slower (tests/benchmarks/buckets.py).
"""


@dataclass(frozen=True, slots=True)
class Way(Generic[Item]):
    """What a kind does at each step.

    `prepare` reads and checks one input (HiveError(input_invalid) if it does not fit), `size` is how long it is for the
    model, `feeds` turns a group into the model's inputs, `shapes` says which shapes its outputs must have for such
    feeds, and `finish` turns outputs into one answer per item of the group. None of them depends on the neighbours of
    an item.
    """

    engine: Engine
    prepare: Callable[[Inputs], Item]
    size: Callable[[Item], int]
    feeds: Callable[[Sequence[Item]], Feeds]
    shapes: Callable[[Feeds], Shapes]
    finish: Callable[[Sequence[Item], Sequence[Array]], Sequence[Answer]]

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Return one answer per input, in order, as `Kind.answer` asks for.

        Raises HiveError(inference_failed) if the model fails, or gives other shapes or numbers than it should.
        """
        return answered_each(batch, self.prepare, self._run)

    def _run(self, items: list[Item]) -> list[Answer]:
        answers: dict[int, Answer] = {}
        for places in similar([self.size(item) for item in items]):
            group = [items[place] for place in places]
            feeds = self.feeds(group)
            outputs = self.engine.run(feeds)
            check(outputs, self.shapes(feeds))
            answers.update(zip(places, self.finish(group, outputs), strict=True))
        return [answers[place] for place in range(len(items))]


def similar(sizes: Sequence[int]) -> list[list[int]]:
    """Return the places of `sizes` in groups of similar size, each from short to long; every place is in one."""
    groups: list[list[int]] = []
    shortest = 0
    for place in sorted(range(len(sizes)), key=lambda place: sizes[place]):
        if not groups or sizes[place] > _SIMILAR * shortest:
            groups.append([])
            shortest = sizes[place]
        groups[-1].append(place)
    return groups


def check(outputs: Sequence[Array], shapes: Shapes) -> None:
    """Raise HiveError(inference_failed) if `outputs` have other shapes, or hold anything that is no finite number."""
    found = [output.shape for output in outputs]
    if found != list(shapes):
        raise HiveError(
            "inference_failed", f"The model's outputs have the shapes {found}, not {list(shapes)}."
        )
    if not all(np.isfinite(output).all() for output in outputs):
        raise HiveError("inference_failed", "The model's outputs are not all numbers.")
