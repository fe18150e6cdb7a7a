"""Two plants and a cloud as real processes, with every byte of their links written down."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hive.client import AsyncClient, Client, Result
from hive.errors import HiveError
from simulation.mesh import LocalMesh, free_ports
from tests.fakes.waiting import until
from tests.fakes.wiretap import Wiretap

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

CLASSIFY, ECHO, REDACT = "text.classify_intent", "mesh.echo", "text.redact"
DIGEST = "sha256:0db5d8608d6308a315668cc78e125beedfe76f77a481c47be76a59b8cd92d128"
MESH = """
mesh: tapped
discovery:
  mdns: false
  conductors: {{plant-a: "tcp://127.0.0.1:{a}", plant-b: "tcp://127.0.0.1:{b}", cloud: "tcp://127.0.0.1:{c}"}}
sites:
  plant-a:
    conductor:
      bind: "tcp://127.0.0.1:{a}"
      http: null
      upstream: {{site: cloud, endpoint: "{tap_a}"}}
      peers: [{{site: plant-b, endpoint: "{tap_ab}"}}]
    devices:
      office-a: {{nodes: [{{specialist: text-redact, count: 2}}]}}
  plant-b:
    conductor: {{bind: "tcp://127.0.0.1:{b}", http: null, upstream: {{site: cloud, endpoint: "{tap_b}"}}}}
    devices:
      press-b: {{nodes: [{{specialist: mesh-echo, credit: 64}}]}}
  cloud:
    conductor: {{bind: "tcp://127.0.0.1:{c}", http: null}}
    devices:
      rack: {{nodes: [{{specialist: text-classify-intent, count: 2}}, {{specialist: mesh-echo, credit: 4}}]}}
policy:
  sites:
    - {{rule: a-data, site: plant-a, labels: [public, internal, pii], default_label: internal}}
    - {{rule: b-data, site: plant-b, labels: [public, internal, pii], default_label: internal}}
    - {{rule: cloud-data, site: cloud, labels: [public, internal], default_label: internal}}
  principals: [{{rule: all, principal: "*", capabilities: ["*"], labels: [public, internal, pii]}}]
  nodes:
    - {{rule: na, node: "office-a/*", site: plant-a, capabilities: ["*"]}}
    - {{rule: nb, node: "press-b/*", site: plant-b, capabilities: ["*"]}}
    - {{rule: nc, node: "rack/*", site: cloud, capabilities: ["*"]}}
  removals: [{{rule: redact-pii, capability: text.redact, digests: ["{digest}"], labels: [pii]}}]
  links:
    - rule: to-cloud
      from: "plant-*"
      to: cloud
      capabilities: [text.classify_intent, mesh.echo]
      labels: [public, internal]
    - {{rule: between, from: plant-a, to: plant-b, capabilities: [mesh.echo], labels: [public]}}
