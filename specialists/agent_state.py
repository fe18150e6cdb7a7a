"""The agent's file in the state folder: which processes it has, for `hive status`; and its claim to its name."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Final

from hive.errors import HiveError

_FOLDER: Final = "agents"


class StateFile:
    """`<state>/agents/<site>.<name>.json`, replaced as a whole at every change, gone after a clean end.

    It holds {"role": "agent", "name", "site", "pid", "state", "nodes": [{"id", "pid", "state", "incarnation",
    "specialist", "conductor"}]}. After a SIGKILL it stays behind, so a reader has to see whether the pid lives.
    """

    def __init__(self, state_dir: Path, site: str, name: str) -> None:
        """Claim the name: raise HiveError(already_running) if an agent has it, HiveError(state_unwritable)."""
        stem = f"{site}.{name}".replace("/", ".")
        folder = state_dir / _FOLDER
        self.path = folder / f"{stem}.json"
        self._last = ""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock_fd = os.open(folder / f"{stem}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            detail = (
                f"An agent named {name!r} runs already at {site!r}. Stop it, or give this one another name."
            )
            raise HiveError("already_running", detail) from error
        except OSError as error:
            raise _unwritable(folder, error) from error

    def write(self, content: dict[str, object]) -> None:
        """Replace the file if the content changed; raise HiveError(state_unwritable)."""
        text = json.dumps(content)
        if text == self._last:
            return
        fresh = self.path.with_suffix(".tmp")
        try:
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self.path)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        self._last = text

    def remove(self) -> None:
        """Remove the file and give the name up."""
        self.path.unlink(missing_ok=True)
        os.close(self._lock_fd)


def _unwritable(path: Path, error: OSError) -> HiveError:
    detail = f"{path}: {error.strerror}. Set HIVE_HOME to a folder that you can write to."
    return HiveError("state_unwritable", detail)
