"""The store port. The dispatcher owns every write; a write is durable only once `committed` has named its token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Commit:
    """What became of written records: durable if `failure` is empty, else nothing of them was kept."""

    tokens: tuple[int, ...]
    failure: str = ""


class Store(Protocol):
    """Takes records and says when they are durable."""

    def open(self) -> int:
        """Start and return this start's epoch, larger than any before. Raises HiveError(state_unwritable)."""
        ...

    def write(self, token: int, record: Mapping[str, object]) -> None:
        """Queue a record. Returns at once; `token` is named by a later Commit."""
        ...

    def committed(self) -> list[Commit]:
        """Return what has been decided since the last call, in the order of writing; never blocks."""
        ...

    def close(self) -> None:
        """Stop; records that were not committed may be lost."""
        ...
