"""Where an agent's workers find their conductor, and where its nodes are advertised.

Every endpoint is a hint. One that was seen stays in the list when its advert is gone: a conductor that no longer
announces itself may well still answer, and one that restarts is most likely to come back where it was.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

from hive.discovery.base import Advert, Discovery

_REMEMBERED: Final = 2
_FALLBACK_AFTER_US: Final = 3_000_000
_CLOSE_S: Final = 3.0


class Directory:
    """A site's conductors as discovery and the configuration name them, and the adverts of this agent's nodes.

    Publishing over mDNS takes most of a second, which a supervisor does not have: a thread does it in turn.
    """

    def __init__(
        self,
        site: str,
        discovery: Discovery | None,
        *,
        listed: tuple[str, ...] = (),
        fallbacks: tuple[str, ...] = (),
    ) -> None:
        """Know the `listed` endpoints for ever; without `discovery` nothing is found and nothing advertised."""
        self._site = site
        self._discovery = discovery
        self._listed = listed
        self._fallbacks = fallbacks
        self._remembered: list[str] = []
        self._started_us: int | None = None
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="adverts", daemon=True)
        if discovery is not None:
            self._thread.start()

    def conductors(self, now_us: int) -> tuple[str, ...]:
        """Return the endpoints to try: listed, advertised, remembered; and if there are none for 3 s, fallbacks."""
        if self._started_us is None:
            self._started_us = now_us
        seen = self._discovery.seen("conductor", self._site) if self._discovery is not None else ()
        found = [endpoint for advert in seen for endpoint in advert.endpoints]
        older = [endpoint for endpoint in self._remembered if endpoint not in found]
        self._remembered = [*found, *older][: max(len(found), _REMEMBERED)]
        endpoints = dict.fromkeys((*self._listed, *found, *self._remembered))
        if not endpoints and (self._discovery is None or now_us - self._started_us >= _FALLBACK_AFTER_US):
            return self._fallbacks
        return tuple(endpoints)

    def publish(self, advert: Advert) -> None:
        """Advertise a node, in place of what was advertised under its id."""
        discovery = self._discovery
        if discovery is not None:
            self._jobs.put(lambda: discovery.publish(advert))

    def withdraw(self, node: str) -> None:
        """Stop advertising a node."""
        discovery = self._discovery
        if discovery is not None:
            self._jobs.put(lambda: discovery.withdraw("node", node))

    def close(self) -> None:
        """Withdraw everything; a network that does not take it holds the agent up for 3 s at most."""
        if self._discovery is not None:
            self._jobs.put(self._discovery.close)
            self._jobs.put(None)
            self._thread.join(_CLOSE_S)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
