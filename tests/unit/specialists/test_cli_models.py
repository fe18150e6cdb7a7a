"""`hive models`: what is bundled, and the digests that mesh files pin."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hive.errors import CATALOGUE, HiveError
from specialists.cli_models import models_app
from specialists.load import bundled, find
from specialists.manifest import read_manifest
from specialists.pins import pins_in, replace_unknown

UNKNOWN = "sha256:" + "ab" * 32
MESH = """\
# a comment that stays
mesh: small
sites:
  home:
    conductor: {{bind: "tcp://127.0.0.1:8421"}}
    devices: {{desk: {{nodes: [{{specialist: text-redact}}]}}}}
policy:
  removals:
    - {{rule: first, capability: text.redact, digests: ["{0}"], labels: [pii]}}
    - {{rule: second, capability: text.translate, digests: ["{1}"], labels: [pii]}}
"""


def redact() -> str:
    return read_manifest(find("text-redact")).digest


def mesh_file(folder: Path, first: str, second: str = UNKNOWN) -> Path:
    path = folder / "mesh.yaml"
    path.write_bytes(MESH.format(first, second).encode())
    return path


def run(*words: str) -> tuple[int, str, str]:
    """Return (exit status, stdout, stderr)."""
    done = CliRunner().invoke(models_app, list(words), env={"COLUMNS": "200", "NO_COLOR": "1"})
    return done.exit_code, done.stdout, done.stderr


def test_list_names_every_bundled_specialist_with_the_digest_of_its_manifest() -> None:
    status, text, _ = run("list", "--json")
    rows = {row["name"]: row for row in json.loads(text)}
    paths = {path.parent.name: path for path in bundled()}
    assert status == 0
    assert rows.keys() == paths.keys()
    for name, path in paths.items():
        content = (path / "manifest.json").read_bytes()
        assert rows[name]["digest"] == "sha256:" + hashlib.sha256(content).hexdigest()
        files = [file for file in path.iterdir() if file.name not in {"manifest.json", "costs.json"}]
        assert rows[name]["size_bytes"] == sum(file.stat().st_size for file in files)


def test_show_gives_capability_version_and_measured_quality() -> None:
    status, text, _ = run("show", "text-classify-intent", "--json")
    row = json.loads(text)
    assert status == 0
    assert (row["capability"], row["version"]) == ("text.classify_intent", "1.1.0")
    assert row["quality"]["accuracy"].keys() >= {"value", "low", "high", "n", "data"}


def test_show_draws_the_figures_and_says_how_many_more_there_are() -> None:
    figures = len(read_manifest(find("text-redact")).quality)
    status, text, _ = run("show", "text-redact")
    assert status == 0
    assert redact() in text
    assert f"and {figures - 12} more: --all" in text
    assert "more: --all" not in run("show", "text-redact", "--all")[1]


def test_show_of_a_name_that_is_none_offers_near_ones() -> None:
    status, _, sentence = run("show", "text-redakt")
    assert status == CATALOGUE["model_not_found"].exit_status
    assert "Did you mean text-redact" in sentence


def test_show_refuses_a_file_that_is_not_the_pinned_one(tmp_path: Path) -> None:
    for file in find("text-classify-intent").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    model = tmp_path / "model.onnx"
    model.write_bytes(model.read_bytes() + b"\0")
    status, text, sentence = run("show", f"{tmp_path}/", "--json")
    assert status == CATALOGUE["model_digest_mismatch"].exit_status
    assert json.loads(text)["code"] == "model_digest_mismatch"
    assert "model.onnx is not the file that manifest.json pins" in sentence.replace("\n", " ")


def test_pins_tell_known_digests_from_others(tmp_path: Path) -> None:
    first, second = pins_in(mesh_file(tmp_path, redact()))
    assert (first.rule, first.known, first.newest) == ("first", "text-redact@1.1.0", "text-redact@1.1.0")
    assert first.place.endswith("mesh.yaml:9: policy.removals[0].digests[0]")
    assert (second.known, second.newest) == ("", "")


def test_update_replaces_an_unknown_digest_and_nothing_else(tmp_path: Path) -> None:
    path = mesh_file(tmp_path, UNKNOWN, "sha256:" + "cd" * 32)
    pins = replace_unknown(path)
    assert [pin.written for pin in pins] == [True, False]
    assert path.read_bytes() == MESH.format(redact(), "sha256:" + "cd" * 32).encode()


def test_update_leaves_a_file_alone_that_pins_what_is_bundled(tmp_path: Path) -> None:
    path = mesh_file(tmp_path, redact())
    before = path.stat().st_mtime_ns
    assert [pin.written for pin in replace_unknown(path)] == [False, False]
    assert path.stat().st_mtime_ns == before


def test_digests_says_by_its_exit_status_whether_all_are_bundled(tmp_path: Path) -> None:
    status, text, sentence = run("digests", str(mesh_file(tmp_path, UNKNOWN, redact())), "--json")
    assert status == 1
    assert [pin["known"] for pin in json.loads(text)] == ["", ""]  # the second rule is of another capability
    assert sentence == ""


def test_digests_names_the_line_and_what_would_replace_it(tmp_path: Path) -> None:
    _, sentence, _ = run("digests", str(mesh_file(tmp_path, UNKNOWN)))
    assert "mesh.yaml:9: policy.removals[0].digests[0]" in sentence
    assert "--update writes text-redact@1.1.0" in sentence
    assert "no bundled specialist serves it" in sentence


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(HiveError, match="There is no file") as caught:
        pins_in(tmp_path / "none.yaml")
    assert caught.value.code == "config_not_found"


def test_a_specialist_that_cites_no_data_was_made_from_its_makers_own(tmp_path: Path) -> None:
    for name, said in (("text-redact", "data of its maker's own"), ("mesh-echo", "nothing")):
        folder = tmp_path / name
        shutil.copytree(find(name), folder)
        manifest = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps(manifest | {"data": []}))
        status, text, _ = run("show", str(folder))
        assert status == 0
        assert f"made from {said}" in {" ".join(line.split()) for line in text.splitlines()}