"""


@dataclass
class Sites:
    """The mesh that runs, and what listens in on its links."""

    mesh: LocalMesh
    url_a: str
    url_b: str
    tap_a: Wiretap
    tap_b: Wiretap
    tap_ab: Wiretap

    def pids(self, role: str, *names: str) -> list[int]:
        return [
            row.pid for row in self.mesh.rows(role) if not names or row.name in names or row.site in names
        ]

    def link(self, url: str, to: str) -> dict[str, object]:
        with Client(url) as client:
            return next(link for link in client.sites()[0]["links"] if link["to"] == to)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    folder = tmp_path_factory.mktemp("links")
    a, b, c = free_ports(3)
    with Wiretap(c) as tap_a, Wiretap(c) as tap_b, Wiretap(b) as tap_ab:
        taps = {"tap_a": tap_a.endpoint, "tap_b": tap_b.endpoint, "tap_ab": tap_ab.endpoint}
        config = folder / "tapped.yaml"
        config.write_text(MESH.format(a=a, b=b, c=c, digest=DIGEST, **taps), encoding="utf-8")
        with LocalMesh(config, folder / "h") as mesh:
            yield Sites(mesh, f"tcp://127.0.0.1:{a}", f"tcp://127.0.0.1:{b}", tap_a, tap_b, tap_ab)


def test_the_way_of_a_task_is_told_with_what_crossed_which_edge(sites: Sites) -> None:
    with Client(sites.url_a) as client:
        result = client.run(CLASSIFY, "what is my balance, anna@example.org", labels=["pii"])
    assert result.ok, result.error
    said = result.provenance
    assert said["plan"] == [REDACT, CLASSIFY]
    assert [(row["site"], row["conductor"]) for row in said["attempts"]] == [  # type: ignore[attr-defined]
        ("plant-a", "plant-a"),
        ("cloud", "plant-a"),
        ("cloud", "cloud"),
    ]
    assert [(row["from"], row["to"], row["labels"], row["rule"]) for row in said["crossings"]] == [  # type: ignore[attr-defined]
        ("plant-a", "cloud", ["internal"], "to-cloud"),
        ("cloud", "plant-a", ["internal"], "a-data"),
    ]


def test_a_refusal_at_the_edge_names_code_rule_site_and_labels(sites: Sites) -> None:
    with Client(sites.url_b) as client, pytest.raises(HiveError) as caught:
        client.run(CLASSIFY, "what is my balance", labels=["pii"]).check()
    assert caught.value.code == "label_forbidden"
    context = {key: caught.value.context[key] for key in ("rule", "site", "labels")}
    assert context == {"rule": "cloud-data", "site": "cloud", "labels": ["pii"]}


def text_with(secret: str) -> str:
    return f"what is my balance, write to {secret}@example.org"


async def _under_fire(sites: Sites) -> list[Result]:
    """Run tasks with planted addresses while whoever works on them is killed, frozen and restarted."""
    numbers = itertools.count()
    results: list[Result] = []

    async def strike() -> None:
        for role, names, number in (
            ("node", ("office-a/text-redact",), signal.SIGKILL),
            ("node", ("rack/text-classify-intent",), signal.SIGKILL),
            ("dispatcher", ("cloud",), signal.SIGKILL),
            ("node", ("rack/text-classify-intent-2",), signal.SIGSTOP),
            ("dispatcher", ("plant-a",), signal.SIGKILL),
        ):
            await asyncio.sleep(0.7)
            for pid in await asyncio.to_thread(sites.pids, role, *names):
                os.kill(pid, number)

    async def ask(client: AsyncClient, over: asyncio.Task[None]) -> None:
        while not over.done():
            text = text_with(f"secret{next(numbers):05}q")
            results.append(await client.run(CLASSIFY, text, labels=["pii"], deadline_ms=60_000, hold=True))
            await asyncio.sleep(0.01)

    async with AsyncClient(sites.url_a) as client:
        striking = asyncio.create_task(strike())
        await asyncio.gather(*(ask(client, striking) for _ in range(16)))
        await striking
    return results


def test_no_planted_byte_leaves_the_plant_whatever_happens_to_who_works_on_it(sites: Sites) -> None:
    results = asyncio.run(_under_fire(sites))
    assert [(r.state, r.error) for r in results if not r.ok] == []
    assert len({r.id for r in results}) == len(results) > 300
    assert any(len(r.provenance["attempts"]) > 3 for r in results), "nothing was hit"  # type: ignore[arg-type]
    crossed = bytes(sites.tap_a.there)
    # The tap hears what passes.
    assert crossed.count(b"what is my balance, write to [EMAIL_1]") >= len(results)
    for tap in (sites.tap_a, sites.tap_b, sites.tap_ab):
        assert b"secret" not in bytes(tap.there) + bytes(tap.back)


def test_a_link_that_is_cut_in_mid_stream(sites: Sites) -> None:
    until(lambda: sites.link(sites.url_b, "cloud")["state"] == "up", 40, "the link")
    ready = lambda: all(row["state"] == "ready" for row in sites.mesh.hive("nodes"))  # noqa: E731
    until(ready, 40, "all nodes")

    async def play() -> tuple[list[Result], list[Result], Result]:
        async with AsyncClient(sites.url_b) as client:
            here = [await client.run(ECHO, f"before {n}", labels=["internal"]) for n in range(5)]
            await asyncio.to_thread(sites.mesh.hive, "link", "cut", "plant-b", "cloud")
            held = [
                asyncio.create_task(client.run(CLASSIFY, "what is my balance", deadline_ms=60_000, hold=True))
                for _ in range(30)
            ]
            here += [await client.run(ECHO, f"alone {n}") for n in range(20)]
            await asyncio.to_thread(
                until, lambda: sites.link(sites.url_b, "cloud")["state"] != "up", 20, "the loss"
            )
            refused = await client.run(CLASSIFY, "what is my balance")
            here += [await client.run(ECHO, f"still alone {n}") for n in range(20)]
            assert not any(task.done() for task in held)
            waiting = await asyncio.to_thread(sites.link, sites.url_b, "cloud")
            assert waiting["outbox"] == 30
            await asyncio.to_thread(sites.mesh.hive, "link", "heal")
            return here, await asyncio.gather(*held), refused

    here, held, refused = asyncio.run(play())
    assert [r.state for r in here] == ["done"] * 45
    assert (refused.state, (refused.error or {})["code"], (refused.error or {})["site"]) == (
        "failed",
        "link_down",
        "cloud",
    )
    assert [(r.state, r.output["intent"]) for r in held] == [("done", "balance")] * 30  # type: ignore[index]
    assert len({r.id for r in held}) == 30
    until(lambda: sites.link(sites.url_b, "cloud")["outbox"] == 0, 10, "an empty outbox")


@pytest.mark.parametrize("way", [("plant-a", "cloud"), ("cloud", "plant-a")])
def test_a_link_that_is_cut_one_way_loses_and_doubles_nothing(sites: Sites, way: tuple[str, str]) -> None:
    until(lambda: sites.link(sites.url_a, "cloud")["state"] == "up", 40, "the link")

    async def play() -> list[Result]:
        async with AsyncClient(sites.url_a) as client:

            def ask(n: int) -> Coroutine[Any, Any, Result]:
                return client.run(ECHO, f"{way[0]} {n}", labels=["internal"], deadline_ms=60_000, hold=True)

            tasks = [asyncio.create_task(ask(n)) for n in range(40)]
            await asyncio.sleep(0)
            await asyncio.to_thread(sites.mesh.hive, "link", "cut", *way, "--one-way")
            tasks += [asyncio.create_task(ask(n)) for n in range(40, 60)]
            await asyncio.to_thread(
                until, lambda: sites.link(sites.url_a, "cloud")["state"] != "up", 30, "the loss"
            )
            await asyncio.to_thread(sites.mesh.hive, "link", "heal")
            return await asyncio.gather(*tasks)

    results = asyncio.run(play())
    assert [r.output for r in results] == [f"{way[0]} {n}" for n in range(60)]


def test_both_ends_killed_at_once_and_a_link_that_flaps(sites: Sites) -> None:
    until(lambda: sites.link(sites.url_a, "cloud")["state"] == "up", 40, "the link")

    async def play() -> list[Result]:
        async with AsyncClient(sites.url_a) as client:

            def ask(n: int) -> Coroutine[Any, Any, Result]:
                return client.run(ECHO, f"kept {n}", labels=["internal"], deadline_ms=90_000, hold=True)

            tasks = [asyncio.create_task(ask(n)) for n in range(50)]
            for pid in await asyncio.to_thread(sites.pids, "dispatcher", "plant-a", "cloud"):
                os.kill(pid, signal.SIGKILL)
            for n in range(5):
                tasks += [asyncio.create_task(ask(50 + 10 * n + k)) for k in range(10)]
                await asyncio.to_thread(sites.mesh.hive, "link", "cut", "plant-a", "cloud")
                await asyncio.to_thread(sites.mesh.hive, "link", "heal", "plant-a", "cloud")
            return await asyncio.gather(*tasks)

    began_s = time.monotonic()
    results = asyncio.run(play())
    assert [(r.state, r.error) for r in results if not r.ok] == []
    assert [r.output for r in results] == [f"kept {n}" for n in range(100)]
    assert time.monotonic() - began_s < 90


def test_a_slow_and_lossy_link_still_does_its_work(sites: Sites) -> None:
    until(lambda: sites.link(sites.url_a, "cloud")["state"] == "up", 60, "the link")
    sites.mesh.hive("link", "delay", "plant-a", "cloud", "100")
    sites.mesh.hive("link", "loss", "plant-a", "cloud", "10")
    try:
        with Client(sites.url_a) as client:
            results = client.map(
                ECHO,
                [f"slow {n}" for n in range(30)],
                labels=["internal"],
                deadline_ms=60_000,
                progress=False,
                hold=True,
            )
        assert [r.output for r in results] == [f"slow {n}" for n in range(30)]
    finally:
        sites.mesh.hive("link", "heal")


def test_what_may_not_go_to_the_other_plant_does_not(sites: Sites, tmp_path: Path) -> None:
    del tmp_path
    before = len(sites.tap_ab.there)
    until(lambda: sites.link(sites.url_a, "plant-b")["state"] == "up", 40, "the link")
    with Client(sites.url_a) as client:
        assert client.run(ECHO, "for all to hear", labels=["public"]).ok
        assert client.run(ECHO, "not for plant b", labels=["internal"]).ok  # the cloud may have it
    assert b"not for plant b" not in bytes(sites.tap_ab.there)
    assert len(sites.tap_ab.there) >= before
