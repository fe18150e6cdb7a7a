"""A manifest is read strictly, pins its files, and complains with the field's name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hive.errors import HiveError
from specialists.manifest import read_manifest, verify

CONTENT = b"a model"
PIN = {"sha256": hashlib.sha256(CONTENT).hexdigest(), "bytes": len(CONTENT)}


def document(**changes: object) -> dict[str, object]:
    fields: dict[str, object] = {
        "manifest_version": 1,
        "name": "text-upper",
        "version": "1.0.0",
        "capability": "text.upper",
        "inputs": {"text": "text"},
        "output": "text",
        "kind": "upper",
        "engine": "onnx",
        "files": {"model.onnx": dict(PIN)},
        "batch": {"max_size": 4, "why": "static scales"},
        "run_bound_ms": 100,
        "licence": "Apache-2.0",
    }
    return fields | changes


def written(folder: Path, fields: dict[str, object]) -> Path:
    (folder / "manifest.json").write_text(json.dumps(fields))
    (folder / "model.onnx").write_bytes(CONTENT)
    return folder


def complaint(call: Callable[[], object]) -> HiveError:
    with pytest.raises(HiveError) as caught:
        call()
    return caught.value


def test_a_whole_manifest_is_read(tmp_path: Path) -> None:
    more = {
        "types": [{"name": "text.loud", "is_a": "text", "encoding": "utf8", "schema": {}}],
        "removes": ["pii"],
        "quality": {"accuracy": {"value": 0.9, "low": 0.8, "high": 1.0, "n": 10, "data": "test"}},
        "calibration": {"temperature": 1.5},
    }
    manifest = read_manifest(written(tmp_path, document(**more)))
    verify(manifest)
    assert manifest.name == "text-upper"
    assert dict(manifest.inputs) == {"text": "text"}
    assert manifest.types[0].is_a == "text"
    assert manifest.removes == frozenset({"pii"})
    assert manifest.batch_max == 4
    assert manifest.tokenizer is None
    assert manifest.calibration["temperature"] == 1.5
    assert manifest.quality["accuracy"]["n"] == 10
    assert manifest.read("model.onnx") == CONTENT
    content = (tmp_path / "manifest.json").read_bytes()
    assert manifest.digest == "sha256:" + hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"manifest_version": 2}, "manifest_version"),
        ({"manifest_version": None}, "manifest_version"),
        ({"name": "Text Upper"}, "name"),
        ({"name": 7}, "name"),
        ({"version": ""}, "version"),
        ({"capability": "upper"}, "capability"),
        ({"inputs": {}}, "inputs"),
        ({"inputs": {"text": 1}}, "inputs.text"),
        ({"inputs": "text"}, "inputs"),
        ({"output": None}, "output"),
        ({"engine": "tensorrt"}, "engine"),
        ({"files": {}}, "files"),
        ({"files": {"../model.onnx": PIN}}, "files.../model.onnx"),
        ({"files": {"/etc/passwd": PIN}}, "files./etc/passwd"),
        ({"files": {"..": PIN}}, "files..."),
        ({"files": {"manifest.json": PIN}}, "files.manifest.json"),
        ({"files": {"model.onnx": {"sha256": "abc", "bytes": 3}}}, "files.model.onnx.sha256"),
        ({"files": {"model.onnx": {"sha256": PIN["sha256"]}}}, "files.model.onnx"),
        ({"files": {"model.onnx": PIN | {"bytes": True}}}, "files.model.onnx.bytes"),
        ({"tokenizer": "tokenizer.json"}, "tokenizer"),
        ({"types": [{"name": ""}]}, "types"),
        ({"types": {}}, "types"),
        ({"preprocess": []}, "preprocess"),
        ({"batch": {}}, "batch.max_size"),
        ({"batch": {"max_size": 0, "why": "x"}}, "batch.max_size"),
        ({"batch": {"max_size": 1}}, "batch.why"),
        ({"run_bound_ms": 0.5}, "run_bound_ms"),
        ({"removes": "pii"}, "removes"),
        ({"quality": {"accuracy": 0.9}}, "quality.accuracy"),
        ({"lisence": "MIT"}, "lisence"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, change: dict[str, object], field: str) -> None:
    folder = written(tmp_path, document(**change))
    error = complaint(lambda: read_manifest(folder))
    assert error.code == "manifest_invalid"
    assert f"`{field}`" in error.detail
    assert error.context["field"] == field


@pytest.mark.parametrize("field", sorted(document()))
def test_a_missing_field_is_named(tmp_path: Path, field: str) -> None:
    fields = document()
    del fields[field]
    folder = written(tmp_path, fields)
    error = complaint(lambda: read_manifest(folder))
    assert error.code == "manifest_invalid"
    assert f"`{field}`" in error.detail


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b'{\n  "name": \n}', "line 3"),
        (b"\xff\xfe", "byte 0"),
        (b"[]", "JSON object"),
        (b'{"name": "a", "name": "b"}', "'name' is given twice"),
        (b'{"a":' + b"[" * 100_000, "manifest.json"),
        (b" " * (1 << 20) + b"{}", "larger than"),
    ],
)
def test_bad_json_says_where(tmp_path: Path, content: bytes, part: str) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    error = complaint(lambda: read_manifest(tmp_path))
    assert error.code == "manifest_invalid"
    assert part in error.detail


def test_missing_directory_manifest_and_file_are_not_found(tmp_path: Path) -> None:
    assert complaint(lambda: read_manifest(tmp_path / "none")).code == "model_not_found"
    assert complaint(lambda: read_manifest(tmp_path)).code == "model_not_found"
    manifest = read_manifest(written(tmp_path, document()))
    (tmp_path / "model.onnx").unlink()
    assert complaint(lambda: verify(manifest)).code == "model_not_found"


@pytest.mark.parametrize("changed", [b"b model", CONTENT + b"!", b""])
def test_a_changed_file_is_refused_with_both_digests(tmp_path: Path, changed: bytes) -> None:
    manifest = read_manifest(written(tmp_path, document()))
    (tmp_path / "model.onnx").write_bytes(changed)
    error = complaint(lambda: verify(manifest))
    assert error.code == "model_digest_mismatch"
    assert "model.onnx" in error.detail
    assert str(PIN["sha256"])[:12] in error.detail
    assert error.context["expected"] == PIN["sha256"]


def test_a_link_out_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(CONTENT)
    inner = tmp_path / "inner"
    inner.mkdir()
    manifest = read_manifest(written(inner, document()))
    (inner / "model.onnx").unlink()
    (inner / "model.onnx").symlink_to(tmp_path / "outside")
    error = complaint(lambda: verify(manifest))
    assert error.code == "manifest_invalid"
    assert "plain file" in error.detail
