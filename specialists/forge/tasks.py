"""The kinds of problem that the forge solves, by name; a task's module is loaded when it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Final, cast

from hive.errors import HiveError
from specialists.forge.pipeline.stages import Task

TASKS: Final[Mapping[str, str]] = {
    "anomaly": "specialists.forge.sensor.task:Anomaly",
    "classify": "specialists.forge.classify.task:Classify",
    "describe": "specialists.forge.sensor.task:Describe",
    "embed": "specialists.forge.embed.task:EmbedTask",
    "redact": "specialists.forge.redact.task:RedactTask",
    "regress": "specialists.forge.risk.task:regress",
    "risk": "specialists.forge.risk.task:risk",
    "tag": "specialists.forge.tag.task:Tag",
}
"""Where each task is: module and class."""
_LIBRARIES: Final = frozenset(
    {
        "matplotlib",
        "onnx",
        "onnxscript",
        "pandas",
        "pyarrow",
        "safetensors",
        "scipy",
        "sklearn",
        "torch",
        "transformers",
    }
)


def load(name: str) -> Task:
    """Return the task of that name; raise HiveError(forge_missing) if the forge's libraries are not installed."""
    absent = sorted(library for library in _LIBRARIES if not _is_here(library))
    if absent:
        raise _forge_missing(absent)
    if name not in TASKS:
        raise HiveError("recipe_invalid", f"There is no task {name!r}. There are {', '.join(TASKS)}.")
    module, _, factory = TASKS[name].partition(":")
    try:
        return cast("Task", getattr(import_module(module), factory)())
    except ModuleNotFoundError as error:
        raise missing(error) from error


def missing(error: ModuleNotFoundError) -> Exception:
    """Return what to raise for a module that is not here: how to install it, if it is one of the forge's."""
    library = (error.name or "").partition(".")[0]
    if library not in _LIBRARIES:
        return error
    return _forge_missing([library])


def _is_here(library: str) -> bool:
    try:
        return find_spec(library) is not None
    except ModuleNotFoundError:
        return False


def _forge_missing(libraries: Sequence[str]) -> HiveError:
    """Return one sentence for all of them: torch is to come first, or its many GPU libraries come with it."""
    return HiveError(
        "forge_missing",
        f"The forge needs {', '.join(libraries)}, not installed here. Install torch first, then the extra `forge`: "
        "pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu && pip install 'hive-mesh[forge]'",
        libraries=list(libraries),
    )
