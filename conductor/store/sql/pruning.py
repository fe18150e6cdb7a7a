"""Retention: which finished tasks a store lets go, a few at a time. Unfinished ones are never among them."""

from __future__ import annotations

from typing import Final

from conductor.store.keep import Keep
from conductor.store.sql.commit import Committer, Doubt
from conductor.store.timeline import Line, Now

BATCH: Final = 200
_DAY_US: Final = 86_400 * 1_000_000
_LATER: Final = 2**62


class Pruner:
    """Lets go what need not be kept any more, the oldest first."""

    def __init__(self, committer: Committer, keep: Keep, line: Line, now: Now) -> None:
        """Prune what `committer` writes."""
        self._committer = committer
        self._keep = keep
        self._line = line
        self._now = now

    def step(self) -> bool:
        """Let a few tasks go; return whether there may be more."""
        if self._committer.broken:
            return False
        found = self._chosen()
        if not found:
            return False
        database, text = self._committer.database, self._committer.text
        seqs = [(seq,) for seq, _ in found]
        nothing = lambda: Doubt(0, 0, 0)  # noqa: E731 - a deletion that was done all the same needs no undoing
        if self._committer.change(lambda: database.many(text["drop"], seqs), nothing) is not None:
            return False
        self._committer.kept_tasks -= len(found)
        self._committer.kept_bytes -= sum(size for _, size in found)
        self._committer.tidy()
        return len(found) == BATCH

    def _chosen(self) -> list[tuple[int, int]]:
        """Return the tasks that go next, with their sizes: by age, then those that are too many or too large."""
        keep, now_us = self._keep, self._line.to_store(self._now().mono_us)
        found = self._oldest("spare", now_us - int(keep.days * _DAY_US), BATCH)
        found = found or self._oldest("old", now_us - int(keep.dead_days * _DAY_US), BATCH)
        if found:
            return found
        many = self._committer.kept_tasks - keep.tasks
        excess = self._committer.kept_bytes - keep.bytes
        if many <= 0 and excess <= 0:
            return []
        chosen: list[tuple[int, int]] = []
        for row in self._oldest("spare", _LATER, BATCH) or self._oldest("old", _LATER, BATCH):
            if len(chosen) >= many and sum(size for _, size in chosen) >= excess:
                break
            chosen.append(row)
        return chosen

    def _oldest(self, which: str, before_us: int, limit: int) -> list[tuple[int, int]]:
        committer = self._committer
        found, _ = committer.read(lambda: committer.database.rows(committer.text[which], (before_us, limit)))
        return [(seq, size) for seq, size in found or ()]
