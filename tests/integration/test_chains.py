"""Chains of specialists over two sites: a window to an alert, and a note with names to a route without them."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from hive.client import Client, Result
from hive.errors import HiveError
from simulation.mesh import LocalMesh, free_ports
from specialists.load import find
from specialists.manifest import read_manifest
from tests.fakes.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

DETECT, DESCRIBE = "sensor.detect_anomaly", "sensor.describe_anomaly"
REDACT, ROUTE = "text.redact", "text.route_note"
MESH = """
mesh: chains
discovery:
  mdns: false
  conductors: {{clinic: "tcp://127.0.0.1:{a}", cloud: "tcp://127.0.0.1:{b}"}}
sites:
  clinic:
    conductor: {{bind: "tcp://127.0.0.1:{a}", http: null, upstream: {{site: cloud}}}}
    devices:
      ward: {{nodes: [{{specialist: sensor-detect-anomaly}}, {{specialist: text-redact}}]}}
  cloud:
    conductor: {{bind: "tcp://127.0.0.1:{b}", http: null}}
    devices:
      rack: {{nodes: [{{specialist: sensor-describe-anomaly}}, {{specialist: text-route-note}}]}}
policy:
  sites:
    - {{rule: clinic-data, site: clinic, labels: [public, internal, pii], default_label: internal}}
    - {{rule: cloud-data, site: cloud, labels: [public, internal], default_label: internal}}
  links:
    - rule: to-cloud
      from: clinic
      to: cloud
      capabilities: [{describe}, {route}]
      labels: [public, internal]
  principals: [{{rule: staff, principal: "*", capabilities: ["*"], labels: [public, internal, pii]}}]
  nodes:
    - {{rule: wards, node: "ward/*", site: clinic, capabilities: ["*"]}}
    - {{rule: racks, node: "rack/*", site: cloud, capabilities: ["*"]}}
  removals: [{{rule: redact-pii, capability: text.redact, digests: ["{digest}"], labels: [pii]}}]
"""


@dataclass
class Chains:
    """The mesh that runs, and where its clinic answers."""

    mesh: LocalMesh
    url: str

    def run(self, want: str, value: object, *labels: str) -> Result:
        with Client(self.url) as client:
            return client.run(want=want, input=value, labels=list(labels), input_type=_TYPES[want])


_TYPES = {"alert": "sensor.window", "route": "text"}


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chains]:
    folder = tmp_path_factory.mktemp("chains")
    a, b = free_ports(2)
    facts: dict[str, Any] = {"a": a, "b": b, "describe": DESCRIBE, "route": ROUTE}
    facts["digest"] = read_manifest(find("text-redact")).digest
    config = folder / "chains.yaml"
    config.write_text(MESH.format(**facts), encoding="utf-8")
    with LocalMesh(config, folder / "h") as mesh:
        yield Chains(mesh, f"tcp://127.0.0.1:{a}")


def window(spike: float) -> dict[str, object]:
    values: list[list[float | None]] = [[4.2 + 0.1 * math.sin(t / 5)] for t in range(96)]
    values[70], values[20] = [spike], [None]
    return {"source": "pump-7", "channels": ["pressure"], "interval_s": 60, "values": values}


def plan(result: Result) -> list[tuple[str, str]]:
    """Return each step's capability and the site where it ran."""
    attempts: Any = result.provenance["attempts"]
    # A step given to another site is told twice: by who gave it and by who ran it.
    return list({row["capability"]: (row["capability"], row["site"]) for row in attempts}.values())


def test_a_window_becomes_an_alert_through_the_anomaly_that_is_found_in_it(chains: Chains) -> None:
    for spike, kind, said in (
        (9.0, "spike", "pressure on pump-7 jumped from"),
        (4.25, "none", "Nothing out of the ordinary on pump-7"),
    ):
        result = chains.run("alert", window(spike))
        assert result.ok, result.error
        assert plan(result) == [(DETECT, "clinic"), (DESCRIBE, "cloud")]
        assert result.output["kind"] == kind
        assert result.output["sentence"].startswith(said)
        assert result.output["unfamiliar"] is False
        crossed: Any = result.provenance["crossings"]
        assert [(row["from"], row["to"]) for row in crossed] == [("clinic", "cloud"), ("cloud", "clinic")]


def test_a_note_with_names_is_redacted_before_it_goes_to_be_routed(chains: Chains) -> None:
    note = "Maria Keller has no known drug allergies, call her at +351 21 000 0000."
    with Client(chains.url) as client:
        redacted = client.run(REDACT, note, labels=["pii"]).check()
    assert (redacted.output["text"], redacted.labels) == (
        "[PERSON_1] has no known drug allergies, call her at [PHONE_1].",
        ("internal",),
    )
    result = chains.run("route", note, "pii")
    assert result.ok, result.error
    assert plan(result) == [(REDACT, "clinic"), (ROUTE, "cloud")]
    assert result.output["route"] == "ALLERGY"
    crossed: Any = result.provenance["crossings"]
    assert [(row["to"], row["labels"]) for row in crossed] == [
        ("cloud", ["internal"]),
        ("clinic", ["internal"]),
    ]


def test_a_note_without_names_goes_straight(chains: Chains) -> None:
    result = chains.run("route", "No known drug allergies.")
    assert result.ok, result.error
    assert plan(result) == [(ROUTE, "cloud")]


def test_what_cannot_be_read_keeps_its_label_and_stays(chains: Chains) -> None:
    result = chains.run("route", "Позвоните Марии Келлер", "pii")
    assert not result.ok
    assert (result.error or {})["code"] == "label_kept"
    assert "crossings" not in result.provenance or result.provenance["crossings"] == []


def test_a_model_that_policy_does_not_name_by_its_digest_removes_nothing(chains: Chains) -> None:
    digest = read_manifest(find("text-redact")).digest
    granted = chains.mesh.config.read_text(encoding="utf-8")
    chains.mesh.config.write_text(granted.replace(digest, "sha256:" + "0" * 64), encoding="utf-8")
    for row in chains.mesh.rows("control"):
        os.kill(row.pid, signal.SIGHUP)
    text = "Maria Keller asks to move her appointment"

    def answered() -> str:
        try:
            return chains.run("route", text, "pii").state
        except HiveError as error:
            return error.code

    until(lambda: answered() == "label_forbidden", 20, "a refusal by the new policy")
