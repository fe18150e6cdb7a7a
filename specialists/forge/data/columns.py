"""Which column is meant: by name, by number, by a usual name, or by a near miss that is named."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from specialists.forge.data.findings import Findings, listed

TEXT_NAMES: Final = (
    "text",
    "utterance",
    "sentence",
    "message",
    "query",
    "content",
    "body",
    "description",
    "note",
)
LABEL_NAMES: Final = ("label", "intent", "class", "category", "target", "y", "tag", "topic")


def column(
    columns: Sequence[str],
    wanted: str | None,
    option: str,
    findings: Findings,
    usual: Sequence[str] = (),
) -> str | None:
    """Return the column that is meant by `wanted`, or the first of the `usual` names that is there.

    A number counts columns from 1 where no column has that name; case does not matter where it is clear without.
    Where none is meant, a fatal finding says so, with what is there and the `option` to name it with, and None is
    returned.
    """
    folded = {name.casefold(): name for name in reversed(columns)}
    if wanted is None:
        found = next((folded[name] for name in usual if name in folded), None)
        if found is None:
            findings.fatal(
                "column_unnamed",
                f"Name the column with {option}. The file has {listed(list(columns), 12)}.",
            )
        return found
    if wanted in columns:
        return wanted
    if wanted.casefold() in folded:
        return folded[wanted.casefold()]
    if wanted.isdigit() and 1 <= int(wanted) <= len(columns):
        return columns[int(wanted) - 1]
    close = get_close_matches(wanted.casefold(), list(folded), n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(repr(folded[name]) for name in close)}? " if close else ""
    findings.fatal(
        "column_missing",
        f"There is no column {wanted!r} ({option}): {hint}The file has {listed(list(columns), 12)}.",
    )
    return None
