"""A worker with a specialist that ends a chain: `python -m tests.fakes.chain`, for $HIVE_WORKER.

It has no model and says what it was given, so that a test sees what really came along the chain.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from hive.errors import HiveError
from specialists.kinds.base import Answer, Inputs, Parts, answered_each
from specialists.kinds.texts import text_of
from specialists.load import KINDS
from specialists.worker import main


class Route:
    """text -> route: the text itself, as it came."""

    def __init__(self, parts: Parts) -> None:
        """Need nothing."""

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Route each text."""
        return answered_each(
            batch,
            lambda item: text_of(item, "text", 1000),
            lambda texts: [Answer({"route": text}, 0.9) for text in texts],
        )

    def sample(self) -> Inputs:
        """Return a text."""
        return {"text": "hello"}


def write_router(folder: Path) -> Path:
    """Write the specialist's directory; return it."""
    manifest = {
        "manifest_version": 1,
        "name": "router",
        "version": "1.0.0",
        "capability": "text.route_note",
        "inputs": {"text": "text"},
        "output": "route",
        "kind": "route",
        "engine": "none",
        "files": {},
        "batch": {"max_size": 4, "why": "there is no model"},
        "run_bound_ms": 1000,
        "licence": "Apache-2.0",
    }
    (folder / "router").mkdir()
    (folder / "router" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder / "router"


if __name__ == "__main__":
    sys.exit(main({**KINDS, "route": Route}))
