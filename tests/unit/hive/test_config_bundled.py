"""The bundled mesh files: they are valid, they do what their headers say, and what they pin is what is bundled."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import fields

import pytest
from pydantic import TypeAdapter

from conductor.core.settings import Settings
from conductor.dispatcher.spec import settings_of
from hive.config import MeshConfig, bundled_configs, json_schema, load_config
from hive.config_tuning import NAMES, Tuning
from hive.gate import Crossing, compile_gate
from specialists.load import find
from specialists.manifest import Manifest, read_manifest
from specialists.pins import pins_in

SPECIALISTS = ("mesh-echo", "sensor-detect-anomaly", "text-classify-intent", "text-redact")


def nodes_of(config: MeshConfig) -> list[tuple[str, str, Manifest]]:
    """Return (site, node id, manifest) of every node."""
    return [
        (site, name, read_manifest(find(node.specialist)))
        for site, part in config.sites.items()
        for device in part.devices
        for name, node in config.node_ids(site, device)
    ]


def test_a_file_for_each_real_shape_is_bundled() -> None:
    assert {"clinic", "dev", "factory", "one-site", "retail"} <= set(bundled_configs())


@pytest.mark.parametrize("name", sorted(bundled_configs()))
def test_every_node_may_serve_what_it_is_configured_to(name: str) -> None:
    config = load_config(name)
    refused = [
        decision.reason
        for site, node, manifest in nodes_of(config)
        if not (
            decision := config.compiled_policy.may_claim(node, site, manifest.capability, manifest.digest)
        ).allowed
    ]
    assert refused == []


@pytest.mark.parametrize("name", sorted(bundled_configs()))
def test_redaction_may_remove_pii_with_the_bundled_model_and_no_other(name: str) -> None:
    policy = load_config(name).compiled_policy
    manifest = read_manifest(find("text-redact"))
    decision = policy.may_remove("text.redact", manifest.digest, "pii")
    assert (decision.allowed, decision.rule) == (True, "redact-pii"), f"hive models digests {name} --update"
    assert not policy.may_remove("text.redact", "sha256:" + "0" * 64, "pii").allowed


@pytest.mark.parametrize("name", sorted(bundled_configs()))
def test_every_digest_is_that_of_a_bundled_specialist(name: str) -> None:
    assert [pin.place for pin in pins_in(name) if not pin.known] == [], f"hive models digests {name} --update"


def test_dev_has_each_of_its_specialists_once_and_both_chains() -> None:
    names = [manifest.name for _, _, manifest in nodes_of(load_config("dev"))]
    assert len(names) == len(set(names))
    assert {*SPECIALISTS, "sensor-describe-anomaly", "text-route-note"} == set(names)


@pytest.mark.parametrize(("name", "plant"), [("one-site", "plant"), ("factory", "plant-a")])
def test_a_plant_survives_the_loss_of_any_one_device(name: str, plant: str) -> None:
    devices = defaultdict(set)
    for site, node, manifest in nodes_of(load_config(name)):
        if site == plant:
            devices[manifest.name].add(node.partition("/")[0])
    assert set(SPECIALISTS) <= devices.keys()
    assert {name: len(found) for name, found in devices.items()} == dict.fromkeys(devices, 2)


def allowed(name: str, crossing: Crossing, *labels: str) -> bool:
    config = load_config(name)
    gate = compile_gate(config.compiled_policy, config.label_table, config.sites)
    return gate.asks(crossing, config.label_table.mask(labels)).allowed


def test_names_stay_in_the_plant_and_what_was_redacted_may_go_to_the_cloud() -> None:
    way = Crossing("plant-b", "cloud", "plant-b", "line-3", "text.classify_intent")
    assert allowed("factory", way, "internal")
    assert not allowed("factory", way, "internal", "pii")
    assert not allowed(
        "factory", way._replace(source="plant-a", begun="plant-b"), "internal"
    )  # not by a detour
    assert not allowed("factory", way._replace(source="cloud", target="plant-b", begun="cloud"), "internal")


def test_a_shop_reaches_headquarters_through_its_region_and_no_other_shop() -> None:
    up = Crossing("shop-1", "region", "shop-1", "till", "mesh.echo")
    assert allowed("retail", up, "internal")
    assert allowed("retail", up._replace(source="region", target="headquarters"), "internal")
    assert not allowed("retail", up._replace(target="headquarters"), "internal")
    assert not allowed("retail", up._replace(source="region", target="shop-2"), "internal")


@pytest.mark.parametrize("labels", [("phi",), ("phi", "internal"), ("pii", "phi"), ()])
def test_health_data_leaves_no_clinic(labels: tuple[str, ...]) -> None:
    for capability in ("text.classify_intent", "text.redact", "sensor.detect_anomaly"):
        assert not allowed("clinic", Crossing("clinic", "cloud", "clinic", "desk", capability), *labels)
    policy = load_config("clinic").compiled_policy
    assert policy.default_label("clinic") == "phi"
    assert not any("phi" in rule.labels for rule in policy.removals)


@pytest.mark.parametrize("name", sorted(bundled_configs()))
def test_a_bundled_file_tells_editors_where_its_schema_is(name: str) -> None:
    first, second = bundled_configs()[name].read_text(encoding="utf-8").splitlines()[:2]
    assert (first, second) == ("# yaml-language-server: $schema=mesh.schema.json", "#")


def test_the_schema_in_the_repository_is_current() -> None:
    path = bundled_configs()["dev"].with_name("mesh.schema.json")
    assert json.loads(path.read_text(encoding="utf-8")) == json_schema(), "hive config schema --out " + str(
        path
    )


def test_the_conductor_knows_every_tuning_name_and_none_is_missing() -> None:
    base = {item.name.removesuffix("_us") for item in fields(Settings)}
    assert {name.removesuffix("_ms").removesuffix("_s") for name in NAMES} == base


def test_the_documented_defaults_are_the_conductor_s() -> None:
    tuning = TypeAdapter(Tuning).json_schema()["properties"]
    assert settings_of({name: tuning[name]["examples"][0] for name in NAMES}) == Settings()
