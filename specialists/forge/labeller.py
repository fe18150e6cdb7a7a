"""A large language model as labeller: any endpoint that speaks OpenAI's chat completions names the class of a text."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hive.errors import HiveError
from specialists.forge.pipeline.stages import Bar

KEY_VARIABLE: Final = "HIVE_LABELLER_KEY"
_TIMEOUT_S: Final = 120
_EXAMPLES: Final = 3
_MOST_CHARS: Final = 4000
_NONE: Final = "none of these"


@dataclass(frozen=True, slots=True)
class Labeller:
    """An endpoint and a model there. `url` is the base, such as http://localhost:8000/v1.

    A key, if the endpoint wants one, is in the environment's HIVE_LABELLER_KEY.
    """

    url: str
    model: str

    def ask(self, system: str, user: str) -> str:
        """Return the answer to one question; raise HiveError(data_invalid) if the endpoint gives none."""
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        body = {"model": self.model, "messages": messages, "temperature": 0, "max_tokens": 40}
        key = os.environ.get(KEY_VARIABLE)
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked
            f"{self._base()}/chat/completions",
            json.dumps(body).encode(),
            {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
                document = json.load(answer)
            return str(document["choices"][0]["message"]["content"])
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            raise HiveError(
                "data_invalid",
                f"The labeller at {self.url} gives no answer ({error}). See that it runs, that `labeller_model` is a "
                f"model of it, and that {KEY_VARIABLE} holds its key if it wants one. What it labelled so far is kept.",
            ) from error

    def _base(self) -> str:
        if not self.url.startswith(("http://", "https://")):
            raise HiveError(
                "recipe_invalid", f"`labeller` is {self.url!r}; it must begin with http:// or https://."
            )
        return self.url.rstrip("/")


def labelled(
    labeller: Labeller, texts: Sequence[str], examples: Mapping[str, Sequence[str]], kept: Path, bar: Bar
) -> list[tuple[str, str]]:
    """Return the texts for which the labeller named a class, and the class.

    `examples` has texts of each class; some are shown. Answers are kept in the file `kept`, so that no text is asked
    for twice when a build is killed. A text of no class, or with an answer that is none, is left out.
    """
    system = _instruction(examples)
    known = _read(kept)
    found = []
    with kept.open("a", encoding="utf-8") as lines:
        for text in texts:
            if text not in known:
                known[text] = labeller.ask(system, text[:_MOST_CHARS])
                lines.write(json.dumps([text, known[text]]) + "\n")
                lines.flush()
            bar.advance()
            label = class_of(known[text], list(examples))
            if label is not None:
                found.append((text, label))
    return found


def class_of(answer: str, classes: Sequence[str]) -> str | None:
    """Return the class that an answer names, None if it names none or several."""
    plain = " ".join(answer.strip().strip("`'\"*. ").split()).casefold()
    for name in classes:
        if name.casefold() == plain:
            return name
    named = [name for name in classes if name.casefold() in plain]
    longest = [name for name in named if not any(name != other and name in other for other in named)]
    return longest[0] if len(longest) == 1 else None


def _instruction(examples: Mapping[str, Sequence[str]]) -> str:
    lines = [
        f"- {name}: {' | '.join(text[:200] for text in texts[:_EXAMPLES])}"
        for name, texts in examples.items()
    ]
    return (
        "You sort texts into classes. Answer with the name of one class and nothing else, or with "
        f"'{_NONE}'. The classes, each with examples:\n" + "\n".join(lines)
    )


def _read(kept: Path) -> dict[str, str]:
    """Return the answers of an earlier try; a last line that was cut off is asked for again."""
    answers: dict[str, str] = {}
    for line in kept.read_text("utf-8").splitlines() if kept.exists() else []:
        try:
            text, answer = json.loads(line)
        except ValueError:
            continue
        answers[str(text)] = str(answer)
    return answers
