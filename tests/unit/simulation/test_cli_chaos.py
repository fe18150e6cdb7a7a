"""Without a word about faults, only those are had that a mesh can have here."""

from __future__ import annotations

import pytest

from simulation.chaos.faults import parse_faults
from simulation.cli_chaos import default_faults


@pytest.mark.parametrize(
    ("config", "netns", "partitions"),
    [("one-site", True, True), ("one-site", False, False), ("factory", False, True)],
)
def test_packets_are_dropped_in_namespaces_or_on_links(config: str, *, netns: bool, partitions: bool) -> None:
    kinds = parse_faults(default_faults(config, netns=netns))
    assert ("partition" in kinds, "kill" in kinds) == (partitions, True)
