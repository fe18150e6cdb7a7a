"""Records as the core writes them, for whoever tests a store: each test names what it is about."""

from __future__ import annotations

import threading
import time
from typing import Final

from conductor.core.actions import CommitFailed, Committed, Known, Looked
from conductor.core.records import (
    Answer,
    Body,
    Finished,
    Question,
    Record,
    Started,
    Stepped,
    Submitted,
)
from conductor.store.base import Event, Store
from hive.ids import TaskId

_WAIT_S: Final = 20.0


def task(number: int) -> TaskId:
    return TaskId(number.to_bytes(16, "big"))


def body(
    frames: tuple[bytes, ...] = (b"hello",), labels: tuple[str, ...] = ("internal",), name: str = "text"
) -> Body:
    return Body(name, "text", labels, frames)


def submitted(
    number: int,
    principal: str = "local",
    at_us: int = 0,
    inputs: tuple[Body, ...] | None = None,
    key: str = "",
) -> Submitted:
    created = at_us or 1_000 * number
    given = (body(),) if inputs is None else inputs
    labels = given[0].labels if given else ()
    return Submitted(
        principal,
        task(number),
        key,
        b"digest",
        "text.echo",
        labels,
        created,
        created + 30_000_000,
        b"\x80",
        given,
    )


def started(number: int, attempt: int = 1, principal: str = "local", step: int = 0) -> Started:
    return Started(principal, task(number), step, 7, attempt, "press-1/echo", "plant", 5, 0, 0)


def stepped(number: int, step: int = 0, principal: str = "local", output: Body | None = None) -> Stepped:
    return Stepped(principal, task(number), step, output or body((b"between",), name=""), b"\x80")


def finished(
    number: int, state: str = "done", principal: str = "local", at_us: int = 0, result: bytes = b"answer"
) -> Finished:
    code = "" if state == "done" else "internal"
    kept = body((result,), name="") if state == "done" else None
    return Finished(principal, task(number), state, code, at_us or 1_000 * number + 500, b"\x80", kept)


class Teller:
    """Writes to a store and waits for what becomes of it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.heard: list[Event] = []
        self.next_token = 1
        self._news = threading.Event()
        store.wake(self._news.set)

    def write(self, *records: Record) -> list[int]:
        """Queue records in one batch and return their tokens."""
        tokens = []
        for item in records:
            tokens.append(self.next_token)
            self.store.write(self.next_token, item)
            self.next_token += 1
        return tokens

    def keep(self, *records: Record) -> list[Event]:
        """Write records and return what became of them, once it is known of each."""
        tokens = self.write(*records)
        return self.fate(tokens)

    def ask(self, question: Question) -> Answer:
        """Ask and return the answer."""
        return self.ask_all([question])[0]

    def ask_all(self, questions: list[Question]) -> list[Answer]:
        """Ask many things at once and return the answers."""
        tokens = []
        for question in questions:
            tokens.append(self.next_token)
            self.store.ask(self.next_token, question)
            self.next_token += 1
        answers = []
        for event in self.fate(tokens):
            assert isinstance(event, Looked)
            assert event.failure == ""
            answers.append(event.answer)
        return answers

    def fate(self, tokens: list[int]) -> list[Event]:
        """Wait until something was said of each token, and return it."""
        begin = len(self.heard)
        end = time.monotonic() + _WAIT_S
        missing = set(tokens)
        while missing:
            self._news.clear()
            news = self.store.events()
            self.heard += news
            missing -= {token for event in news for token in tokens_of(event)}
            if missing and not news:
                assert self._news.wait(end - time.monotonic()), f"nothing was said of {missing}"
        return [event for event in self.heard[begin:] if set(tokens) & set(tokens_of(event))]


def tokens_of(event: Event) -> tuple[int, ...]:
    """Return the tokens that an event is about."""
    match event:
        case Committed(tokens) | CommitFailed(tokens, _):
            return tokens
        case Known(token, _) | Looked(token, _, _):
            return (token,)
