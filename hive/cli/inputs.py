"""What a user writes for INPUT, as a value: text, a JSON object, a file, or standard input."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hive.errors import HiveError


def asked_for(
    capability: str | None, value: str | None, want: str | None, *, as_text: bool
) -> tuple[str | None, object]:
    """Return (capability, input value). With `want` the only word given is the input.

    Raises HiveError(bad_request) for a file that cannot be read and for JSON that is none.
    """
    if want and value is None:
        capability, value = None, capability
    if not capability and not want:
        raise HiveError("bad_request", "Say what to call, such as `hive submit text.classify_intent TEXT`.")
    return capability, None if value is None else _value(value, as_text=as_text)


def _value(written: str, *, as_text: bool) -> object:
    if written == "-":
        content, where = sys.stdin.read(), "standard input"
        return _json(content, where) if not as_text and content.lstrip().startswith("{") else content
    if written.startswith("@") and not as_text:
        path = Path(written[1:])
        content = _read(path)
        return _json(content, str(path)) if path.suffix == ".json" else content
    if written.lstrip().startswith("{") and not as_text:
        return _json(written, "INPUT")
    return written


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise HiveError("bad_request", f"{path} is not UTF-8 text.") from None
    except OSError as error:
        raise HiveError("bad_request", f"{path} cannot be read: {error.strerror}.") from error


def _json(text: str, where: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise HiveError("bad_request", f"{where} is not JSON: {error}. --text takes it as text.") from error
