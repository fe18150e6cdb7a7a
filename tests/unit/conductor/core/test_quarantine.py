"""Nodes that come and go: set aside for longer each time, then on probation; and those whose link only broke."""

from __future__ import annotations

from conductor.core.settings import Settings
from conductor.core.states import NodeState
from hive.wire.messages import EMPTY, Beat, Cancel, Credit, Welcome
from tests.unit.conductor.core.bench import CLIENT, MS, Bench

S = 1_000 * MS
A, B = 10, 11


class Flapper:
    """A node that is started anew each time."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.bench = Bench(settings or Settings(flap_losses=2, quarantine_us=2 * S))
        self.boots = 0

    def boot(self, *, same: bool = False) -> None:
        """Come, as another boot or as the same."""
        self.boots += not same
        self.session = 100 + self.bench.now
        self.bench.now += 1
        self.bench.node(self.session, "a", credit=4, incarnation=self.boots)

    def crash(self) -> None:
        """Go, without a word."""
        self.bench.lose(self.session)

    def until_ready(self) -> int:
        """Return how long it takes until it is given work."""
        began = self.bench.now
        while self.node.state is not NodeState.READY:
            self.bench.run_for(100 * MS, beating=(self.session,))
        return self.bench.now - began

    @property
    def node(self):  # noqa: ANN201 - the core's own view of it
        return self.bench.core.state.nodes["a"]


def quarantined() -> Flapper:
    """Return a node that crashed twice and has come back."""
    flapper = Flapper()
    for _ in range(2):
        flapper.boot()
        flapper.crash()
    flapper.boot()
    assert flapper.node.state is NodeState.QUARANTINED
    return flapper


def test_after_a_quarantine_a_node_has_one_attempt_at_a_time_until_it_has_proved_itself() -> None:
    flapper = quarantined()
    bench = flapper.bench
    assert flapper.until_ready() <= 2 * S + 100 * MS
    for _ in range(8):
        bench.submit(deadline_us=60 * S)
    for answered in range(5):
        assert len(bench.work(flapper.session)) == answered + 1
        bench.answer(flapper.session, bench.work(flapper.session)[-1])
    assert len(bench.work(flapper.session)) == 8
    assert (flapper.node.credit, flapper.node.probation) == (4, 0)


def test_what_it_grants_meanwhile_counts_after_its_probation() -> None:
    flapper = quarantined()
    flapper.until_ready()
    flapper.bench.send(flapper.session, Credit(EMPTY, 3))
    assert flapper.node.credit == 1
    flapper.bench.send(flapper.session, Credit(EMPTY, 0))
    assert flapper.node.credit == 0
    flapper.bench.send(flapper.session, Credit(EMPTY, 2))
    for _ in range(5):
        flapper.bench.submit()
        flapper.bench.answer(flapper.session, flapper.bench.work(flapper.session)[-1])
    assert flapper.node.credit == 2


def test_a_loss_on_probation_doubles_the_quarantine_at_once() -> None:
    flapper = quarantined()
    for seconds in (4, 8, 16):
        flapper.until_ready()
        flapper.bench.run_for(
            61 * S, beating=(flapper.session,)
        )  # the losses before are forgotten, the level is not
        flapper.crash()
        flapper.boot()
        assert flapper.node.state is NodeState.QUARANTINED
        assert flapper.node.release_us - flapper.bench.now == seconds * S - 1


def test_a_node_that_proved_itself_and_stayed_for_long_begins_anew() -> None:
    flapper = quarantined()
    flapper.until_ready()
    for _ in range(5):
        flapper.bench.submit()
        flapper.bench.answer(flapper.session, flapper.bench.work(flapper.session)[-1])
    flapper.bench.run_for(61 * S, beating=(flapper.session,))
    flapper.crash()
    flapper.boot()
    assert flapper.node.state is NodeState.READY


def test_a_node_whose_link_broke_often_serves_at_once_and_is_not_flooded() -> None:
    flapper = Flapper()
    flapper.boot()
    for _ in range(6):
        flapper.crash()
        flapper.bench.run_for(200 * MS)
        flapper.boot(same=True)
    assert flapper.node.state is NodeState.READY
    assert flapper.node.credit == 1
    assert [m.state for m in flapper.bench.of(flapper.session, Welcome)][-1] == "ready"  # type: ignore[attr-defined]


def test_a_node_on_probation_is_shown_as_such() -> None:
    flapper = quarantined()
    flapper.until_ready()
    assert flapper.node.probation == 5
    assert flapper.bench.core.state.counts["quarantines"] == 1


# The same boot on a new connection


def test_a_node_that_greets_anew_before_its_old_connection_closed_goes_on_with_what_it_has() -> None:
    bench = Bench()
    bench.node(A, "a")
    bench.node(B, "b")
    bench.submit(), bench.submit()
    works = [*bench.work(A), *bench.work(B)]
    assert {len(bench.work(A)), len(bench.work(B))} == {1}
    ref = (works[0].header.epoch, works[0].header.attempt)
    bench.node(20, "a", held=(ref,))
    assert len(bench.work(B)) == 1, "nothing was moved"
    assert "moves" not in bench.core.state.counts
    bench.answer(20, works[0])
    assert [o.state for o in bench.outcomes()] == ["done"]


def test_an_answer_that_it_says_again_is_waited_for() -> None:
    bench = Bench()
    bench.node(A, "a")
    bench.submit()
    (work,) = bench.work(A)
    ref = (work.header.epoch, work.header.attempt)
    bench.node(B, "b")
    bench.node(20, "a", unacked=(ref,))
    assert bench.work(B) == []
    bench.answer(20, work)
    assert [o.state for o in bench.outcomes()] == ["done"]
    assert bench.core.state.nodes["a"].inflight == 0


def test_what_never_reached_it_is_tried_elsewhere() -> None:
    bench = Bench()
    bench.node(A, "a")
    bench.submit()
    bench.node(B, "b")
    bench.node(20, "a")
    assert len(bench.work(B)) == 1


def test_what_it_still_has_of_a_task_that_is_over_is_forgotten() -> None:
    bench = Bench()
    bench.node(A, "a")
    task = bench.submit()
    (work,) = bench.work(A)
    bench.send(CLIENT, Cancel(EMPTY._replace(task=task, attempt=2)))
    ref = (work.header.epoch, work.header.attempt)
    bench.node(20, "a", held=(ref,))
    assert next(m.drop for m in bench.of(20, Welcome) if isinstance(m, Welcome)) == (ref,)
    assert bench.core.state.attempts == {}


def test_who_is_set_aside_is_not_let_off_for_greeting_anew() -> None:
    flapper = quarantined()
    flapper.crash()
    flapper.boot(same=True)
    assert flapper.node.state is NodeState.QUARANTINED


def test_what_was_learned_of_a_node_s_link_outlives_a_connection() -> None:
    bench = Bench()
    bench.node(A, "a")
    for late in range(40):
        bench.now += 300 * MS if late % 4 == 0 else 100 * MS
        bench.send(A, Beat(EMPTY))
    patience = bench.core.state.nodes["a"].beats.patience_us
    assert patience > 2 * S
    bench.lose(A)
    bench.now += 60 * S
    bench.node(20, "a")
    beats = bench.core.state.nodes["a"].beats
    assert beats.suspect_at_us() == bench.now + patience
    bench.lose(20)
    bench.node(21, "a", incarnation=2)
    assert bench.core.state.nodes["a"].beats.patience_us < 400 * MS
