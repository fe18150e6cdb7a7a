"""What a recipe names and a task does not read is refused by its name."""

from __future__ import annotations

import pytest

pytest.importorskip("pandas")

from hive.errors import HiveError
from specialists.forge.data.request import reading_of, refuse_unread, text_files_of
from specialists.forge.recipe import DataPart


def test_what_is_not_read_is_refused_by_name() -> None:
    data = DataPart(path="my.csv", outside="odd.csv", encoding="latin-1")
    refuse_unread("anomaly", data, "unlabelled", "header")
    with pytest.raises(
        HiveError, match=r"The task anomaly has no use for `data.outside`, `data.encoding`\."
    ) as caught:
        refuse_unread("anomaly", data, "outside", "encoding", "header")
    assert caught.value.code == "recipe_invalid"


def test_files_are_read_as_the_recipe_says() -> None:
    data = DataPart(path="my.csv", test="t.csv", encoding="latin-1", delimiter=";", header=False)
    files = text_files_of(data, needs_label=False)
    assert (files.reading.encoding, files.reading.delimiter, files.reading.header) == ("latin-1", ";", False)
    assert files.reading == reading_of(data)
    assert (str(files.test), files.validation, files.needs_label) == ("t.csv", None, False)
