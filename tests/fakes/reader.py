"""Somebody who reads a page of the documentation and types what stands there, block after block, in one folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL
)


def blocks(page: str) -> list[tuple[str, str]]:
    """Return language and text of each fenced block of a page, in order."""
    source = (DOCS / page).read_text(encoding="utf-8")
    return [(match["language"], textwrap.dedent(match["text"])) for match in _FENCE.finditer(source)]


class Reader:
    """Types commands in a folder, with other ports than the page's where these may be in use."""

    def __init__(self, folder: Path, ports: Mapping[str, int]) -> None:
        self.folder = folder
        self._ports = ports
        self._typed = 0
        tools = folder / "tools"
        tools.mkdir()
        (tools / "hive").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m hive "$@"\n', encoding="utf-8")
        (tools / "hive").chmod(0o755)
        root = str(Path(__file__).parents[2])
        self.environment = {
            **os.environ,
            "HIVE_HOME": str(folder / "h"),
            "PATH": f"{tools}:{os.environ['PATH']}",
            "PYTHONPATH": root,
            "COLUMNS": "160",
        }
        self.environment.pop("HIVE_URL", None)

    def placed(self, text: str) -> str:
        """Return a block with the ports that are free here."""
        for there, here in self._ports.items():
            text = text.replace(there, str(here))
        return text

    def write(self, name: str, text: str) -> None:
        """Write a file as the page says it."""
        (self.folder / name).write_text(self.placed(text), encoding="utf-8")

    def types(self, language: str, text: str, *, wait_s: float = 120.0) -> str:
        """Run a block and return what it printed; fail if it does.

        What it leaves in the background goes on and may print, so each block has a file for its output and no pipe.
        """
        command = {"sh": ["bash", "-e", "-c"], "python": [sys.executable, "-c"]}[language]
        self._typed += 1
        log = self.folder / f"screen-{self._typed}.txt"
        with log.open("w") as screen:
            done = subprocess.run(
                [*command, self.placed(text)],
                cwd=self.folder,
                env=self.environment,
                stdout=screen,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=wait_s,
                check=False,
            )
        shown = log.read_text(encoding="utf-8")
        assert done.returncode == 0, f"{text}\n{shown}"
        return shown
