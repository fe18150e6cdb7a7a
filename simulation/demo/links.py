"""What the demo does to a link: it is cut in mid-stream and healed again, and a text with names is sent over it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, Final

from hive.client import AsyncClient
from hive.errors import HiveError
from simulation.demo.story import Cut, Redacted, Story
from simulation.demo.stream import CLASSIFY, REDACT
from simulation.demo.utterances import NOTES
from simulation.links.fate import PLAIN, Fate
from simulation.links.wishes import link_between, links_in, wish

_LOOK_S: Final = 0.1
_DRAIN_S: Final = 30.0


class LinkBreaker:
    """Cuts the link between a site and the one that it dials, and looks what becomes of the work."""

    def __init__(self, folder: Path, client: AsyncClient, story: Story, site: str, other: str) -> None:
        """Prepare; `client` asks `site`, and the files of the links' relays are in `folder`."""
        self._folder = folder
        self._client = client
        self._story = story
        self._site, self._other = site, other

    async def show_redaction(self) -> None:
        """Send a note with names, and keep what its way says of what left the site."""
        note = NOTES[0]
        answer = await self._client.run(CLASSIFY, note, labels=["internal", "pii"], hold=True)
        shown = await self._client.run(REDACT, note, labels=["internal", "pii"])
        crossings: Any = answer.provenance.get("crossings", [])
        left = next((c for c in crossings if c["from"] == self._site), None)
        if left is None or not isinstance(shown.output, dict):
            return
        self._story.redacted = Redacted(
            note, str(shown.output["text"]), tuple(left["labels"]), str(left["rule"]), self._site, self._other
        )
        self._story.lines.append(
            f"[bold]redacted at home[/bold]  {self._other} sees: {shown.output['text'].replace('[', chr(92) + '[')}"
        )

    async def cut(self, seconds: float) -> None:
        """Cut the link for so long, heal it, and wait until nothing waits for the other side any more."""
        await self._fate(Fate(cut=True))
        cut = self._story.cut = Cut(self._site, self._other, time.monotonic())
        self._story.lines.append(
            f"[bold red]cut[/bold red]  {self._site} > {self._other}: {self._site} goes on alone"
        )
        end = cut.at_s + seconds
        while time.monotonic() < end:
            cut.waited = max(cut.waited, await self._outbox())
            await asyncio.sleep(_LOOK_S)
        await self._fate(PLAIN)
        cut.healed_s = time.monotonic()
        self._story.lines.append(f"[yellow]healed[/yellow]  {cut.waited} tasks wait for {self._other}")
        while time.monotonic() < cut.healed_s + _DRAIN_S:
            if await self._drained():
                cut.drained_s = time.monotonic()
                took_s = cut.drained_s - cut.healed_s
                self._story.lines.append(
                    f"[green]drained[/green]  the outbox of {self._site} in {took_s:.1f} s"
                )
                return
            await asyncio.sleep(_LOOK_S / 4)

    async def links(self) -> list[dict[str, Any]]:
        """Return the links of the site as `hive sites` shows them; none while its conductor does not answer."""
        try:
            return [link for row in await self._client.sites() for link in row["links"]]
        except HiveError:
            return []

    async def _outbox(self) -> int:
        return sum(link["outbox"] for link in await self.links() if link["to"] == self._other)

    async def _drained(self) -> bool:
        """Say whether everything that was asked for before the link was healed has its answer."""
        cut = self._story.cut
        assert cut is not None, "drained after a cut"
        mine = [task for task in self._story.tasks if task.site == cut.site and task.sent_s < cut.healed_s]
        return all(task.state for task in mine) and not await self._outbox()

    async def _fate(self, fate: Fate) -> None:
        link = link_between(links_in(self._folder), self._site, self._other)
        await asyncio.to_thread(wish, link, fate, fate)
