"""What is said about a user's data: values with a severity, a code and a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from hive.errors import HiveError

Severity = Literal["fatal", "warning", "note"]
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found. `code` is stable, for scripts; `sentence` says what, where, and what to do about it.

    A fatal finding stops a build, a warning puts its figures in doubt, a note says what was done with the data.
    """

    severity: Severity
    sentence: str
    code: str

    def as_json(self) -> dict[str, str]:
        """Return the finding as a JSON object."""
        return {"severity": self.severity, "code": self.code, "sentence": self.sentence}


@dataclass(slots=True)
class Findings:
    """Collects findings, so that a user hears of all that is wrong and not of one thing after the other."""

    items: list[Finding] = field(default_factory=list)

    def fatal(self, code: str, sentence: str) -> None:
        """Add what makes a build impossible."""
        self.items.append(Finding("fatal", sentence, code))

    def warn(self, code: str, sentence: str) -> None:
        """Add what puts the figures of a build in doubt."""
        self.items.append(Finding("warning", sentence, code))

    def note(self, code: str, sentence: str) -> None:
        """Add what was done with the data."""
        self.items.append(Finding("note", sentence, code))

    def refuse_fatal(self) -> None:
        """Raise HiveError(data_invalid) with the sentences of all fatal findings, if there are any.

        Its context holds every finding, as `findings`.
        """
        sentences = [found.sentence for found in self.items if found.severity == "fatal"]
        if sentences:
            raise HiveError("data_invalid", "\n".join(sentences), findings=[f.as_json() for f in self.items])


def refused(code: str, sentence: str) -> HiveError:
    """Return the error for a single finding that leaves nothing else to look at."""
    return HiveError("data_invalid", sentence, findings=[Finding("fatal", sentence, code).as_json()])


def rows_named(rows: Iterable[int]) -> str:
    """Return `row 7` or `rows 7, 9, 12, 15, 20 and 31 more`."""
    ordered = sorted(rows)
    if len(ordered) == 1:
        return f"row {ordered[0]}"
    return f"rows {listed([str(row) for row in ordered])}"


def listed(names: Sequence[str], most: int = _NAMED) -> str:
    """Return up to `most` names and how many more there are."""
    shown = list(names[:most])
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most:,} more"
    return ", ".join(shown[:-1]) + (" and " if len(shown) > 1 else "") + shown[-1] if shown else "none"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return `1 row` or `2,000 rows`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
