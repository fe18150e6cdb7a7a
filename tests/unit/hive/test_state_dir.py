"""Files of a mesh's state: replaced at once, and never a reason to end what works."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.errors import HiveError
from hive.state_dir import make, read_json, write_json


def test_a_file_is_replaced_at_once_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    assert write_json(path, {"n": 1})
    assert write_json(path, {"n": 2})
    assert read_json(path) == {"n": 2}
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_told_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.mkdir()
    (path / "x").touch()
    assert not write_json(path, 1)
    assert not write_json(tmp_path / "no" / "such.json", 1)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "{", "\x00", "nul"])
def test_what_is_no_json_reads_as_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    assert read_json(tmp_path / "a.json") is None


def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HiveError, match="set HIVE_HOME to a directory that is") as caught:
        make(tmp_path / "file" / "m")
    assert caught.value.code == "state_unwritable"


def test_a_folder_is_its_owner_s_and_holds_nothing_of_the_check(tmp_path: Path) -> None:
    folder = make(tmp_path / "m")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == []
