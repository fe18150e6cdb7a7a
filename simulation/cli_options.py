"""What several commands of `hive sim` take: a scenario, a duration."""

from __future__ import annotations

import re
from typing import Annotated, Final

import typer

from hive.errors import HiveError

ScenarioArgument = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A file, or the name of one that comes with Hive.")
]
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)([smh]?)")
_UNIT_S: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_of(text: str) -> float:
    """Return a duration such as 90s, 10m or 8h in seconds. Raises HiveError(bad_request)."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not float(match[1]):
        raise HiveError("bad_request", f"{text!r} is no time: write a number with s, m or h, such as 10m.")
    return float(match[1]) * _UNIT_S[match[2]]
