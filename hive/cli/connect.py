"""Which mesh a command talks to: `--url`, else $HIVE_URL, else the mesh that runs on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hive.errors import HiveError

if TYPE_CHECKING:
    from hive.client import Client

DEFAULT_URL = "http://127.0.0.1:8420"


def url_of(url: str | None) -> str:
    """Return the address to use. Raises HiveError(not_running) if several meshes run here and none is named."""
    if url:
        return url
    running = meshes()
    urls = [site["http"] or site["bind"] for mesh in running for site in mesh["sites"].values()]  # type: ignore[attr-defined]
    if len(running) > 1:
        names = ", ".join(str(mesh["mesh"]) for mesh in running)
        raise HiveError(
            "bad_request", f"Several meshes run here ({names}); choose one with --url: {', '.join(urls)}."
        )
    return urls[0] if urls else DEFAULT_URL


def meshes() -> list[dict[str, object]]:
    """Return mesh.json of every mesh that runs on this machine under $HIVE_HOME."""
    from hive.local import running_mesh  # noqa: PLC0415 - keeps `hive --help` quick
    from hive.state_dir import home  # noqa: PLC0415

    found = [running_mesh(folder) for folder in sorted(home().glob("*")) if folder.is_dir()]
    return [mesh for mesh in found if mesh is not None]


def client(url: str | None) -> Client:
    """Return a client of the chosen mesh. Raises HiveError(not_running) when there is none."""
    from hive.client import Client  # noqa: PLC0415

    chosen = url_of(url)
    try:
        return Client(chosen)
    except HiveError as error:
        raise unreachable(chosen, url) from error


def unreachable(chosen: str, asked: str | None) -> HiveError:
    """Return the sentence for a mesh that does not answer."""
    if asked is None and chosen == DEFAULT_URL:
        return HiveError(
            "not_running", "No mesh is running here. `hive up dev` starts one; --url names another."
        )
    return HiveError(
        "unreachable", f"Nothing answers at {chosen}. Check the address, or start it with `hive up`."
    )
