"""What two sides count of the same thing must be the same: slots, attempts that are under way, answers that are owed.

While a message is under way the two may differ, so a pair is compared only when nothing is: then the comparison needs
no allowance of time. A slot that leaks, an attempt that one side has dropped and the other waits for, and a slot that
is given twice all show here, whichever mistake has made them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from conductor.core.states import NodeState
from hive.core.link import LinkState

if TYPE_CHECKING:
    from hive.wire.messages import AttemptRef
    from simulation.sim.conductor import ConductorProcess
    from simulation.sim.network import End
    from simulation.sim.node import NodeProcess
    from simulation.sim.world import World

_CONDUCTOR: Final = 0


def compare(world: World) -> None:
    """Compare every pair between which nothing is under way."""
    for node in world.nodes.values():
        if node.alive and node.end is not None and node.link.state is LinkState.UP:
            _node(world, node, node.end)
    for site, conductor in world.conductors.items():
        for peer_site in conductor.core.state.peers if conductor.alive else ():
            other = world.conductors[peer_site]
            end = conductor.end_to(peer_site)
            if other.alive and end is not None and end.out.end.process is other and quiet(end):
                _link(world, conductor, other, site)


def quiet(end: End) -> bool:
    """Say whether nothing is under way on a connection, in either direction."""
    there, back = end.out, end.out.end.out
    waits = there.pending or back.pending or there.held or back.held
    return not waits and end.open and there.end.open


def settled(world: World) -> None:
    """Everything has ended: no slot is taken any more, and nobody waits for anything."""
    for conductor in world.conductors.values():
        state = conductor.core.state
        for node in state.nodes.values():
            if node.inflight:
                sentence = f"{conductor.name} counts {node.inflight} slots of {node.id} as taken, and no task is open."
                world.watch.broken("credit", sentence, node.id)
            if node.peer is None and node.credit < node.granted and not node.probation:
                sentence = (
                    f"{conductor.name} uses {node.credit} of the {node.granted} slots of {node.id} for good."
                )
                world.watch.broken("credit", sentence, node.id)
        for name, capability in state.capabilities.items():
            if capability.waiting_count:
                world.watch.broken(
                    "books", f"{conductor.name} counts {capability.waiting_count} tasks that wait for {name}."
                )
        _unused(world, conductor)
        if state.open_bytes:
            world.watch.broken(
                "books", f"{conductor.name} counts {state.open_bytes} bytes of tasks that have ended."
            )


def _unused(world: World, conductor: ConductorProcess) -> None:
    """What a linked site offers by itself, and policy lets tasks be sent there for, is in use."""
    state = conductor.core.state
    for site, peer in state.peers.items():
        there = world.conductors[site].core.state.peers.get(conductor.site)
        for offer in there.told if peer.up and there is not None and there.up else ():
            node = peer.nodes.get(offer.capability)
            used = node is not None and node.pool is not None and node.state is NodeState.READY
            permitted = world.watch.law.joins(conductor.policy, conductor.site, site, offer.capability)
            if permitted and offer.path == (site,) and not used:
                sentence = (
                    f"{conductor.name} does not use {offer.capability} of {site}, which policy permits."
                )
                world.watch.broken("liveness", sentence, site)


def _node(world: World, node: NodeProcess, end: End) -> None:
    """Compare a node with its conductor: what it holds was given at any moment, the rest only when all has arrived."""
    conductor = world.conductors[node.site]
    known = conductor.core.state.nodes.get(node.id) if conductor.alive else None
    if (
        known is None
        or known.state is NodeState.JOINING
        or conductor.end_of(known.session) is not end.out.end
    ):
        return
    given = {(attempt.epoch, attempt.told) for attempt in known.attempts.values()}
    held = set(node.core.held(_CONDUCTOR))
    owed = set(node.core.unacked(_CONDUCTOR))
    if not quiet(end):
        owed |= given
    _same(world, given, held, owed, f"{conductor.name} and {node.name}", node.name)


def _link(world: World, giver: ConductorProcess, taker: ConductorProcess, site: str) -> None:
    ours, theirs = giver.core.state.peers[taker.site], taker.core.state.peers.get(site)
    if theirs is None or not ours.up or not theirs.up:
        return
    given = {(a.epoch, a.told) for node in ours.nodes.values() for a in node.attempts.values()}
    held, owed = set(theirs.held), set(theirs.outbox.refs())
    _same(world, given, held, owed, f"{giver.name} and {taker.name}", taker.name)


def _same(
    world: World, given: set[AttemptRef], held: set[AttemptRef], owed: set[AttemptRef], who: str, about: str
) -> None:
    """Of what was given, each is held or its answer is kept; of what is held, each was given and is still counted."""
    for epoch, number in sorted(given - held - owed)[:1]:
        sentence = f"{who}: attempt {epoch}.{number} is waited for, and the other side has nothing of it."
        world.watch.broken("credit", sentence, about)
    for epoch, number in sorted(held - given)[:1]:
        sentence = f"{who}: attempt {epoch}.{number} is held, and its slot counts as free."
        world.watch.broken("credit", sentence, about)
