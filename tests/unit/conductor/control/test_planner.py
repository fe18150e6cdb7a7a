"""Claims to verdicts, and what the control process remembers."""

from __future__ import annotations

import pytest

from conductor.control.planner import Planner
from conductor.control.view import ControlView
from hive.config import parse_config
from hive.config_models import MeshConfig
from hive.config_source import parse_source
from hive.errors import HiveError
from hive.wire.messages import EMPTY, Offer, PlanWanted, Seen

DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32
MESH = f"""
mesh: m
sites:
  plant: {{}}
policy:
  sites: [{{rule: data, site: plant, labels: [internal, pii], default_label: internal}}]
  principals: [{{rule: people, principal: local, capabilities: ["*"], labels: [internal, pii]}}]
  nodes: [{{rule: presses, node: press-*, site: plant, capabilities: ["text.*"]}}]
  removals: [{{rule: redactor, capability: text.redact, digests: ["{DIGEST}"], labels: [pii]}}]
"""


def planner() -> Planner:
    return Planner(parse_config(parse_source(MESH, "m.yaml")), "plant", 5)


def claim(
    name: str = "press-1/redact", site: str = "plant", capability: str = "text.redact", digest: str = DIGEST
) -> Seen:
    offer = Offer(
        capability, "1.0.0", (("text", "text"),), "text.redacted", digest, "text-redact@1.0.0", ("pii",)
    )
    return Seen(EMPTY, 1, name, site, (offer,))


def test_a_granted_claim_gets_its_pool_labels_and_removal() -> None:
    verdict = planner().seen(claim())
    (grant,) = verdict.grants
    assert grant == {
        "capability": "text.redact",
        "pool": "text-redact@1.0.0#abababababab",
        "removes": 4,
        "rule": "presses",
    }
    assert verdict.allowed_labels == 6


def test_another_model_may_not_remove_the_label() -> None:
    (grant,) = planner().seen(claim(digest=OTHER)).grants
    assert grant["removes"] == 0


def test_claims_that_policy_does_not_grant_name_the_rule() -> None:
    for seen, rule in (
        (claim(name="stranger/redact"), "policy.nodes"),
        (claim(site="elsewhere"), "own-site"),
        (claim(capability="sensor.detect_anomaly"), "presses"),
    ):
        verdict = planner().seen(seen)
        assert verdict.grants == ()
        assert (verdict.refused["code"], verdict.refused["rule"]) == ("claim_refused", rule)


def test_a_new_capability_makes_a_new_generation_and_a_second_node_does_not() -> None:
    control = planner()
    control.seen(claim())
    first = control.generation
    control.seen(claim(name="press-2/redact"))
    assert (first, control.generation) == (6, 6)


def test_a_plan_carries_its_generation_and_reasons() -> None:
    control = planner()
    control.seen(claim())
    plan = control.plan(PlanWanted(EMPTY, 9, "text.redact", labels=6, principal="local"))
    (step,) = plan.steps
    assert (plan.ask, plan.generation, step["rule"], step["removes"]) == (9, 6, "presses", 4)
    assert "granted to remove pii" in str(step["why"])


def test_a_reloaded_policy_voids_every_plan() -> None:
    control = planner()
    control.seen(claim())
    before = control.generation
    control.reload(control.config)
    assert control.generation == before + 1
    refused = control.plan(PlanWanted(EMPTY, 1, "text.redact", principal="local")).refused
    assert refused["code"] == "capability_unknown"


def test_a_reload_may_add_labels_and_never_moves_one() -> None:
    def config(labels: str) -> MeshConfig:
        return parse_config(parse_source(MESH.replace("policy:", f"labels: [{labels}]\npolicy:"), "m.yaml"))

    control = planner()
    control.reload(config("trade"))
    control.reload(config("trade, secret"))
    before = control.generation
    for labels in ("secret, trade", "trade", "other"):
        with pytest.raises(HiveError, match="only be added at the end"):
            control.reload(config(labels))
    assert (control.generation, control.labels.names[-2:]) == (before, ("trade", "secret"))


def test_the_view_draws_what_is_there() -> None:
    control = planner()
    control.seen(claim())
    view = ControlView(control)
    assert {"kind": "capability", "name": "text.redact"} in view.graph_json()["vertices"]  # type: ignore[operator]
    assert '"capability:text.redact"' in view.graph_dot()
    assert view.graph_svg().startswith("<svg")
    assert "text.redact" in view.graph_svg()
    assert view.capabilities()[0]["removes"] == ["pii"]


def test_a_claim_with_a_type_that_nobody_defines_is_refused_and_planning_goes_on() -> None:
    control = planner()
    control.seen(claim())
    for inputs, output in (((("x", "text.unheard"),), "text"), ((("text", "text"),), "unheard")):
        offer = Offer("text.odd", "1.0.0", inputs, output, DIGEST, "odd@1.0.0")
        verdict = control.seen(Seen(EMPTY, 2, "press-3/odd", "plant", (offer,)))
        assert (verdict.grants, verdict.refused["code"]) == ((), "type_unknown")
    assert control.plan(PlanWanted(EMPTY, 1, "text.redact", principal="local")).refused == {}
