"""`hive node` and `hive device`: become an agent on this machine, with one node or with all of a device's.

The command checks what it was told, then replaces itself by the agent's process: same pid, none of the weight of a
command line in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from hive.cli.report import err, reported
from hive.errors import HiveError

if TYPE_CHECKING:
    from pathlib import Path

    from specialists.agent_spec import AgentSpec

node_app = typer.Typer(help="Run a single node on this machine.", no_args_is_help=True, add_completion=False)
device_app = typer.Typer(
    help="Run all nodes of a device on this machine.", no_args_is_help=True, add_completion=False
)

# A name as mesh files have them; a node's id may have capitals, which host names have.
_NAME: Final = r"[a-z0-9][a-z0-9._-]{0,62}"
_NODE: Final = r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*"
_NODE_MAX: Final = 180  # with its site it names a file

StateOption = Annotated[
    str | None, typer.Option("--state", help="State folder of the mesh. Default: $HIVE_HOME/<mesh>.")
]


@node_app.callback()
@device_app.callback()
def _group() -> None:
    """Keep `run` a command of its own: with a single one typer would drop its name."""


@node_app.command("run")
def run_node(  # noqa: PLR0913, PLR0917 - each is an option
    specialist: Annotated[
        str, typer.Option(help="A bundled specialist's name, or a directory such as ./mine.")
    ],
    site: Annotated[str, typer.Option(help="The site at which this node runs.")],
    conductor: Annotated[
        str | None,
        typer.Option(help="Address of the site's conductor, tcp://host:port. Default: found over mDNS."),
    ] = None,
    mdns: Annotated[
        bool, typer.Option(help="Look for the conductor, and advertise the node, over mDNS.")
    ] = True,
    mesh: Annotated[
        str | None, typer.Option(help="The mesh's name. Default: the one that runs here.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The node's id. Default: <host name>/<specialist>.")
    ] = None,
    credit: Annotated[int, typer.Option(min=1, max=4096, help="Works that the node takes at once.")] = 8,
    token: Annotated[
        str, typer.Option(envvar="HIVE_TOKEN", help="Token of the node.", show_default=False)
    ] = "",
    state: StateOption = None,
) -> None:
    """Start an agent with one worker and stay until SIGTERM or Ctrl-C, which let it finish what it has.

    The worker is started again when it dies or stands still, and looks for its conductor for ever. A specialist that
    is missing, invalid or not what its manifest pins ends the command with the exit status of that error.
    """
    from specialists.agent_spec import AgentSpec, NodeSpec  # noqa: PLC0415 - keeps `hive --help` quick

    with reported():
        _check_name("--site", site)
        if conductor:
            _check_address(conductor)
        elif not mdns:
            raise HiveError(
                "bad_request", "Without mDNS the node needs the address of its conductor: --conductor."
            )
        chosen = mesh or _running_mesh()
        _check_name("--mesh", chosen)
        ident = name or _default_id(_absolute(specialist))
        _check_node(ident)
        folder = _state_folder(chosen, state)
        node = NodeSpec(ident, _absolute(specialist), credit)
        _become_agent(
            AgentSpec(
                name=node.id,
                mesh=chosen,
                site=site,
                nodes=(node,),
                conductors=(conductor,) if conductor else (),
                mdns=mdns,
                state_dir=str(folder),
                token=token,
            )
        )


@device_app.command("run")
def run_device(
    config: Annotated[str, typer.Argument(help="A mesh file, or the name of a bundled one.")],
    device: Annotated[str | None, typer.Option(help="The device; needed if the file has several.")] = None,
    site: Annotated[
        str | None, typer.Option(help="Its site; needed if several have a device of that name.")
    ] = None,
    state: StateOption = None,
) -> None:
    """Start the agent of a device with every node that the mesh file gives it.

    Nodes that cannot work (a bad model) are named and left out; the others run. If none can, the command ends with
    the exit status of the first one's error.
    """
    from hive.config import find_device, load_config  # noqa: PLC0415
    from hive.config_source import find_source  # noqa: PLC0415
    from specialists.agent_spec import AgentSpec, NodeSpec  # noqa: PLC0415

    with reported():
        mesh = load_config(config)
        at, named = find_device(mesh, device, site)
        folder = find_source(config).parent
        nodes = tuple(
            NodeSpec(name, _absolute(node.specialist, folder), node.credit, node.memory_mb, node.nice)
            for name, node in mesh.node_ids(at, named)
        )
        listed = mesh.discovery.conductors.get(at)
        _become_agent(
            AgentSpec(
                name=named,
                mesh=mesh.mesh,
                site=at,
                nodes=nodes,
                conductors=(listed,) if listed else (),
                fallbacks=(mesh.sites[at].conductor.bind,),
                mdns=mesh.discovery.mdns,
                state_dir=str(_state_folder(mesh.mesh, state)),
            )
        )


def _running_mesh() -> str:
    """Return the name of the one mesh that runs here; raise HiveError(bad_request) if it is not clear."""
    from hive.cli.connect import meshes  # noqa: PLC0415

    names = [str(mesh["mesh"]) for mesh in meshes()]
    if len(names) == 1:
        return names[0]
    found = f"{len(names)} meshes run here: {', '.join(names)}" if names else "No mesh runs here"
    raise HiveError("bad_request", f"{found}. Say with --mesh which one the node belongs to.")


def _check_name(option: str, name: str) -> None:
    """Raise HiveError(bad_request) for a name that no mesh file could hold: it becomes part of paths."""
    import re  # noqa: PLC0415

    if not re.fullmatch(_NAME, name):
        advice = "use a-z, 0-9, '.', '_' and '-', at most 63, and begin with a letter or digit"
        raise HiveError("bad_request", f"{option} {name!r} is no name: {advice}.")


def _check_node(ident: str) -> None:
    """Raise HiveError(bad_request) for an id that no rule and no file name could hold."""
    import re  # noqa: PLC0415

    if not re.fullmatch(_NODE, ident) or len(ident) > _NODE_MAX:
        advice = f"write DEVICE/SPECIALIST of letters, digits, '.', '_' and '-', at most {_NODE_MAX} in all"
        raise HiveError("bad_request", f"--name {ident!r} is no node id: {advice}.")


def _check_address(endpoint: str) -> None:
    """Raise HiveError(bad_request) for what is no address; whether somebody answers there is seen later."""
    from hive.transport.zeromq import ZmqTransport  # noqa: PLC0415

    if endpoint.endswith(":0"):
        raise HiveError("bad_request", f"{endpoint!r}: nobody answers at port 0; write the conductor's port.")
    transport = ZmqTransport()
    try:
        transport.connect(endpoint)
    finally:
        transport.close()


def _state_folder(mesh: str, state: str | None) -> Path:
    from pathlib import Path  # noqa: PLC0415

    from hive.state_dir import make, mesh_dir  # noqa: PLC0415

    return make(Path(state).absolute() if state else mesh_dir(mesh))


def _default_id(specialist: str) -> str:
    import socket  # noqa: PLC0415
    from pathlib import PurePath  # noqa: PLC0415

    return f"{socket.gethostname()}/{PurePath(specialist).name.partition('@')[0]}"


def _absolute(specialist: str, folder: Path | None = None) -> str:
    """Return a directory as an absolute path (from `folder`, else from here), a bundled specialist's name as it is."""
    from pathlib import Path  # noqa: PLC0415

    is_path = "/" in specialist or specialist in (".", "..")
    return str(((folder or Path()) / specialist).absolute()) if is_path else specialist


def _become_agent(spec: AgentSpec) -> None:
    """Replace this process by the agent's; the spec travels in an unnamed file, so no argument shows a token."""
    import os  # noqa: PLC0415
    import sys  # noqa: PLC0415
    import tempfile  # noqa: PLC0415

    nodes = f"{len(spec.nodes)} nodes" if len(spec.nodes) > 1 else spec.nodes[0].id
    err.print(
        f"[bold]{spec.name}[/bold] at [cyan]{spec.site}[/cyan] in mesh [cyan]{spec.mesh}[/cyan]: {nodes}"
    )
    with tempfile.TemporaryFile() as file:
        file.write(spec.as_json().encode())
        file.seek(0)
        file.flush()
        os.set_inheritable(file.fileno(), True)
        os.execv(sys.executable, [sys.executable, "-m", "specialists.agent", str(file.fileno())])  # noqa: S606
