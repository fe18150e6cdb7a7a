"""The loop: receive in batches, hand each message to the core, carry out what it asks, let time pass.

Everything that decides is in conductor/core. This module turns frames into events and actions into frames, and is
kept short because each of its lines runs for every message of the site.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from conductor.core.actions import (
    Action,
    CloseSession,
    Dial,
    Drain,
    Incoming,
    Look,
    Lost,
    Opened,
    Persist,
    Received,
    Recovered,
    Send,
    StoodStill,
    Tick,
)
from conductor.core.liveness import LAG_US
from conductor.core.machine import Conductor
from conductor.dispatcher.dialled import Dialled
from conductor.store.base import Store
from hive.clock import Clock
from hive.errors import HiveError
from hive.transport.base import Listener, Poller
from hive.transport.wakeup import Wakeup
from hive.wire.auth import Authenticator
from hive.wire.codec import decode, encode, kind_of, peek_header
from hive.wire.messages import Hello, Kind, Refuse

_BURSTS: Final = (1, *[32] * 8)
_PRIVATE: Final = 1
_DIALLED: Final = 2


class Dispatcher:
    """Core, store, two listeners (the public one, and the private one for control and gateways) and outgoing links.

    A session number of the core is that of its listener, times four, plus which listener it is.
    """

    def __init__(
        self,
        core: Conductor,
        store: Store,
        public: Listener,
        private: Listener,
        poller: Poller,
        clock: Clock,
        authenticator: Authenticator,
        dialled: Dialled,
    ) -> None:
        """Tie the parts together; nothing runs yet."""
        self._core = core
        self._store = store
        self._listeners: tuple[Listener | Dialled, ...] = (public, private, dialled)
        self._dialled = dialled
        self._poller = poller
        self._clock = clock
        self._authenticator = authenticator
        self._max_body = core.state.settings.max_body_bytes
        self._asked = False  # whether the store owes an answer
        self._wakeup = Wakeup()
        poller.add_fd(self._wakeup.fileno(ready=False))
        store.wake(self._wakeup.wake)
        for listener in (public, private):
            poller.add(listener)
        self._feed(Recovered(store.recover()))

    def run(self, stopping: Callable[[], bool], drain_us: int = 5_000_000) -> None:
        """Serve until `stopping` says so, then take no new tasks, finish and write down the open ones, end.

        That takes at most `drain_us`. What the store has not taken by then is made again by the next start: a task
        whose outcome it does not have runs once more.
        """
        last_us = self._clock.now_us()
        stop_at_us = -1
        more = False
        while True:
            asked_us = 0 if more else self._timeout_us()
            self._poller.wait(asked_us)
            now_us = self._clock.now_us()
            lag_us = now_us - last_us - asked_us
            last_us = now_us
            more = self.turn(lag_us)
            if stop_at_us < 0 and stopping():
                stop_at_us = now_us + drain_us
                self._feed(Drain())
            if stop_at_us >= 0 and (now_us >= stop_at_us or self._core.state.idle):
                return

    def turn(self, lag_us: int) -> bool:
        """Do everything that is ready; return True if a listener may hold more. Messages go before time.

        Beats that wait in a queue are heard before silence is judged, and the core knows before either for how long
        this process stood still, so our own lag accuses nobody.
        """
        more = False
        if lag_us > LAG_US:
            self._feed(StoodStill(lag_us))
        # Most conductors dial nobody, or have nobody at the other end: that listener is looked at when it has links.
        for which, listener in enumerate(self._listeners if self._dialled.links else self._listeners[:2]):
            more |= self._drain(listener, which)
            for number in listener.lost():
                self._feed(Lost(number << 2 | which))
        now_us = self._clock.now_us()
        due_us = self._core.next_us()
        if not more and (0 <= due_us <= now_us or lag_us > 0):
            self._perform(self._core.handle(Tick(), now_us))
        if self._asked:
            self._hear_store()
        return more

    def _timeout_us(self) -> int:
        due_us = self._core.next_us()
        if due_us < 0:
            return 100_000
        return min(100_000, max(0, due_us - self._clock.now_us()))

    def _drain(self, listener: Listener | Dialled, which: int) -> bool:
        """Hear up to sum(_BURSTS) messages; return True if there may be more.

        What the core asks for is carried out after the first message, which may have come alone, and then after every
        burst of them: ZeroMQ's thread then finds several messages per wake-up and hands them on in one call.
        """
        receive = listener.receive
        handle = self._core.handle
        now_us = self._clock.now_us
        max_body = self._max_body
        private = which == _PRIVATE
        actions: list[Action] = []
        for burst in _BURSTS:
            for _ in range(burst):
                item = receive()
                if item is None:
                    if actions:
                        self._perform(actions)
                    return False
                session, frames = item
                try:
                    message = decode(frames, max_body)
                except HiveError as error:
                    self._perform(actions)  # in order: what came before is answered before
                    actions = []
                    self._refuse(session << 2 | which, frames, error)
                    continue
                if type(message) is Hello:
                    actions += self._greet(session, which, message)
                else:
                    actions += handle(Received(session << 2 | which, message, private), now_us())
            self._perform(actions)
            actions = []
        return True

    def _greet(self, session: int, which: int, hello: Hello) -> list[Action]:
        number = session << 2 | which
        if which == _DIALLED:  # whom we dialled is who we wanted, and says HELLO as anything else
            if number not in self._core.state.sessions:
                return []  # it said goodbye just now; nobody has asked it for a token, so it is nobody else
            return self._core.handle(Received(number, hello), self._clock.now_us())
        address = self._listeners[which].peer_address(session)
        private = which == _PRIVATE
        try:
            principal = hello.name if private else self._authenticator.principal(hello, address)
        except HiveError as error:
            return [Send(number, Refuse(hello.header, error.code, error.detail, Kind.HELLO))]
        event = Received(number, hello, private, principal, address)
        return self._core.handle(event, self._clock.now_us())

    def _refuse(self, session: int, frames: list[bytes], error: HiveError) -> None:
        """Say what was wrong with frames that are no message; a peer that garbles harms only itself."""
        self._core.state.count(f"frames_{error.code}")
        if kind_of(frames) == Kind.REFUSE:
            return  # or two sides that misread each other would refuse each other's refusals for ever
        self._send(session, encode(Refuse(peek_header(frames), error.code, error.detail, kind_of(frames))))

    def _feed(self, event: Incoming) -> None:
        self._perform(self._core.handle(event, self._clock.now_us()))

    def _perform(self, actions: list[Action]) -> None:
        # Encoded first, so that the sends follow each other closely: see _drain.
        encoded = [encode(action.message) if type(action) is Send else None for action in actions]
        unreachable = []
        for action, frames in zip(actions, encoded, strict=True):
            if frames is not None:
                if not self._send(action.session, frames):  # type: ignore[union-attr]
                    unreachable.append(action.session)  # type: ignore[union-attr]
            elif type(action) is Persist:
                self._store.write(action.token, action.record)
                self._asked = True
            elif type(action) is Look:
                self._store.ask(action.token, action.question)
                self._asked = True
            elif type(action) is Dial:
                self._dial(action)
            elif type(action) is CloseSession:
                self._listeners[action.session & 3].drop(action.session >> 2)
        # Only now: what follows from a loss must not overtake what was decided before, a WELCOME above all.
        for session in unreachable:
            self._feed(Lost(session))

    def _dial(self, action: Dial) -> None:
        number = self._dialled.dial(action.endpoint)
        if number:
            self._feed(Opened(number << 2 | _DIALLED, action.site))
        else:
            self._perform(self._core.unreachable(action.site, self._clock.now_us()))

    def _send(self, session: int, frames: list[bytes]) -> bool:
        """Send; False if the peer reads nothing any more: what it was owed is kept or moved, as after a crash."""
        listener = self._listeners[session & 3]
        if listener.send(session >> 2, frames) or session not in self._core.state.sessions:
            return True
        listener.drop(session >> 2)
        return False

    def _hear_store(self) -> None:
        """Take what the store has decided, and hand over at once what the core asks of it because of that."""
        self._wakeup.settle()
        while self._asked:
            self._asked = False
            for event in self._store.events():
                self._feed(event)
        state = self._core.state
        self._asked = bool(state.ledger.persisting or state.ledger.insisted or state.ledger.looking)
