"""Finished stages on disk, each under a key of everything that it was made from.

An entry is whole or absent: a stage writes beside it and is moved into place when it is done. What it holds is
written down with hashes, so that a damaged entry is made again instead of used.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DONE: Final = "done.json"
_DIGITS: Final = 20
_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished stage: its folder, and the sentences that it said."""

    folder: Path
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A stage under way: where it writes, and what outlives a kill."""

    folder: Path
    scratch: Path


class Cache:
    """Entries below one directory, by stage and key."""

    def __init__(self, root: Path) -> None:
        """Use `root`, which is made when it is needed."""
        self.root = root

    def find(self, stage: str, key: str) -> Entry | None:
        """Return the finished entry, None if there is none or if it is not what was written."""
        folder = self._folder(stage, key)
        try:
            done = json.loads((folder / DONE).read_text("utf-8"))
            if done["files"] == _hashes(folder):
                return Entry(folder, tuple(done["said"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return None

    def begin(self, stage: str, key: str) -> Unfinished:
        """Return empty space for a stage; what an earlier, killed try left in its scratch is still there."""
        part = self._part(stage, key)
        unfinished = Unfinished(part / "out", part / "scratch")
        shutil.rmtree(unfinished.folder, ignore_errors=True)
        unfinished.folder.mkdir(parents=True)
        unfinished.scratch.mkdir(exist_ok=True)
        return unfinished

    def finish(self, stage: str, key: str, unfinished: Unfinished, said: Sequence[str]) -> Entry:
        """Move a stage's results into place and drop its scratch."""
        done = {"files": _hashes(unfinished.folder), "said": list(said)}
        (unfinished.folder / DONE).write_text(json.dumps(done, indent=1), "utf-8")
        folder = self._folder(stage, key)
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.folder.replace(folder)
        shutil.rmtree(unfinished.scratch.parent, ignore_errors=True)
        return Entry(folder, tuple(said))

    def forget(self, stage: str, key: str) -> None:
        """Remove an entry, and what a killed try left of it."""
        shutil.rmtree(self._folder(stage, key), ignore_errors=True)
        shutil.rmtree(self._part(stage, key), ignore_errors=True)

    @contextmanager
    def only_one(self, stage: str, key: str, waits: Callable[[], None]) -> Iterator[None]:
        """Keep other builds away from this entry; a second one waits for the first, then finds it finished.

        `waits` is called before it does.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f"{stage}-{key[:_DIGITS]}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waits()
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def kept(self) -> Path:
        """Return the folder for what outlives every build."""
        folder = self.root / "kept"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _folder(self, stage: str, key: str) -> Path:
        return self.root / f"{stage}-{key[:_DIGITS]}"

    def _part(self, stage: str, key: str) -> Path:
        return self.root / f"{stage}-{key[:_DIGITS]}.part"


def default_root(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where finished stages are kept: $HIVE_FORGE_CACHE, else hive/forge below the user's cache folder."""
    if given := environ.get("HIVE_FORGE_CACHE"):
        return Path(given)
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hive" / "forge"


def key_of(parts: Mapping[str, object]) -> str:
    """Return the key of plain JSON values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def content_hash(path: Path) -> str:
    """Return the sha256 of a file, or of the names and contents of all files below a directory."""
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(f"{file.relative_to(path)}\0{content_hash(file)}\n".encode())
        return digest.hexdigest()
    with path.open("rb") as content:
        while block := content.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): content_hash(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / DONE
    }
