"""Identifiers. A task id is 16 bytes chosen by the caller, so that a repeated submission is recognised."""

from __future__ import annotations

import binascii
import hashlib
import os
from typing import NewType

from hive.errors import HiveError

TaskId = NewType("TaskId", bytes)
NO_TASK = TaskId(bytes(16))


def new_task_id() -> TaskId:
    """Return 16 random bytes."""
    return TaskId(os.urandom(16))


def task_id_for_key(key: str) -> TaskId:
    """Return the id of a task with an idempotency key: the same key is the same task of its principal."""
    return TaskId(hashlib.sha256(b"hive-key-1\0" + key.encode("utf-8")).digest()[:16])


def task_id_for_retry(task_id: TaskId) -> TaskId:
    """Return the id of the task that tries another one again: to retry a task twice is to retry it once."""
    return TaskId(hashlib.sha256(b"hive-retry-1\0" + task_id).digest()[:16])


def task_id_text(task_id: TaskId) -> str:
    """Return the 32 hexadecimal digits that people and URLs use."""
    return task_id.hex()


def parse_task_id(text: str) -> TaskId:
    """Return the id written as 32 hexadecimal digits; raise HiveError(bad_request) otherwise."""
    try:
        raw = binascii.unhexlify(text)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != len(NO_TASK):
        raise HiveError("bad_request", f"{text!r} is not a task id: write its 32 hexadecimal digits.")
    return TaskId(raw)


def new_incarnation() -> int:
    """Return a random 63-bit number that names one boot of one process."""
    return int.from_bytes(os.urandom(8), "little") >> 1
