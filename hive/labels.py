"""Labels: data classes on a payload, as a bitmap so that the hot path compares them with one instruction.

The four labels of the architecture have fixed bits. A mesh may add up to 60 of its own; their bits follow in
the order of its configuration and travel in WELCOME, so two peers never have to guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from hive.errors import HiveError

BUILTIN: Final = ("public", "internal", "pii", "phi")
MAX_LABELS: Final = 64


class LabelTable:
    """Names of labels and their bits; the value of a set of labels is the OR of their bits."""

    __slots__ = ("_bits", "names")

    def __init__(self, extra: Sequence[str] = ()) -> None:
        """Build the table from the built-in labels and `extra`; raise HiveError(config_invalid) on a clash."""
        self.names: tuple[str, ...] = (*BUILTIN, *extra)
        if len(set(self.names)) != len(self.names):
            raise HiveError("config_invalid", f"A label is named twice in {list(self.names)}.")
        if len(self.names) > MAX_LABELS:
            raise HiveError("config_invalid", f"{len(self.names)} labels; a mesh takes at most {MAX_LABELS}.")
        self._bits = {name: 1 << i for i, name in enumerate(self.names)}

    def mask(self, names: Iterable[str]) -> int:
        """Return the bitmap of `names`; raise HiveError(bad_request) for a label that the mesh does not know."""
        mask = 0
        for name in names:
            bit = self._bits.get(name)
            if bit is None:
                raise HiveError(
                    "bad_request", f"Unknown label {name!r}: this mesh knows {', '.join(self.names)}."
                )
            mask |= bit
        return mask

    def known(self, names: Iterable[str]) -> int:
        """Return the bitmap of those of `names` that the mesh knows."""
        return self.mask(name for name in names if name in self._bits)

    def unpack(self, mask: int) -> tuple[str, ...]:
        """Return the names in `mask`, in the table's order; bits without a name appear as `label-<bit>`."""
        known = tuple(name for name, bit in self._bits.items() if mask & bit)
        rest = mask >> len(self.names)
        strangers = tuple(f"label-{i + len(self.names)}" for i in range(rest.bit_length()) if rest >> i & 1)
        return known + strangers
