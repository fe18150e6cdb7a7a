"""Scenario files: those that come with Hive are right, and a mistake in a user's own is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.errors import HiveError
from simulation.sim.scenario import load, names

GOOD = """about: a test
mesh: one-site
callers:
  - {name: c, site: plant, asks: {text.redact: 1}}
faults: {count: 0}
"""


def mistake(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(HiveError) as caught:
        load(path)
    assert caught.value.code == "config_invalid"
    return caught.value.detail


@pytest.mark.parametrize("name", names())
def test_each_bundled_scenario_is_valid(name: str) -> None:
    scenario = load(name)
    assert scenario.name == name
    assert scenario.nodes


def test_a_mesh_file_brings_the_nodes_of_its_devices_with_the_claims_of_their_manifests(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD, encoding="utf-8")
    redact = next(nodes for nodes in load(path).nodes if nodes.capability == "text.redact")
    assert (redact.site, redact.removes, redact.output) == ("plant", ("pii",), "text.redacted")
    assert redact.digest.startswith("sha256:")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "site: plant",
            "site: hme",
            "mine.yaml:4: callers[0].site: the mesh has no site 'hme'; it has plant",
        ),
        ("text.redact: 1", "text.redct: 1", "no node serves 'text.redct'"),
        ("count: 0", "count: 3", "mine.yaml:5: faults.kinds: no kind has a weight"),
        ("count: 0", "cnt: 0", "mine.yaml:5: faults.cnt"),
        ("about: a test\n", "", "'about' is missing"),
        ("mesh: one-site", "mesh: {mesh: x}", "mine.yaml:2: mesh.sites: 'sites' is missing"),
        ("{text.redact: 1}", "{text.redact: 1}, labels: {secret: 1}", "the mesh has no label 'secret'"),
        ("{text.redact: 1}", "{text.redact: 1}, deadline_ms: [5, 1]", "write the least first"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert says in mistake(tmp_path, GOOD.replace(old, new))


def test_policies_to_read_later_are_the_mesh_s_own_with_one_rule_or_label_less_each() -> None:
    scenario = load("partitions")
    assert scenario.mesh.compiled_policy.links
    rules = [tuple(rule.rule for rule in mesh.compiled_policy.links) for mesh in scenario.meshes]
    assert rules[:4] == [("up", "over", "back"), ("over", "back"), ("up", "back"), ("up", "over")]
    assert [len(mesh.policy.removals) for mesh in scenario.meshes[:5]] == [1, 1, 1, 1, 0]
    labels = [sum(len(site.labels) for site in mesh.policy.sites) for mesh in scenario.meshes]
    assert labels == [8] * 5 + [7] * 5


def test_an_unknown_name_is_told_with_near_ones() -> None:
    with pytest.raises(HiveError, match="Did you mean smoke") as caught:
        load("smok")
    assert caught.value.code == "config_not_found"
