"""What somebody wants of a link and what its relay says, as two files in the mesh's state directory.

`links/wishes/<from>--<to>.json` is written by `hive link` and outlives the relay, so a cut link stays cut when its
relay is killed; `links/<from>--<to>.json` is written by the relay.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

from hive.errors import HiveError
from hive.local import running_mesh
from hive.netns import read_spaces
from hive.state_dir import home, make, read_json, write_json
from simulation.links.fate import PLAIN, Fate
from simulation.netns import cut

_HEARD_S: Final = 3.0
_LOOK_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class Link:
    """One link: `site` dials `other`. `there` is the fate of what `site` sends, `back` of what `other` sends."""

    folder: Path
    site: str
    other: str
    there: Fate = PLAIN
    back: Fate = PLAIN
    change: int = 0

    @property
    def name(self) -> str:
        """Return what its files are called."""
        return f"{self.site}--{self.other}"

    def as_json(self) -> dict[str, object]:
        """Return what `hive link list --json` shows."""
        said = read_json(self.folder / f"{self.name}.json")
        status = said if isinstance(said, dict) else {}
        return {
            "from": self.site,
            "to": self.other,
            "cut": [pair for pair, fate in self._ways() if fate.cut],
            "ways": {pair: dataclasses.asdict(fate) for pair, fate in self._ways()},
            "connections": status.get("connections", 0),
            "relay": status.get("endpoint", ""),
            "carried_bytes": status.get("carried_bytes", [0, 0]),
        }

    def _ways(self) -> tuple[tuple[str, Fate], tuple[str, Fate]]:
        return (f"{self.site}>{self.other}", self.there), (f"{self.other}>{self.site}", self.back)


def links_of(mesh: str | None = None) -> list[Link]:
    """Return the links of the mesh that runs here. Raises HiveError: not_running, bad_request (several run)."""
    folders = [folder for folder in sorted(home().glob("*")) if running_mesh(folder) is not None]
    if mesh is not None:
        folders = [folder for folder in folders if folder.name == mesh]
    if not folders:
        which = f"Mesh {mesh!r} is not running here" if mesh else "No mesh is running here"
        raise HiveError("not_running", f"{which}. `hive up factory` starts one that has links.")
    if len(folders) > 1:
        names = ", ".join(folder.name for folder in folders)
        raise HiveError("bad_request", f"Several meshes run here; choose one with --mesh: {names}.")
    return links_in(folders[0] / "links")


def links_in(folder: Path) -> list[Link]:
    """Return the links whose relays have written there."""
    said = [read_json(path) for path in sorted(folder.glob("*.json"))]
    return [read_wish(folder, str(row["site"]), str(row["other"])) for row in said if isinstance(row, dict)]


def link_between(links: list[Link], a: str, b: str) -> Link:
    """Return the link of two sites, in whichever order they are named. Raises HiveError(bad_request)."""
    for link in links:
        if {link.site, link.other} == {a, b}:
            return link
    known = ", ".join(f"{link.site} - {link.other}" for link in links) or "none"
    raise HiveError("bad_request", f"There is no link between {a!r} and {b!r}; there are: {known}.")


def read_wish(folder: Path, site: str, other: str) -> Link:
    """Return what is wanted of a link; nothing special if nobody said."""
    said = read_json(folder / "wishes" / f"{site}--{other}.json")
    wish = said if isinstance(said, dict) else {}
    fates = [_fate(wish.get(key)) for key in ("there", "back")]
    return Link(folder, site, other, fates[0], fates[1], int(wish.get("change", 0)))


def wish(link: Link, there: Fate, back: Fate) -> Link:
    """Write what is wanted and wait until the relay has heard it. Raises HiveError(unreachable, state_unwritable)."""
    wanted = replace(link, there=there, back=back, change=link.change + 1)
    document = {"there": dataclasses.asdict(there), "back": dataclasses.asdict(back), "change": wanted.change}
    spaces = read_spaces(link.folder.parent)
    if spaces is not None:  # packets are dropped for real
        cut(spaces, link.site, link.other, wanted=there.cut)
        cut(spaces, link.other, link.site, wanted=back.cut)
    if not write_json(make(link.folder / "wishes") / f"{link.name}.json", document):
        raise HiveError("state_unwritable", f"{link.folder / 'wishes'} cannot be written.")
    end = time.monotonic() + _HEARD_S
    while time.monotonic() < end:
        said = read_json(link.folder / f"{link.name}.json")
        if isinstance(said, dict) and int(said.get("change", -1)) >= wanted.change:
            return wanted
        time.sleep(_LOOK_S)
    raise HiveError("unreachable", f"The relay between {link.site!r} and {link.other!r} does not answer.")


def _fate(said: object) -> Fate:
    if not isinstance(said, dict):
        return Fate()
    known = cast("Mapping[str, float]", said)
    return Fate(
        bool(known.get("cut")),
        float(known.get("delay_ms", 0)),
        float(known.get("jitter_ms", 0)),
        float(known.get("loss_percent", 0)),
    )
