"""The store port. The dispatcher owns every write; a record is durable only once an Event has named its token.

Records are committed in the order of writing, in groups; a group is committed as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from conductor.core.actions import CommitFailed, Committed, Known, Looked
from conductor.core.records import Question, Record, Recovery

Event = Committed | CommitFailed | Known | Looked


class Store(Protocol):
    """Takes records and questions, and says what became of them."""

    def open(self) -> int:
        """Start and return this start's epoch, larger than any before and durable.

        Raises HiveError: state_unwritable, store_in_use (another conductor has it open), store_newer (its tables
        belong to a later version).
        """
        ...

    def recover(self) -> Recovery:
        """Return what an earlier start left, with instants in this process's clock. To be called once, after `open`."""
        ...

    def write(self, token: int, record: Record) -> None:
        """Queue a record and return at once; a `token` other than UNHEARD is named by a later event."""
        ...

    def ask(self, token: int, question: Question) -> None:
        """Queue a question and return at once; it sees every record that was written before it."""
        ...

    def events(self) -> list[Event]:
        """Return what has been decided since the last call, in the order of writing; never blocks.

        Written records are taken up no later than with this call: it ends a batch.
        """
        ...

    def wake(self, call: Callable[[], None]) -> None:
        """Have `call` made, from any thread, whenever there are new events."""
        ...

    def close(self) -> None:
        """Commit what was written, as far as that can be, and stop."""
        ...
