"""Where a mesh keeps its state on this machine, and how the files there are written and read.

$HIVE_HOME/<mesh>/mesh.json            what `hive up` started
$HIVE_HOME/<mesh>/agents/<site>.<device>.json written by each agent
$HIVE_HOME/<mesh>/conductors/<site>.json written by each conductor
$HIVE_HOME/<mesh>/logs/, run/           logs and private sockets
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Final

from hive.errors import HiveError

_PROBE_BYTES: Final = 4096


def home() -> Path:
    """Return $HIVE_HOME, or `hive` in the user's state directory (XDG base directories)."""
    chosen = os.environ.get("HIVE_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state").absolute() / "hive"


def mesh_dir(mesh: str) -> Path:
    """Return the directory of a mesh, which need not exist."""
    return home() / mesh


def make(folder: Path) -> Path:
    """Make a directory that only its owner may enter. Raises HiveError(state_unwritable) with what to do."""
    probe = folder / f".probe-{os.getpid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.write_bytes(bytes(_PROBE_BYTES))  # a full disk still takes an empty file
        probe.unlink()
    except OSError as error:
        with contextlib.suppress(OSError):
            probe.unlink()
        advice = "Make it writable, or set HIVE_HOME to a directory that is."
        raise HiveError(
            "state_unwritable", f"{folder} cannot be written: {error.strerror}. {advice}"
        ) from error
    return folder


def write_json(path: Path, value: object) -> bool:
    """Replace a status file at once, so that no reader ever sees half of it; False if that cannot be.

    Status files are for people: a disk that is full must not end what works.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(value), encoding="utf-8")
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        return False
    return True


def read_json(path: Path) -> object:
    """Return what a file holds, None if it is absent or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
