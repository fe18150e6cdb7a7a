"""A store in memory: it confirms in the same way as a durable one, and forgets everything with the process.

Only the epoch outlives it, in a small file, because a fence that starts again at one fences nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from conductor.store.base import Commit
from hive.errors import HiveError


class MemoryStore:
    """Confirms each record at the next call of `committed`."""

    def __init__(self, epoch_file: Path | None = None) -> None:
        """Keep the epoch in `epoch_file`; without one every store begins at epoch 1 (tests, simulator)."""
        self._epoch_file = epoch_file
        self._waiting: list[int] = []

    def open(self) -> int:
        """Return the next epoch, made durable before anything is fenced with it."""
        if self._epoch_file is None:
            return 1
        try:
            epoch = int(self._epoch_file.read_text(encoding="ascii")) + 1
        except FileNotFoundError:
            epoch = 1
        except (OSError, ValueError) as error:
            detail = (
                f"The epoch in {self._epoch_file} cannot be read: {error}. Remove the file to begin anew."
            )
            raise HiveError("state_unwritable", detail) from error
        try:
            _write_durably(self._epoch_file, str(epoch))
        except OSError as error:
            raise HiveError("state_unwritable", f"{self._epoch_file} cannot be written: {error}.") from error
        return epoch

    def write(self, token: int, record: Mapping[str, object]) -> None:
        """Take a record; what it says lives in the core's memory already."""
        del record
        self._waiting.append(token)

    def committed(self) -> list[Commit]:
        """Return every record written since the last call, as committed."""
        if not self._waiting:
            return []
        tokens, self._waiting = tuple(self._waiting), []
        return [Commit(tokens)]

    def close(self) -> None:
        """Forget what was not confirmed."""
        self._waiting.clear()


def _write_durably(path: Path, text: str) -> None:
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
