"""Options of stages as a command line gives them: STAGE.OPTION=VALUE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import yaml

from hive.errors import HiveError

Options = Mapping[str, Mapping[str, object]]


def setting(text: str) -> tuple[str, str, str]:
    """Return stage, option and the value's text of STAGE.OPTION=VALUE; raise HiveError(recipe_invalid)."""
    path, sign, value = text.partition("=")
    stage, dot, option = path.strip().partition(".")
    if not (sign and dot and stage and option and value.strip()):
        raise HiveError(
            "recipe_invalid", f"--set {text}: write STAGE.OPTION=VALUE, such as teacher.epochs=4."
        )
    return stage, option, value.strip()


def value_of(text: str) -> object:
    """Return a value as a recipe file would hold it: a number, true, a list such as [1, 2], or a text."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise HiveError("recipe_invalid", f"{text!r} is no value that a recipe can hold.") from error


def with_settings(options: Options, settings: Sequence[str]) -> dict[str, dict[str, object]]:
    """Return the options with each of `settings` in place; whether a task has them is checked by the build."""
    changed = {stage: dict(values) for stage, values in options.items()}
    for text in settings:
        stage, option, value = setting(text)
        changed.setdefault(stage, {})[option] = value_of(value)
    return changed
