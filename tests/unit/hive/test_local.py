"""The local mesh's book-keeping: one supervisor per mesh, and which one it is."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from hive.config import load_config
from hive.errors import HiveError
from hive.local import MESH_FILE, children, lock, main, running_mesh
from hive.state_dir import write_json


def test_a_mesh_is_locked_once(tmp_path: Path) -> None:
    handle = lock(tmp_path)
    with pytest.raises(HiveError, match=r"already running\. `hive down` stops it") as caught:
        lock(tmp_path)
    assert caught.value.code == "already_running"
    os.close(handle)
    os.close(lock(tmp_path))


def test_the_supervisor_that_runs_is_known_by_its_start_time(tmp_path: Path) -> None:
    document = {"mesh": "m", "pid": os.getpid(), "started": psutil.Process().create_time()}
    write_json(tmp_path / MESH_FILE, document)
    assert running_mesh(tmp_path) == document
    write_json(tmp_path / MESH_FILE, {**document, "started": document["started"] - 60})
    assert running_mesh(tmp_path) is None


@pytest.mark.parametrize("document", [None, [], {}, {"pid": "x", "started": 1}, {"pid": 1, "started": None}])
def test_a_broken_file_is_no_mesh(document: object, tmp_path: Path) -> None:
    write_json(tmp_path / MESH_FILE, document)
    assert running_mesh(tmp_path) is None


def test_a_conductor_per_site_and_an_agent_per_device(tmp_path: Path) -> None:
    relays, conductors, devices = children(load_config("one-site"), Path("one-site.yaml"), tmp_path)
    assert relays == []
    assert [child.command[2:] for child in conductors] == [
        ["hive", "conductor", "run", "one-site.yaml", "--site", "plant", "--state", str(tmp_path)]
    ]
    assert [child.name for child in devices] == [
        "device-press-1", "device-press-2", "device-packing-1", "device-office",
    ]  # fmt: skip
    assert devices[0].command[5:9] == ["one-site.yaml", "--device", "press-1", "--site"]


def test_a_bad_file_ends_the_supervisor_with_the_catalogue_s_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hive.local", str(tmp_path / "none.yaml"), str(tmp_path)]) == 81
    assert capsys.readouterr().err.startswith("config_not_found: There is no file ")
