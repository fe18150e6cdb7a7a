"""Which mesh a command talks to: `--url`, else $HIVE_URL, else the mesh that runs on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, cast

from hive.errors import HiveError

if TYPE_CHECKING:
    from pathlib import Path

    from hive.client import Client
    from hive.clients.direct import DirectPort
    from hive.clients.http import HttpPort

DEFAULT_URL: Final = "http://127.0.0.1:8420"
DEFAULT_WIRE: Final = "tcp://127.0.0.1:8421"


def url_of(url: str | None, *, wire: bool = False) -> str:
    """Return the address to use; with `wire`, the conductor's own where it is known. `url` may be a site's name.

    Raises HiveError(bad_request) if several meshes run here and none is named, or no such site runs here.
    """
    if url and "://" in url:
        return url
    running = meshes()
    if url:
        return _address_of_site(url, running, wire=wire)
    if len(running) > 1:
        names = ", ".join(f"{mesh['mesh']} at {_address(mesh, wire=wire)}" for mesh in running)
        raise HiveError("bad_request", f"Several meshes run here; choose one with --url: {names}.")
    if running:
        return _address(running[0], wire=wire)
    return DEFAULT_WIRE if wire else DEFAULT_URL


def _address_of_site(name: str, running: Sequence[Mapping[str, object]], *, wire: bool) -> str:
    """Return the address of a site of a mesh that runs here."""
    known = {site: address for mesh in running for site, address in addresses(mesh, wire=wire).items()}
    if name not in known:
        among = f"sites that run here: {', '.join(known)}" if known else "no mesh runs here"
        raise HiveError(
            "bad_request", f"{name!r} is neither an address (http://…, tcp://…) nor a site; {among}."
        )
    return known[name]


def _address(mesh: Mapping[str, object], *, wire: bool) -> str:
    """Return the address of a mesh's first site."""
    return next(iter(addresses(mesh, wire=wire).values()))


def addresses(mesh: Mapping[str, object], *, wire: bool) -> dict[str, str]:
    """Return the address of each site of a mesh, by the site's name."""
    sites = cast("Mapping[str, Mapping[str, str]]", mesh["sites"])
    return {name: site["bind"] if wire else site["http"] or site["bind"] for name, site in sites.items()}


def meshes() -> list[dict[str, object]]:
    """Return mesh.json of every mesh that runs on this machine under $HIVE_HOME."""
    from hive.local import running_mesh  # noqa: PLC0415 - keeps `hive --help` quick
    from hive.state_dir import home  # noqa: PLC0415

    found = [running_mesh(folder) for folder in sorted(home().glob("*")) if folder.is_dir()]
    return [mesh for mesh in found if mesh is not None]


@contextmanager
def asking(
    url: str | None, principal: str | None = None, *, wire: bool = False, outbox: Path | None = None
) -> Iterator[Client]:
    """Yield a client of the chosen mesh, with the principal given, $HIVE_PRINCIPAL or `local`, and $HIVE_TOKEN.

    Raises HiveError(not_running) or HiveError(unreachable) with what to do when nothing answers.
    """
    from hive.client import Client  # noqa: PLC0415

    chosen = url_of(url, wire=wire)
    token = os.environ.get("HIVE_TOKEN")
    with explained(url), Client(chosen, name(principal), token, outbox=outbox) as client:
        yield client


@contextmanager
def asking_http(url: str | None, principal: str | None = None) -> Iterator[HttpPort]:
    """Yield a connection to the gateway, for what only a gateway answers. Raises as `asking` does."""
    from hive.clients.http import HttpPort  # noqa: PLC0415

    chosen = url_of(url)
    if not chosen.startswith("http"):
        raise HiveError(
            "bad_request", f"This asks the gateway; give its http:// address instead of {chosen}."
        )
    port = HttpPort(chosen, name(principal), os.environ.get("HIVE_TOKEN"), 2.0)
    try:
        with explained(url):
            yield port
    finally:
        port.close()


@contextmanager
def asking_wire(url: str | None, principal: str | None = None) -> Iterator[DirectPort]:
    """Yield a connection to the conductor itself, for what only the wire protocol answers. Raises as `asking` does."""
    from hive.clients.direct import DirectPort  # noqa: PLC0415
    from hive.clients.session import Greeting  # noqa: PLC0415
    from hive.transport.zeromq import ZmqTransport  # noqa: PLC0415

    chosen = url_of(url, wire=True)
    if chosen.startswith("http"):
        raise HiveError(
            "bad_request", f"This asks the conductor; give its tcp:// address instead of {chosen}."
        )
    transport = ZmqTransport()
    greeting = Greeting("client", name(principal), "", os.environ.get("HIVE_TOKEN", ""))
    port = DirectPort(transport, chosen, greeting, 2.0)
    try:
        with explained(url):
            yield port
    finally:
        port.close()
        transport.close()


def page(url: str | None, path: str) -> str:
    """Return the text of one of the gateway's pages. Raises as `asking_http` does."""
    import httpx  # noqa: PLC0415

    with asking_http(url) as port, port.guarded():
        answer = httpx.get(port.url + path, headers=port.headers, timeout=10.0, trust_env=False)
        if answer.is_error:
            port.read(answer)
        return answer.text


def name(principal: str | None) -> str:
    """Return the principal to go by."""
    return principal or os.environ.get("HIVE_PRINCIPAL") or "local"


@contextmanager
def explained(asked: str | None) -> Iterator[None]:
    """Say what to do here where nothing answers or a token is wanted; `asked` is the address that the user gave."""
    try:
        yield
    except HiveError as error:
        if error.code == "unreachable" and asked is None and not meshes():
            sentence = "No mesh is running here. `hive up dev` starts one; --url names one elsewhere."
            raise HiveError("not_running", sentence) from error
        if error.code == "unauthenticated":
            told = "HIVE_TOKEN holds none" if os.environ.get("HIVE_TOKEN") else "Set HIVE_TOKEN to one"
            raise HiveError(
                "unauthenticated", f"This mesh wants a token. {told} that its policy knows."
            ) from error
        raise
