"""Answers of an endpoint on disk: a line for each, so that a killed build has lost none but the last."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


class KeptAnswers:
    """Answers by text, for one way of asking; `manner` tells ways apart."""

    def __init__(self, path: Path, manner: str) -> None:
        """Read what is there; a line that was cut off by a kill is left out."""
        self._path = path
        self._manner = manner
        self._answers: dict[str, str] = {}
        for line in path.read_text("utf-8").split("\n") if path.exists() else []:
            try:
                key, answer = json.loads(line)
            except ValueError:
                continue
            self._answers[str(key)] = str(answer)

    def get(self, text: str) -> str | None:
        """Return the answer, None if there is none yet."""
        return self._answers.get(self._key(text))

    def put(self, text: str, answer: str) -> None:
        """Keep an answer."""
        key = self._key(text)
        self._answers[key] = answer
        with self._path.open("a", encoding="utf-8") as file:
            # The line break comes first, so that a line that was cut off stays alone.
            file.write("\n" + json.dumps([key, answer]))

    def _key(self, text: str) -> str:
        return hashlib.sha256(f"{self._manner}\0{text}".encode("utf-8", "replace")).hexdigest()
