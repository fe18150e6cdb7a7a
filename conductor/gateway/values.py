"""Inputs as people send them: checked against the JSON Schema of their type, then turned into body frames."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import cast

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from conductor.gateway.ports import MeshView
from hive.clients.request import Catalog, Frames
from hive.errors import HiveError
from hive.types import DataType, TypeRegistry
from hive.values import encode_value

_SHOWN = 60


class CheckedCatalog(Catalog):
    """A catalog whose values are checked before they are encoded, and that follows the control process's view."""

    def __init__(self, view: MeshView | None) -> None:
        """Follow `view`; without one, know what `learn` is told."""
        super().__init__()
        self._view = view
        self._validators: dict[str, tuple[DataType, Callable[[object], ValidationError | None]]] = {}

    def refresh(self) -> None:
        """Take in what the control process knows now."""
        if self._view is not None:
            self.types: TypeRegistry = self._view.types
            self.learn(self._view.capabilities())

    def frames(self, kind: DataType, value: object) -> Frames:
        """Return the body frames of one value. Raises HiveError(input_invalid) that says where it is wrong."""
        if kind.encoding == "utf8":
            return super().frames(kind, value)
        error = self._validator(kind)(_without_tensors(kind, value))
        if error is not None:
            where = f"{kind.name}{_path(error)}"
            raise HiveError("input_invalid", f"{where}: {_shortened(error.message)}.", field=_path(error)[1:])
        for name in kind.tensors:
            _check_finite(f"{kind.name}.{name}", cast("Mapping[str, object]", value).get(name))
        rest = (
            {k: v for k, v in value.items() if k not in kind.tensors} if isinstance(value, Mapping) else value
        )
        _check_finite(kind.name, rest)
        return tuple(encode_value(kind, value))

    def _validator(self, kind: DataType) -> Callable[[object], ValidationError | None]:
        known = self._validators.get(kind.name)
        if known is None or known[0] != kind:
            validator = Draft202012Validator(_schema(kind))

            def check(value: object) -> ValidationError | None:
                return cast("ValidationError | None", best_match(validator.iter_errors(value)))

            known = self._validators[kind.name] = (kind, check)
        return known[1]


def _schema(kind: DataType) -> dict[str, object]:
    """Return the type's schema without its tensors: numpy checks those, faster and to the last number."""
    schema = dict(kind.schema)
    properties = schema.get("properties")
    if kind.tensors and isinstance(properties, Mapping):
        schema["properties"] = {name: part for name, part in properties.items() if name not in kind.tensors}
    return schema


def _without_tensors(kind: DataType, value: object) -> object:
    """Return the value with each tensor replaced by an empty list, which keeps it present for `required`."""
    if not kind.tensors or not isinstance(value, Mapping):
        return value
    return {name: [] if name in kind.tensors else part for name, part in value.items()}


def _check_finite(where: str, value: object) -> None:
    """Refuse numbers that JSON can write and a float cannot hold, such as 1e999."""
    if isinstance(value, float) and not math.isfinite(value):
        raise HiveError("input_invalid", f"{where} holds a number that is too large.")
    if isinstance(value, Mapping):
        for name, part in value.items():
            _check_finite(f"{where}.{name}", part)
    elif isinstance(value, list | tuple):
        for part in value:
            if not isinstance(part, int | str) and part is not None:
                _check_finite(where, part)


def _path(error: ValidationError) -> str:
    return "".join(f".{part}" for part in error.absolute_path)


def _shortened(message: str) -> str:
    return message if len(message) <= 4 * _SHOWN else f"{message[: 3 * _SHOWN]}...{message[-_SHOWN:]}"
