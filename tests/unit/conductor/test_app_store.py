"""Which store a conductor's dispatcher is given, and that no list of processes shows its password."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conductor.app import ConductorApp
from conductor.dispatcher.spec import read_spec
from hive.config import find_source, parse_config, parse_source
from hive.errors import HiveError

MESH = """
mesh: solo
sites:
  plant-a:
    conductor: {store: {url: "URL", keep_days: 3}}
policy:
  sites: [{rule: here, site: plant-a, labels: [internal], default_label: internal}]
"""


def app(folder: Path, url: str) -> ConductorApp:
    config = parse_config(parse_source(MESH.replace("URL", url), "mesh.yaml"))
    return ConductorApp(config, find_source("dev"), "plant-a", folder)


def spec_of(made: ConductorApp) -> str:
    return made._dispatcher.command[-1]


def test_the_default_is_a_file_in_the_state_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HIVE_STORE_URL", raising=False)
    spec = read_spec(spec_of(app(tmp_path, "sqlite:")))
    assert spec.store_address().path == tmp_path / "stores" / "plant-a.db"
    assert (spec.kept().days, spec.kept().dead_days) == (3, 30)


def test_a_password_is_not_among_the_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HIVE_STORE_URL", raising=False)
    made = app(tmp_path, "postgresql://hive:s3cret@db/hive_{site}")
    assert "s3cret" not in " ".join(made._dispatcher.command)
    assert read_spec(spec_of(made)).store == "postgresql://hive@db/hive_plant-a"
    assert made._dispatcher._environment == {"PGPASSWORD": "s3cret"}


def test_the_environment_overrules_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIVE_STORE_URL", f"sqlite://{tmp_path}/x/{{site}}.db")
    assert read_spec(spec_of(app(tmp_path, "memory:"))).store == f"sqlite://{tmp_path}/x/plant-a.db"
    monkeypatch.setenv("HIVE_STORE_URL", "nonsense")
    with pytest.raises(HiveError) as caught:
        app(tmp_path, "memory:")
    assert caught.value.code == "config_invalid"


def test_a_second_conductor_leaves_the_state_of_the_first_alone(tmp_path: Path) -> None:
    first = app(tmp_path, "memory:")
    with pytest.raises(HiveError) as caught:
        app(tmp_path, "memory:")
    assert caught.value.code == "already_running"
    assert str(tmp_path) in caught.value.detail
    os.close(first._lock)
    app(tmp_path, "memory:")
