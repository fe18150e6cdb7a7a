"""What the gateway needs of the control process beside the dispatcher: the view of the mesh that it compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from hive.types import TypeRegistry


class MeshView(Protocol):
    """The control plane's knowledge. Values are snapshots, replaced on change and never changed in place."""

    @property
    def types(self) -> TypeRegistry:
        """Every data type that the site knows."""
        ...

    def capabilities(self) -> Sequence[Mapping[str, object]]:
        """Return one JSON object per capability, with at least `capability`, `inputs` (name to type) and `output`."""
        ...

    def adverts(self) -> Sequence[Mapping[str, object]]:
        """Return one row per node that is advertised on the LAN, connected or not, in the form of `/v1/nodes`."""
        ...

    def graph_json(self) -> Mapping[str, object]:
        """Return the capability graph as a JSON object."""
        ...

    def graph_dot(self) -> str:
        """Return the capability graph in Graphviz' language."""
        ...

    def graph_svg(self) -> str:
        """Return a drawing of the capability graph."""
        ...
