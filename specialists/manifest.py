"""The manifest of a specialist: what it does, the files it consists of, and how good it was measured to be.

A specialist is a directory with a manifest.json that pins every other file by its sha256. So the digest of the
manifest is the digest of the specialist, and nothing outside the directory can become part of it. Only the standard
library is used here: a worker reads a manifest before it loads anything else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, NoReturn

from hive.errors import HiveError
from hive.types import DataType, parse_data_type
from specialists.manifest_file import Json, parsed, read_plain

FILE_NAME: Final = "manifest.json"
MANIFEST_VERSION: Final = 1
ENGINES: Final = ("onnx", "none")
MODEL_FILE: Final = "model.onnx"
MEMORY_MB: Final = 512
"""What a worker may take if its manifest does not say; the bundled specialists use about 115 of them."""
_MAX_MANIFEST_BYTES: Final = 1 << 20
_MAX_FILE_BYTES: Final = 1 << 30
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_CAPABILITY: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FilePin:
    """The sha256 (64 hex digits) and size of a file that belongs to a specialist."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A valid manifest. `digest` is "sha256:" and the hash of the manifest's bytes; `directory` is where it lies.

    `inputs` maps names to data types, in order. `preprocess`, `postprocess` and `calibration` belong to the kind of
    specialist. `batch_max` is how many inputs one run may take and `batch_why` the reason; `run_bound_ms` is the
    time within which a run of a full batch ends, `memory_mb` the most that its worker may take. `idempotent` says
    that a second run of the same work does no harm, so that a slow one may be hedged. `removes` are the labels that
    an answer may claim to have removed; policy decides about the claim. `quality` holds measured figures: {measure:
    {value, low, high, n, data}}.
    """

    name: str
    version: str
    capability: str
    inputs: Mapping[str, str]
    output: str
    types: tuple[DataType, ...]
    kind: str
    engine: str
    files: Mapping[str, FilePin]
    tokenizer: str | None
    preprocess: Json
    postprocess: Json
    calibration: Json
    batch_max: int
    batch_why: str
    run_bound_ms: int
    memory_mb: int
    idempotent: bool
    removes: frozenset[str]
    quality: Mapping[str, Json]
    licence: str
    data: tuple[str, ...]
    digest: str
    directory: Path

    def read(self, name: str) -> bytes:
        """Return the content of a pinned file.

        Raises HiveError(model_digest_mismatch) if the content is not the pinned one, and HiveError(model_not_found) if
        the file is missing. What is returned is what was checked, so a later change on disk has no effect.
        """
        pin = self.files[name]
        path = self.directory / name
        content = read_plain(path, pin.size_bytes + 1)
        digest = hashlib.sha256(content).hexdigest()
        if digest != pin.sha256:
            raise HiveError(
                "model_digest_mismatch",
                f"{path} is not the file that {FILE_NAME} pins: it has sha256 {digest[:12]}..., the manifest says "
                f"{pin.sha256[:12]}.... Restore the file, or publish the specialist again under a new version.",
                file=name,
                expected=pin.sha256,
                found=digest,
            )
        return content


def read_manifest(directory: Path) -> Manifest:
    """Return the manifest in `directory`.

    Raises HiveError: model_not_found if the directory or its manifest is missing, manifest_invalid if the manifest is
    not what this version reads. The other files are checked when they are read (`Manifest.read`, `verify`).
    """
    if not directory.is_dir():
        raise HiveError(
            "model_not_found", f"There is no directory {directory}. Give the directory of a specialist."
        )
    path = directory / FILE_NAME
    content = read_plain(path, _MAX_MANIFEST_BYTES + 1)
    if len(content) > _MAX_MANIFEST_BYTES:
        raise HiveError("manifest_invalid", f"{path} is larger than {_MAX_MANIFEST_BYTES} bytes.")
    return _Reader(path, parsed(path, content)).manifest("sha256:" + hashlib.sha256(content).hexdigest())


def verify(manifest: Manifest) -> None:
    """Check every pinned file; raise HiveError as `Manifest.read` does."""
    for name in manifest.files:
        manifest.read(name)


class _Reader:
    """Takes the fields of a manifest one by one, so that each complaint names the field and what it must be."""

    _REQUIRED: Final = frozenset(
        {"manifest_version", "name", "version", "capability", "inputs", "output", "kind", "engine", "files"}
        | {"batch", "run_bound_ms", "licence"}
    )
    _OPTIONAL: Final = frozenset(
        {
            "types",
            "tokenizer",
            "preprocess",
            "postprocess",
            "calibration",
            "memory_mb",
            "idempotent",
            "removes",
            "quality",
            "data",
        }
    )

    def __init__(self, path: Path, raw: Json) -> None:
        self._path = path
        self._raw = raw

    def manifest(self, digest: str) -> Manifest:
        version = self._raw.get("manifest_version")
        if version != MANIFEST_VERSION:
            self._fail(
                "manifest_version", f"is {version!r}, but this version of Hive reads {MANIFEST_VERSION}"
            )
        for name in sorted(self._REQUIRED - self._raw.keys()):
            self._fail(name, "is missing")
        for name in sorted(self._raw.keys() - self._REQUIRED - self._OPTIONAL):
            self._fail(name, "is not a field of a manifest; remove it or correct its name")
        files = self._files()
        batch = self._object("batch")
        return Manifest(
            name=self._matching("name", _NAME, "lower-case letters, digits, dots and dashes"),
            version=self._matching("version", _NAME, "a version such as 1.0.0"),
            capability=self._matching("capability", _CAPABILITY, "of the form domain.verb"),
            inputs=self._inputs(),
            output=self._text("output", self._raw["output"]),
            types=self._types(),
            kind=self._text("kind", self._raw["kind"]),
            engine=self._engine(files),
            files=files,
            tokenizer=self._tokenizer(files),
            preprocess=self._object("preprocess"),
            postprocess=self._object("postprocess"),
            calibration=self._object("calibration"),
            batch_max=self._count("batch.max_size", batch.get("max_size"), 1024),
            batch_why=self._text("batch.why", batch.get("why")),
            run_bound_ms=self._count("run_bound_ms", self._raw["run_bound_ms"], 86_400_000),
            memory_mb=self._count("memory_mb", self._raw.get("memory_mb", MEMORY_MB), 1 << 20),
            idempotent=self._flag("idempotent"),
            removes=frozenset(self._texts("removes")),
            quality=self._quality(),
            licence=self._text("licence", self._raw["licence"]),
            data=self._texts("data"),
            digest=digest,
            directory=self._path.parent,
        )

    def _fail(self, field: str, why: str) -> NoReturn:
        raise HiveError("manifest_invalid", f"{self._path}: `{field}` {why}.", field=field)

    def _text(self, field: str, value: object) -> str:
        if not isinstance(value, str) or not value:
            self._fail(field, "must be a string that is not empty")
        return value

    def _texts(self, field: str) -> tuple[str, ...]:
        values = self._raw.get(field, [])
        if not isinstance(values, list):
            self._fail(field, "must be a list of strings")
        return tuple(self._text(field, value) for value in values)

    def _matching(self, field: str, form: re.Pattern[str], words: str) -> str:
        value = self._text(field, self._raw[field])
        if not form.fullmatch(value):
            self._fail(field, f"is {value!r}, but must be {words}")
        return value

    def _count(self, field: str, value: object, most: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            self._fail(field, f"must be a whole number from 1 to {most}")
        return value

    def _flag(self, field: str) -> bool:
        value = self._raw.get(field, False)
        if not isinstance(value, bool):
            self._fail(field, "must be true or false")
        return value

    def _object(self, field: str) -> Json:
        value = self._raw.get(field, {})
        if not isinstance(value, dict):
            self._fail(field, "must be an object")
        return MappingProxyType(value)

    def _inputs(self) -> Mapping[str, str]:
        inputs = self._object("inputs")
        if not inputs:
            self._fail("inputs", "must name at least one input and its data type")
        return MappingProxyType({name: self._text(f"inputs.{name}", kind) for name, kind in inputs.items()})

    def _types(self) -> tuple[DataType, ...]:
        entries = self._raw.get("types", [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self._fail("types", "must be a list of objects")
        try:
            return tuple(parse_data_type(entry) for entry in entries)
        except HiveError as error:
            self._fail("types", f"is wrong: {error.detail.rstrip('.')}")
        except ValueError:
            self._fail("types", "is wrong: `version` must be a whole number")

    def _engine(self, files: Mapping[str, FilePin]) -> str:
        engine = self._text("engine", self._raw["engine"])
        if engine not in ENGINES:
            self._fail("engine", f"is {engine!r}, but must be one of {', '.join(ENGINES)}")
        if engine == "onnx" and MODEL_FILE not in files:
            self._fail("files", f"must pin {MODEL_FILE}, which the engine onnx runs")
        return engine

    def _tokenizer(self, files: Mapping[str, FilePin]) -> str | None:
        name = self._raw.get("tokenizer")
        if name is not None and name not in files:
            self._fail("tokenizer", "must be the name of a file under `files`, or null")
        return None if name is None else str(name)

    def _files(self) -> Mapping[str, FilePin]:
        pins = {}
        for name, pin in self._object("files").items():
            field = f"files.{name}"
            if not name or name in (".", "..", FILE_NAME) or re.search(r"[/\\\0]", name):
                self._fail(
                    field, "must be a file directly in the specialist's directory, other than the manifest"
                )
            if not isinstance(pin, dict) or pin.keys() != {"sha256", "bytes"}:
                self._fail(field, "must be an object with `sha256` and `bytes`")
            digest = self._text(f"{field}.sha256", pin["sha256"])
            if not _DIGEST.fullmatch(digest):
                self._fail(f"{field}.sha256", "must be 64 lower-case hex digits")
            pins[name] = FilePin(digest, self._count(f"{field}.bytes", pin["bytes"], _MAX_FILE_BYTES))
        return MappingProxyType(pins)

    def _quality(self) -> Mapping[str, Json]:
        quality: dict[str, Json] = {}
        for name, figure in self._object("quality").items():
            if not isinstance(figure, dict) or not isinstance(figure.get("value"), int | float):
                self._fail(f"quality.{name}", "must be an object with a number `value`")
            quality[name] = MappingProxyType(figure)
        return MappingProxyType(quality)
