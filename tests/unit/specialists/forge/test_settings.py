"""Options of stages on the command line."""

from __future__ import annotations

import pytest

from hive.errors import HiveError
from specialists.forge.settings import setting, value_of, with_settings


def test_settings_are_put_over_a_recipes_options_and_leave_it_as_it_was() -> None:
    options = {"teacher": {"epochs": 3, "rate": 0.1}}
    changed = with_settings(options, ["teacher.epochs=5", "distill.widths=[64, 96]", "prune.on = false"])
    assert changed == {
        "teacher": {"epochs": 5, "rate": 0.1},
        "distill": {"widths": [64, 96]},
        "prune": {"on": False},
    }
    assert options == {"teacher": {"epochs": 3, "rate": 0.1}}


@pytest.mark.parametrize("text", ["epochs=5", "teacher.epochs", "teacher.=5", "teacher.epochs=", ".epochs=5"])
def test_what_is_no_setting_is_told(text: str) -> None:
    with pytest.raises(HiveError, match=r"write STAGE\.OPTION=VALUE") as caught:
        setting(text)
    assert caught.value.code == "recipe_invalid"


def test_what_is_no_value_is_told() -> None:
    assert value_of("0.5") == 0.5
    with pytest.raises(HiveError, match="no value that a recipe can hold"):
        value_of("[1, 2")
