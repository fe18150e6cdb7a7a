"""Specialists are found by name, checked against their manifest, and loaded without anything heavy."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hive.errors import HiveError
from hive.types import TypeRegistry
from specialists.kinds.base import Answer
from specialists.load import bundled, find, load
from specialists.manifest import read_manifest, verify
from tests.fakes.hostile import FLOAT, message, model, value_info

UINT8 = 2
NAMES = [
    "machine-predict-failure",
    "mesh-echo",
    "sensor-describe-anomaly",
    "sensor-detect-anomaly",
    "text-classify-intent",
    "text-embed",
    "text-parse-command",
    "text-redact",
    "text-route-note",
    "transaction-score-credit",
    "transaction-score-risk",
]


def code_of(name_or_path: str | Path) -> HiveError:
    with pytest.raises(HiveError) as caught:
        load(name_or_path)
    return caught.value


def test_the_bundled_specialists_are_there_once() -> None:
    assert [path.parent.name for path in bundled()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_bundled_specialist_is_whole_small_and_known(name: str) -> None:
    folder = find(name)
    manifest = read_manifest(folder)
    verify(manifest)
    assert (manifest.name, manifest.version) == (name, folder.name)
    assert {path.name for path in folder.iterdir()} - {"costs.json"} == {*manifest.files, "manifest.json"}
    assert sum(pin.size_bytes for pin in manifest.files.values()) < 2_000_000
    types = TypeRegistry(manifest.types)
    for kind in (*manifest.inputs.values(), manifest.output):
        types.get(kind)


@pytest.mark.parametrize("name", NAMES)
def test_a_bundled_specialist_answers_its_sample(name: str) -> None:
    specialist = load(name)
    specialist.warm_up()
    (answer,) = specialist.answer([specialist.sample()])
    assert isinstance(answer, Answer)
    assert 0 <= answer.confidence <= 1
    assert answer.removes <= specialist.manifest.removes
    assert specialist.digest == specialist.manifest.digest
    assert specialist.digest.startswith("sha256:")


def test_a_name_may_have_a_version() -> None:
    assert find("text-redact@1.1.0") == find("text-redact")
    assert "There is no version 9.9.9" in code_of("text-redact@9.9.9").detail


def test_an_unknown_name_gets_the_nearest_ones() -> None:
    error = code_of("text-redcat")
    assert error.code == "model_not_found"
    assert "text-redact" in error.detail
    assert error.context["candidates"] == NAMES


def test_a_directory_is_a_path(tmp_path: Path) -> None:
    assert code_of(tmp_path / "none").code == "model_not_found"
    assert code_of("./none").code == "model_not_found"
    copy = tmp_path / "copy"
    shutil.copytree(find("mesh-echo"), copy)
    assert load(copy).digest == load("mesh-echo").digest
    assert load(str(copy)).manifest.name == "mesh-echo"


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json", "card.md"])
def test_a_tampered_file_is_refused(tmp_path: Path, file: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(find("text-classify-intent"), copy)
    content = bytearray((copy / file).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / file).write_bytes(content)
    error = code_of(copy)
    assert error.code == "model_digest_mismatch"
    assert file in error.detail


@pytest.mark.parametrize(
    ("field", "value", "part"),
    [
        (
            "kind",
            "oracle",
            "known kinds: alert, anomaly, classify, command, echo, embed, estimate, intent, redact, risk, tag",
        ),
        ("calibration", {"temperature": 1.0}, "calibration.unsure_below"),
        ("postprocess", {}, "postprocess.labels"),
        ("tokenizer", None, "tokenizer"),
        ("engine", "none", "engine"),
    ],
)
def test_settings_that_the_kind_needs_are_named(tmp_path: Path, field: str, value: object, part: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(find("text-classify-intent"), copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps(manifest | {field: value}))
    error = code_of(copy)
    assert error.code == "manifest_invalid"
    assert part in error.detail


def test_batches_are_refused_where_one_scale_is_taken_over_all_of_it(tmp_path: Path) -> None:
    outputs = (("y", UINT8, ("n",)), ("scale", FLOAT, ()), ("zero", UINT8, ()))
    node = message((1, "x"), *((2, name) for name, _, _ in outputs), (4, "DynamicQuantizeLinear"))
    declared = ((12, value_info(*output)) for output in outputs)
    content = model(message((1, node), (2, "g"), (11, value_info("x")), *declared))
    (tmp_path / "model.onnx").write_bytes(content)
    manifest = json.loads((find("mesh-echo") / "manifest.json").read_text())
    manifest["engine"] = "onnx"
    manifest["files"] = {"model.onnx": {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    error = code_of(tmp_path)
    assert (error.code, error.context["field"]) == ("manifest_invalid", "batch.max_size")
    assert "DynamicQuantizeLinear in model.onnx takes one scale over a whole batch" in error.detail
    manifest["batch"]["max_size"] = 1
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert load(tmp_path).manifest.batch_max == 1


def test_loading_imports_nothing_heavy() -> None:
    code = (
        "import sys; from specialists.load import load; load('text-redact').warm_up(); "
        "print([m for m in ('pydantic', 'torch', 'transformers', 'zeroconf', 'onnx', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
