"""File descriptors: each connection takes one, and at the limit libzmq spins instead of refusing."""

from __future__ import annotations

import contextlib
import resource


def raise_limit() -> int:
    """Let this process open as many files as its hard limit permits; return how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            return hard
    return soft
