"""The tutorial from a table to a specialist that answers in a mesh, typed as it stands there.

Where the forge is not installed, a bundled specialist stands in for the one that it would build.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from hive.config import load_config
from simulation.mesh import free_ports
from specialists.forge.tasks import TASKS
from specialists.load import find
from tests.fakes.reader import Reader, blocks
from tests.fakes.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]
PAGE = "tutorials/make-your-own.md"
HAS_FORGE = "classify" in TASKS and all(
    importlib.util.find_spec(name) for name in ("torch", "onnx", "transformers", "sklearn")
)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    wire, http = free_ports(2)
    reader = Reader(tmp_path, {"8421": wire, "8420": http})
    yield reader
    reader.types("sh", "hive down || true")


def test_every_step_of_the_page_works(reader: Reader) -> None:
    shown = ""
    for language, text in blocks(PAGE):
        if language == "yaml":
            _write_mesh(reader, text)
        elif "hive forge build" in text:
            _build(reader, text)
        else:
            if "hive submit" in text:
                until(lambda: _is_ready(reader), 30, "a ready node")
            shown += reader.types(language, text)
    assert "shop is ready" in shown
    assert "text.choose_desk" in shown
    assert "confidence" in shown
    assert "shop stopped" in shown


def _write_mesh(reader: Reader, text: str) -> None:
    """Write the page's mesh file; what it would keep in it at the end is checked with it."""
    document = yaml.safe_load(text)
    if "mesh" in document:
        reader.write("shop.yaml", text)
        return
    whole = yaml.safe_load((reader.folder / "shop.yaml").read_text(encoding="utf-8"))
    whole["sites"]["shop"].update(document)
    reader.write("kept.yaml", yaml.safe_dump(whole))
    (node,) = load_config(reader.folder / "kept.yaml").sites["shop"].devices["desk"].nodes
    assert node.specialist == "./shop-desk"


def _build(reader: Reader, text: str) -> None:
    with (reader.folder / "messages.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 200
    assert {row["desk"] for row in rows} == {"repair", "order", "rental", "invoice"}
    if HAS_FORGE:
        reader.types("sh", text.replace("--budget 2m", "--budget 10s"), wait_s=1000)
        return
    folder = reader.folder / "shop-desk"
    shutil.copytree(find("text-classify-intent"), folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest |= {"name": "shop-desk", "capability": "text.choose_desk"}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def _is_ready(reader: Reader) -> bool:
    (row,) = json.loads(reader.types("sh", "hive nodes --json")) or [{"state": "none"}]
    return row["state"] == "ready"
