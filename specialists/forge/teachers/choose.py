"""From the teacher part of a recipe to what labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from hive.errors import HiveError
from specialists.forge.recipe import TeacherPart
from specialists.forge.teachers.endpoint import Endpoint, EndpointLabeller, Examples
from specialists.forge.teachers.onnx_model import OnnxLabeller
from specialists.forge.teachers.port import Labeller


def labeller_of(
    teacher: TeacherPart, classes: Sequence[str], kept: Path, examples: Examples = MappingProxyType({})
) -> Labeller:
    """Return the teacher that a recipe names, ready to label with `classes`; `kept` is where answers are kept.

    An endpoint is shown some of the `examples` of each class; a model has learned from its own.

    Raises HiveError as the teachers do, and recipe_invalid if there is none of that name.
    """
    if teacher.endpoint:
        facts = teacher.model_dump(exclude={"path", "endpoint", "least"})
        return EndpointLabeller(Endpoint(teacher.endpoint, **facts), classes, kept, examples)
    if not teacher.path:
        raise HiveError("recipe_invalid", "`teacher` names neither a `path` nor an `endpoint`.")
    directory = Path(teacher.path)
    if (directory / "model.onnx").is_file():
        return OnnxLabeller(directory, classes)
    if (directory / "config.json").is_file():
        from specialists.forge.teachers.transformers_model import TransformersLabeller  # noqa: PLC0415 - needs torch

        return TransformersLabeller(directory, classes)
    raise HiveError(
        "recipe_invalid",
        f"The teacher {directory} is neither a directory with model.onnx and tokenizer.json nor one of transformers.",
    )
