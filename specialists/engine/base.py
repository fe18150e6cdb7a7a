"""The port of an inference engine: named arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]


class Engine(Protocol):
    """Runs one model. An engine holds no state between runs: the same feeds give the same answer."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the model's inputs."""
        ...

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        """Return the model's outputs in its own order.

        `feeds` holds exactly the model's inputs. Raises HiveError(inference_failed) if the model cannot take them or
        fails on them; no other exception leaves an engine.
        """
        ...
