"""History files: what was written is read again, also by somebody whose writer was killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulation.history.events import Call, Effect, Writer, read

CALL = Call(1, "c", 1, "invoke", "submit", "p", durable=True)
EFFECT = Effect(2, "plant", "node", "run", "p")


def test_lines_come_back_as_they_were(tmp_path: Path) -> None:
    with Writer(tmp_path / "calls") as calls, Writer(tmp_path / "effects") as effects:
        calls.write(CALL)
        effects.write(EFFECT)
    assert read(tmp_path / "calls", Call) == [CALL]
    assert read(tmp_path / "effects", Effect) == [EFFECT]


def test_a_line_is_there_before_the_file_is_closed(tmp_path: Path) -> None:
    with Writer(tmp_path / "calls") as calls:
        calls.write(CALL)
        assert read(tmp_path / "calls", Call) == [CALL]


def test_a_torn_last_line_is_left_out_and_any_other_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "calls"
    with Writer(path) as calls:
        calls.write(CALL)
        calls.write(CALL)
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole[:-5], encoding="utf-8")
    assert read(path, Call) == [CALL]
    path.write_text(whole[:20] + "\n" + whole, encoding="utf-8")
    with pytest.raises(ValueError, match="line 1 is no call"):
        read(path, Call)
