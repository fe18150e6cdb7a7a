"""`hive sites`: every site with its links, as far as the sites that answer know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from hive.cli.everywhere import EverySite
from hive.cli.report import escape
from hive.cli.style import Listing, millis, state_text

Row = Mapping[str, Any]


def site_rows(everywhere: EverySite) -> list[dict[str, Any]]:
    """Return a row per site: those that answer, those that run here and do not, and those that a link leads to."""
    told, silent = everywhere.ask(lambda client: client.sites())
    rows = [row for answer in told.values() for row in answer]
    known = {str(row["site"]) for row in rows}
    rows += [_other(name, "unreachable") for name in silent if name not in known]
    known.update(silent)
    for link in [link for row in rows for link in row["links"]]:
        if link["to"] not in known:
            known.add(link["to"])
            rows.append(_other(link["to"], "linked" if link["state"] == "up" else "unreachable"))
    return rows


def sites_screen(rows: Sequence[Row]) -> RenderableType:
    """Return the table of sites, a line per link."""
    columns = ("site", "state", "link to", "link", "round trip", "outbox", "offers", "")
    table = Listing(columns, right=("round trip", "outbox"), spare=("", "offers", "round trip"))
    for row in rows:
        state = state_text(str(row["state"]))
        name: str | Text = f"[bold]{escape(str(row['site']))}[/]"
        links: Sequence[Row] = row["links"] or ({},)
        for link in links:
            table.add_row(name, state, *_link(link))
            name, state = "", Text()
    return table


def _other(site: str, state: str) -> dict[str, Any]:
    return {"site": site, "conductor": "", "state": state, "links": []}


def _link(link: Row) -> tuple[str | Text, ...]:
    if not link:
        return ("", "", "", "", "", "")
    to = escape(str(link["to"]))
    arrow = "→" if link.get("dialled") else "←"
    trip = millis(float(link["rtt_ms"])) if link.get("rtt_ms") is not None else "-"
    offers = escape(", ".join(str(offer["capability"]) for offer in link.get("offers", ())))
    trouble = Text(str(link.get("trouble", "")), style="red") if link["state"] != "up" else Text()
    return (f"{arrow} {to}", state_text(str(link["state"])), trip, str(link["outbox"]), offers, trouble)
