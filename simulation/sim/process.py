"""A process of the world: it lives, dies, stands still or crawls, and has a clock of its own."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from simulation.sim.chance import stream

if TYPE_CHECKING:
    from simulation.sim.network import End
    from simulation.sim.world import World

_MILLION = 1_000_000


class Process:
    """What conductors, control processes, nodes and callers share.

    `clock_us` is its monotonic clock: it has its own beginning and may drift. `wall_us` may be wrong by days. While it
    is `stopped`, what arrives waits in `inbox`.
    """

    inside = False  # whether it talks over a private socket of one machine

    def __init__(self, world: World, name: str, site: str) -> None:
        """Begin dead."""
        self.world = world
        self.name = name
        self.site = site
        self.number = world.enrol(self)
        self.alive = False
        self.dark = False  # its machine has no power: nobody even says that it is gone
        self.boots = 0
        self.frozen = 0  # how many faults keep it still now
        self.busy = False
        self.crawl_us = 0
        self.stopped = False
        self.draining = False  # whether what has piled up is being taken in
        self.lag_us = 0  # for how long it has not looked
        self.stopped_us = 0  # since when it has stood still
        self.resumed_us = 0  # and since when it has not
        self.inbox: deque[tuple[End, Any]] = deque()
        self.ends: dict[End, None] = {}
        chance = stream(world.seed, "clock", name)
        self._zero_us = chance.randrange(_MILLION, 10**12)
        self._since_us = 0
        self._drift_ppm = 0
        self.offset = self._zero_us
        self.wall_shift_us = 0
        self._wake_us = -1

    # Time

    def clock_us(self) -> int:
        """Return the process's monotonic clock."""
        now = self.world.now
        if self._drift_ppm:
            return now + self.offset + (now - self._since_us) * self._drift_ppm // _MILLION
        return now + self.offset

    def drift(self, ppm: int) -> None:
        """Let the clock run faster or slower from now on; it never goes back."""
        self.offset = self.clock_us() - self.world.now
        self._since_us, self._drift_ppm = self.world.now, ppm

    def wake_at(self, local_us: int) -> None:
        """See to it that `woke` is called once the own clock shows `local_us`; an earlier call is kept."""
        world = self.world
        at_us = world.now + max(1, local_us - self.clock_us())
        if self._wake_us < 0 or at_us < self._wake_us:
            self._wake_us = at_us
            world.at(at_us, self._woken, at_us)

    def _woken(self, at_us: int) -> None:
        if at_us != self._wake_us:
            return  # an earlier one has taken its place
        self._wake_us = -1
        if self.alive and not self.stopped:
            self.woke()

    # Standing still

    def freeze(self) -> None:
        """Stop looking at anything, with every connection open."""
        self.frozen += 1
        self._settle()

    def thaw(self) -> None:
        """Go on, with what has piled up."""
        self.frozen -= 1
        self._settle()

    def crawl(self, every_us: int) -> None:
        """Look only so often, as on a machine that has other things to do; 0: as usual."""
        self.crawl_us = every_us
        self._settle()
        if every_us:
            self.world.at(self.world.now + every_us, self._crawled, every_us)

    def _crawled(self, every_us: int) -> None:
        if self.crawl_us != every_us:
            return
        if self.alive and not self.frozen and not self.busy:
            self.stopped = False
            self.lag_us = every_us
            self.resume()
            self._settle()
        self.world.at(self.world.now + every_us, self._crawled, every_us)

    def _settle(self) -> None:
        was, self.stopped = self.stopped, bool(self.frozen or self.busy or self.crawl_us)
        if was == self.stopped:
            return
        if self.stopped:
            self.stopped_us = self.world.now
        elif self.alive:
            self.lag_us = self.world.now - self.stopped_us
            self.resumed_us = self.world.now
            self.resume()

    def resume(self) -> None:
        """Take in what has piled up, then let time count."""
        self.draining = True
        while self.inbox and self.alive and not self.stopped:
            end, message = self.inbox.popleft()
            if end.open:
                end.out.end.out.pending -= 1
                self.heard(end, message)
        self.draining = False
        if self.alive and not self.stopped:
            self.woke()

    # Life and death

    def start(self) -> None:
        """Begin a new life."""
        self.alive, self.dark = True, False
        self.resumed_us = self.world.now
        self.boots += 1
        self.busy = False
        self.frozen = 0
        self.stopped = bool(self.crawl_us)

    def die(self, share: float = 0.0, *, dark: bool = False) -> None:
        """End at once: connections close, or fall silent if the machine went `dark`. `share`: see Way.lose."""
        self.alive, self.dark = False, dark
        self._wake_us = -1
        self.inbox.clear()
        for end in self.ends:
            end.open = False
            end.out.lose(share)
            if not dark:
                end.out.close()
        self.ends.clear()

    def shut(self, end: End) -> None:
        """Close a connection."""
        if end.open:
            end.open = False
            self.ends.pop(end, None)
            end.out.close()

    # What each kind of process does

    def heard(self, end: End, message: Any) -> None:  # noqa: ANN401 - a message, or CLOSED
        """Take a message in."""
        raise NotImplementedError

    def woke(self) -> None:
        """Do what time has brought."""
        raise NotImplementedError
