"""What is asked where: everything that policy permits, and now and then what it forbids."""

from __future__ import annotations

from hive.config import load_config
from simulation.chaos.errands import errands

CLASSIFY, ECHO, REDACT, DETECT = "text.classify_intent", "mesh.echo", "text.redact", "sensor.detect_anomaly"
OFFERED = {
    "plant-a": frozenset({CLASSIFY, ECHO, REDACT, DETECT}),
    "plant-b": frozenset({REDACT, DETECT}),
    "cloud": frozenset({CLASSIFY, ECHO}),
}


def test_what_a_site_can_do_is_asked_there_with_each_label_that_may_be_there() -> None:
    found = errands(load_config("factory"), OFFERED)
    mine = {(e.capability, e.label) for e in found if e.site == "plant-b" and not e.away}
    assert mine == {(c, label) for c in (REDACT, DETECT) for label in ("public", "internal", "pii")}


def test_what_may_go_to_another_site_is_asked_more_often_than_what_may_not() -> None:
    found = errands(load_config("factory"), OFFERED)
    away = {e.label: e.weight for e in found if e.site == "plant-b" and e.capability == CLASSIFY}
    assert away["internal"] > away["pii"] > 0


def test_no_label_is_sent_to_a_site_that_may_not_have_it() -> None:
    config = load_config("factory")
    policy = config.compiled_policy
    assert [e for e in errands(config, OFFERED) if not policy.may_be_at(e.site, [e.label]).allowed] == []
