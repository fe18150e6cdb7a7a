"""A publisher that is killed says no goodbye; what starts in its place is seen all the same."""

from __future__ import annotations

import subprocess
import sys
from uuid import uuid4

import pytest

from hive.discovery.base import Advert
from hive.discovery.mdns import MdnsDiscovery
from tests.fakes.waiting import until

pytestmark = [pytest.mark.integration]

PUBLISHER = """
import sys, time
from hive.discovery.base import Advert
from hive.discovery.mdns import MdnsDiscovery
MdnsDiscovery(sys.argv[1], "127.0.0.1").publish(Advert("conductor", sys.argv[1], "plant-a", "plant-a", 8421, 1))
time.sleep(60)
"""


def test_a_restart_with_a_new_incarnation_and_port_replaces_what_was_killed() -> None:
    mesh = f"m-{uuid4().hex[:8]}"
    finder = MdnsDiscovery(mesh, "127.0.0.1", ("conductor",))
    killed = subprocess.Popen([sys.executable, "-c", PUBLISHER, mesh])
    again = MdnsDiscovery(mesh, "127.0.0.1")
    try:
        until(lambda: [advert.incarnation for advert in finder.seen("conductor")] == [1])
        killed.kill()
        killed.wait()
        assert [advert.port for advert in finder.seen("conductor")] == [8421]  # silence is no goodbye
        again.publish(Advert("conductor", mesh, "plant-a", "plant-a", 8500, 2))
        until(lambda: [(a.incarnation, a.port) for a in finder.seen("conductor")] == [(2, 8500)])
    finally:
        killed.kill()
        killed.wait()
        again.close()
        finder.close()
