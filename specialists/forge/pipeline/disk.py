"""A full disk is told as one."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hive.errors import HiveError

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_LITTLE: Final = 1 << 20


@contextmanager
def full_disk_told(*folders: Path) -> Iterator[None]:
    """Turn a failure to write that a full disk caused into HiveError(state_unwritable), with what to do.

    torch reports it as a RuntimeError of its own, so there the free space below `folders` decides.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        if not (isinstance(error, OSError) and error.errno in _FULL) and not _out_of_space(error, folders):
            raise
        where = " or ".join(str(folder) for folder in folders)
        raise HiveError(
            "state_unwritable",
            f"The disk is full: nothing more can be written to {where}. Make room and give the same command again, it "
            "goes on after the last finished stage; or name another disk with --cache and --out.",
        ) from error


def _out_of_space(error: Exception, folders: tuple[Path, ...]) -> bool:
    if not isinstance(error, RuntimeError) or "writ" not in str(error):
        return False
    return any(folder.exists() and shutil.disk_usage(folder).free < _LITTLE for folder in folders)
