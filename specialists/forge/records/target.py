"""What is to be predicted: whether something happens and of which mode, or a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from specialists.forge.data.findings import Findings, counted, listed, rows_named
from specialists.forge.data.numbers import is_missing, numbers
from specialists.kinds.table import category_text

MIN_ROWS: Final = 40
MIN_PER_CLASS: Final = 10
"""Rows that a class needs, so that it can be learned, chosen by and measured on."""
FEW_PER_CLASS: Final = 50
MOST_CLASSES: Final = 20
_HAPPENS: Final = frozenset(
    {
        "1",
        "true",
        "yes",
        "y",
        "t",
        "bad",
        "fail",
        "failed",
        "failure",
        "fault",
        "faulty",
        "fraud",
        "fraudulent",
        "default",
        "defaulted",
        "churn",
        "churned",
        "positive",
        "pos",
        "anomaly",
        "anomalous",
        "attack",
        "risk",
        "risky",
        "sick",
        "ill",
        "dead",
        "died",
        "broken",
        "defect",
        "defective",
        "error",
        "alarm",
    }
)
_NOTHING: Final = frozenset(
    {
        "0",
        "false",
        "no",
        "n",
        "f",
        "good",
        "ok",
        "okay",
        "pass",
        "passed",
        "none",
        "normal",
        "healthy",
        "negative",
        "neg",
        "legit",
        "legitimate",
        "genuine",
        "nothing",
    }
)
_YES: Final = frozenset({"true", "yes", "y", "on", "1"})
_NO: Final = frozenset({"false", "no", "n", "off", "0"})
_WORDS: Final = frozenset({"none", "nil", "-", "--"})
"""Elsewhere they stand for a missing value; as a class they say that nothing happened."""
_ODD_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Target:
    """The target of each usable row of a table.

    `rows` are the positions of the usable rows. For a risk `numbers` are 1 where it happens and 0 where not, `modes`
    the names of how, and `mode` [rows] which of them, -1 where it does not happen; without modes both are empty. For a
    number `values` are it. `positive` is the word for what happens.
    """

    rows: npt.NDArray[np.intp]
    numbers: npt.NDArray[np.float64]
    positive: str = ""
    modes: tuple[str, ...] = ()
    mode: npt.NDArray[np.int64] | None = None


def risk_target(cells: pd.Series, positive: str, findings: Findings) -> Target:
    """Read a column of classes; `positive` names what may happen, "" to find out.

    Raises HiveError(data_invalid): one class, more than MOST_CLASSES, measured numbers, too few rows of one.
    """
    texts = cells.map(_text)
    rows = _present(texts, str(cells.name), findings)
    kept = texts.iloc[rows]
    counts = kept.value_counts()
    _check_classes(counts, len(kept), str(cells.name), findings)
    findings.refuse_fatal()
    happens = _positive(counts, positive, str(cells.name), findings)
    findings.refuse_fatal()
    if len(counts) == 2 or positive:
        values = (kept == happens).to_numpy(dtype=np.float64)
        _check_counts(values, str(cells.name), findings)
        return Target(rows, values, happens)
    rare = counts.index[counts < MIN_PER_CLASS]
    if len(rare):
        findings.warn(
            "classes_small",
            f"{cells.name!r}: {counted(len(rare), 'value')} with fewer than {MIN_PER_CLASS} rows "
            f"({listed([repr(name) for name in rare])}) left out; collect more of them.",
        )
        rows = rows[~kept.isin(set(rare)).to_numpy()]
        kept = texts.iloc[rows]
    modes = tuple(sorted(set(kept) - {happens}))
    code = {name: at for at, name in enumerate(modes)}
    mode = kept.map(lambda name: code.get(name, -1)).to_numpy(dtype=np.int64)
    values = (mode >= 0).astype(np.float64)
    _check_counts(values, str(cells.name), findings)
    return Target(rows, values, f"anything but {happens}", modes, mode)


def number_target(cells: pd.Series, findings: Findings, *, comma_first: bool) -> Target:
    """Read a column of numbers. Raises HiveError(data_invalid): no numbers, two values only, too few rows."""
    read = numbers(cells.tolist(), comma_first=comma_first)
    name = repr(cells.name)
    present = ~cells.map(is_missing).to_numpy(dtype=bool)
    if read.odd:
        sentence = (
            f"The target {name} is no number in {rows_named(cells.index[list(read.odd)])}, such as "
            f"{cells.iloc[read.odd[0]]!r}."
        )
        if len(read.odd) > _ODD_SHARE * max(1, present.sum()):
            findings.fatal("target_no_number", f"{sentence} For classes use --task risk.")
        else:
            findings.warn("target_no_number", f"{sentence} Left out.")
    rows = np.flatnonzero(np.isfinite(read.floats))
    _say_missing(len(cells) - int(present.sum()), len(cells), str(cells.name), findings)
    different = len(np.unique(read.floats[rows]))
    if different <= 2:
        findings.fatal(
            "target_two_values",
            f"The target {name} has {counted(different, 'value')}. A number is estimated by --task regress; whether "
            "something happens is --task risk.",
        )
    if len(rows) < MIN_ROWS:
        findings.fatal("rows_few", _few(len(rows)))
    findings.refuse_fatal()
    return Target(rows, read.floats[rows])


def _few(count: int) -> str:
    return (
        f"{counted(count, 'usable row')}: too few to learn from and to measure on. At least {MIN_ROWS} are needed, and "
        "some hundreds make a good specialist."
    )


def _text(value: object) -> str:
    if is_missing(value) and (not isinstance(value, str) or value.strip().lower() not in _WORDS):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return category_text(value)
    text = str(value).strip()
    if text[:1] in "+-0123456789":
        read = numbers([text])
        return text if read.odd else category_text(float(read.floats[0]))
    return text


def _present(texts: pd.Series, name: str, findings: Findings) -> npt.NDArray[np.intp]:
    rows = np.flatnonzero(texts != "")
    _say_missing(len(texts) - len(rows), len(texts), name, findings)
    return rows


def _say_missing(count: int, total: int, name: str, findings: Findings) -> None:
    if not count:
        return
    sentence = f"The target {name!r} is missing in {counted(count, 'row')} of {total:,}."
    if count * 2 > total:
        findings.fatal(
            "target_missing", f"{sentence} That is most of them: name another column, or fill it in."
        )
    else:
        findings.warn("target_missing", f"{sentence} They are left out.")


def _check_classes(counts: pd.Series, total: int, name: str, findings: Findings) -> None:
    if len(counts) == 1:
        findings.fatal(
            "one_class",
            f"Every row has the target {name!r} = {counts.index[0]!r}. There is nothing to tell apart: rows where it "
            "happened and rows where it did not are needed.",
        )
    elif len(counts) > MOST_CLASSES:
        read = numbers(list(counts.index))
        advice = (
            "For a measured number use --task regress."
            if not read.odd
            else "For a text with a label use --task classify; is it the right column (--label-column)?"
        )
        findings.fatal(
            "target_values",
            f"The target {name!r} has {len(counts):,} different values such as {counts.index[0]!r}; a risk has two, or "
            f"up to {MOST_CLASSES} of which one means that nothing happened. {advice}",
        )
    elif total < MIN_ROWS:
        findings.fatal("rows_few", _few(total))


def _check_counts(values: npt.NDArray[np.float64], name: str, findings: Findings) -> None:
    least = int(min(values.sum(), (1 - values).sum()))
    which = "happened" if values.sum() <= len(values) / 2 else "did not happen"
    if least < MIN_PER_CLASS:
        findings.fatal(
            "class_small",
            f"{name!r} {which} in {counted(least, 'row')} only: at least {MIN_PER_CLASS} are needed, and a hundred "
            "make a good specialist.",
        )
    elif least < FEW_PER_CLASS:
        findings.warn(
            "class_few",
            f"{name!r} {which} in {counted(least, 'row')} only: expect a weak model and wide intervals.",
        )
    findings.refuse_fatal()


def _positive(counts: pd.Series, given: str, name: str, findings: Findings) -> str:
    """Return the value that means that it happened; of more than two values the one that means that nothing did."""
    values = [str(value) for value in counts.index]
    if given:
        given = next((value for value in values if _same(given, value)), given)
        if given not in values:
            near = get_close_matches(given, values, 1, 0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            findings.fatal(
                "positive_unknown",
                f"data.positive is {given!r}, which {name!r} never is: {hint}It has {listed(values, 12)}.",
            )
        return given
    if len(values) > 2:
        known = [value for value in values if value.casefold() in _NOTHING]
        nothing = known[0] if len(known) == 1 else values[0]
        findings.note(
            "target_modes",
            f"{name!r} has {len(values)} values: {nothing!r} is taken to mean that nothing happened, the others are "
            "modes of what may happen. If one value alone is the risk, name it with --set data.positive=VALUE.",
        )
        return nothing
    chosen, why = _of_two(values, counts)
    findings.note(
        "target_positive",
        f"{name!r} = {chosen!r} counts as what may happen ({why}); it did in {counts[chosen] / counts.sum():.1%} "
        "of the rows. To change that: --set data.positive=VALUE.",
    )
    return chosen


def _same(given: str, value: str) -> bool:
    """Say whether a user who wrote `given` meant `value`; a recipe's `yes` arrives as a truth value."""
    one, other = given.casefold(), value.casefold()
    return one == other or (one == "true" and other in _YES) or (one == "false" and other in _NO)


def _of_two(values: Sequence[str], counts: pd.Series) -> tuple[str, str]:
    read = numbers(list(values))
    if not read.odd:
        return values[int(np.argmax(read.floats))], "the larger number"
    for value, other in (values, values[::-1]):
        if value.casefold() in _HAPPENS and other.casefold() not in _HAPPENS:
            return value, "by its name"
        if other.casefold() in _NOTHING and value.casefold() not in _NOTHING:
            return value, f"since {other!r} means that nothing did"
    return str(counts.index[-1]), "the rarer one"
