"""Value classes for hot paths."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[_T]) -> type[_T]:
    """Make a dataclass with slots that the type checker treats as frozen.

    At run time it is not: a frozen one sets each field by a call, which made messages three times as dear to make.
    """
    return dataclass(slots=True)(cls)
