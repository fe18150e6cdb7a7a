"""The mesh of an experiment: the file's own shape, with specialists that tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.config import load_config
from hive.errors import HiveError
from simulation.chaos.stage import build, places
from simulation.chaos.worker import Chaos
from specialists.load import KINDS, load


def test_sites_devices_and_policy_stay_and_the_specialists_are_replaced(tmp_path: Path) -> None:
    stage = build("factory", tmp_path, "", netns=False)
    ours, theirs = stage.config, load_config("factory")
    assert (ours.policy, ours.linked_sites()) == (theirs.policy, theirs.linked_sites())
    for site, part in theirs.sites.items():
        for device in part.devices:
            assert [i for i, _ in ours.node_ids(site, device)] == [
                i for i, _ in theirs.node_ids(site, device)
            ]
    assert stage.offered["plant-b"] == {"sensor.detect_anomaly", "text.redact"}


def test_the_specialists_can_be_loaded_by_the_worker_of_an_experiment_alone(tmp_path: Path) -> None:
    stage = build("dev", tmp_path, "", netns=False)
    (_, node), *_ = stage.config.node_ids("home", "desk")
    loaded = load(
        node.specialist if "/" in node.specialist else Path(node.specialist), {**KINDS, "chaos": Chaos}
    )
    assert (loaded.manifest.capability, loaded.manifest.kind) == ("mesh.echo", "chaos")
    with pytest.raises(HiveError, match="known kinds"):
        load(Path(node.specialist))


def test_the_stores_are_where_they_are_wanted(tmp_path: Path) -> None:
    stage = build("factory", tmp_path, "memory:", netns=False)
    assert {site.conductor.store.url for site in stage.config.sites.values()} == {"memory:"}


def test_a_mesh_on_the_loopback_interface_is_where_its_file_says(tmp_path: Path) -> None:
    stage = build("one-site", tmp_path, "", netns=False)
    place = places(stage, tmp_path)["plant"]
    conductor = stage.config.sites["plant"].conductor
    assert conductor.http is not None
    assert (place.http, place.wire) == (f"http://127.0.0.1:{conductor.http.port}", conductor.bind)
    assert place.space == ""
