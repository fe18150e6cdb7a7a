"""What a user writes for INPUT, as a value: text, a JSON object, a file, or standard input."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
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
        raise HiveError(
            "bad_request", "Say what to call, such as text.classify_intent, or what is wanted with --want."
        )
    return capability, None if value is None else _value(value, as_text=as_text)


def named_inputs(options: Sequence[str], *, as_text: bool) -> dict[str, object]:
    """Return what `--input NAME=INPUT` and `--input NAME:TYPE=INPUT` say, as the arguments `inputs` and `input_type`.

    Empty without any. Raises HiveError(bad_request) for an option of another form, and for a name that comes twice.
    """
    inputs: dict[str, object] = {}
    types: dict[str, str] = {}
    for option in options:
        name, sign, written = option.partition("=")
        name, _, kind = name.partition(":")
        if not sign or not name:
            raise HiveError(
                "bad_request", f"--input {option}: write NAME=INPUT, such as window=@window.json."
            )
        if name in inputs:
            raise HiveError("bad_request", f"--input {name} is given twice.")
        inputs[name] = _value(written, as_text=as_text)
        if kind:
            types[name] = kind
    typed: dict[str, object] = {"input_type": types} if types else {}
    return {"inputs": inputs, **typed} if inputs else {}


def outbox_of(
    named: Path | None, *, no_wait: bool, durable: bool | None, expires_ms: int | None
) -> Path | None:
    """Return the outbox of a submission: the one `named`, or that of $HIVE_OUTBOX where nobody waits.

    Raises HiveError(bad_request) for options that contradict each other.
    """
    if named is not None and durable is False:
        raise HiveError(
            "bad_request", "What is not durable needs no outbox: leave out --outbox or --not-durable."
        )
    told = os.environ.get("HIVE_OUTBOX") if no_wait and durable is not False else None
    outbox = named or (Path(told) if told else None)
    if expires_ms is not None and outbox is None:
        raise HiveError(
            "bad_request", "--expires-ms says how long it may wait in an outbox: name one with --outbox."
        )
    return outbox


def _value(written: str, *, as_text: bool) -> object:
    if written == "-":
        content, where = _text(sys.stdin.buffer.read(), "Standard input"), "Standard input"
        return content if as_text else _guessed(content, where)
    if as_text:
        return _text(os.fsencode(written), "INPUT")
    if written.startswith("@"):
        path = Path(written[1:])
        content = _read(path)
        return _json(content, str(path)) if path.suffix == ".json" else content
    return _guessed(_text(os.fsencode(written), "INPUT"), "INPUT")


def _guessed(content: str, where: str) -> object:
    """Take what begins as a JSON object as one; an array too, unless it is a text such as `[12:30] all fine`."""
    first = content.lstrip()[:1]
    if first == "[":
        try:
            return json.loads(content)
        except ValueError:
            return content
    return _json(content, where) if first == "{" else content


def _read(path: Path) -> str:
    try:
        return _text(path.read_bytes(), str(path))
    except OSError as error:
        raise HiveError("bad_request", f"{path} cannot be read: {error.strerror}.") from error


def _text(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise HiveError("bad_request", f"{where} is not UTF-8 text at byte {error.start}.") from None


def _json(text: str, where: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise HiveError("bad_request", f"{where} is not JSON: {error}. --text takes it as text.") from error
