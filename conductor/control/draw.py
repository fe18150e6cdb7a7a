"""Drawing the capability graph: DOT for Graphviz, and a layered SVG that needs no other program."""

from __future__ import annotations

from html import escape
from typing import Any, Final, Protocol

Vertex = tuple[str, str]
_WIDTH: Final = 190
_HEIGHT: Final = 34
_GAP_X: Final = 70
_GAP_Y: Final = 22
_MARGIN: Final = 24
_STYLE: Final = (
    "text{font:13px ui-monospace,monospace;fill:#1f2933}"
    ".type{fill:#eef2f6;stroke:#9aa5b1}.capability{fill:#fff3c4;stroke:#cb6e17}"
    "path{fill:none;stroke:#7b8794;stroke-width:1.4}path.is_a{stroke-dasharray:4 4}"
)

_ARROW: Final = (
    '<defs><marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0,0 L8,4 L0,8 z" style="fill:#7b8794;stroke:none"/></marker></defs>'
)


class Graph(Protocol):
    """What drawing needs of a directed graph."""

    @property
    def nodes(self) -> Any:  # noqa: ANN401 - the library's own view type
        """Vertices."""
        ...

    def edges(self, data: bool) -> Any:  # noqa: ANN401, FBT001
        """Edges with their attributes."""
        ...


def used_vertices(graph: Graph) -> set[Vertex]:
    """Return the capabilities and the types that one of them touches, with what those types are."""
    edges = [(source, target, data["kind"]) for source, target, data in graph.edges(data=True)]
    used = {vertex for source, target, kind in edges if kind != "is_a" for vertex in (source, target)}
    grew = True
    while grew:
        more = {target for source, target, kind in edges if kind == "is_a" and source in used} - used
        used |= more
        grew = bool(more)
    return used


def dot(graph: Graph) -> str:
    """Return the graph in Graphviz' language: boxes are capabilities, ellipses data types, dashed edges is_a."""
    used = used_vertices(graph)
    lines = ["digraph hive {", "  rankdir=LR;", '  node [fontname="monospace"];']
    for kind, name in sorted(used):
        shape = "box, style=filled, fillcolor=lightyellow" if kind == "capability" else "ellipse"
        lines.append(f'  "{kind}:{name}" [label="{name}", shape={shape}];')
    for source, target, data in graph.edges(data=True):
        if source in used and target in used:
            style = " [style=dashed]" if data["kind"] == "is_a" else ""
            lines.append(f'  "{source[0]}:{source[1]}" -> "{target[0]}:{target[1]}"{style};')
    return "\n".join([*lines, "}"]) + "\n"


def svg(graph: Graph) -> str:
    """Return a drawing with inputs on the left and what is made of them to the right."""
    used = used_vertices(graph)
    edges = [(s, t, d["kind"]) for s, t, d in graph.edges(data=True) if s in used and t in used]
    places = _layout(_layers(used, edges))
    columns = [x for x, _ in places.values()] or [0]
    rows = [y for _, y in places.values()] or [0]
    width, height = max(columns) + _WIDTH + _MARGIN, max(rows) + _HEIGHT + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        "<title>What this site can do</title>",
        f"<style>{_STYLE}</style>",
        _ARROW,
        *(_edge(places[source], places[target], kind) for source, target, kind in edges),
        *(_box(vertex, at) for vertex, at in sorted(places.items())),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _layers(used: set[Vertex], edges: list[tuple[Vertex, Vertex, str]]) -> list[list[Vertex]]:
    """Return the vertices by the first round in which they can be had, as planning finds them.

    What nothing makes comes first; a capability follows its last input, what it makes follows it. Where a cycle has no
    beginning, the type that most capabilities take is one.
    """
    takes: dict[Vertex, set[Vertex]] = {v: set() for v in used if v[0] == "capability"}
    makes: dict[Vertex, set[Vertex]] = {v: set() for v in used if v[0] == "capability"}
    for source, target, kind in edges:
        if kind == "input":
            takes[target].add(source)
        elif kind == "output":
            makes[source].add(target)
    made = {target for targets in makes.values() for target in targets}
    depth = dict.fromkeys((v for v in used if v[0] == "type" and v not in made), 0)
    while len(depth) < len(used):
        ready = [c for c in sorted(takes) if c not in depth and takes[c] <= depth.keys()]
        if not ready:
            left = [v for v in sorted(used) if v[0] == "type" and v not in depth]
            first = max(left, key=lambda v: sum(v in inputs for inputs in takes.values()))
            depth[first] = 0
            continue
        for capability in ready:
            depth[capability] = max((depth[v] for v in takes[capability]), default=0) + 1
            for target in sorted(makes[capability]):
                depth.setdefault(target, depth[capability] + 1)
    layers: list[list[Vertex]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for vertex in sorted(used):
        layers[depth[vertex]].append(vertex)
    return layers


def _layout(layers: list[list[Vertex]]) -> dict[Vertex, tuple[int, int]]:
    tallest = max(map(len, layers), default=0)
    places = {}
    for column, layer in enumerate(layers):
        top = (tallest - len(layer)) * (_HEIGHT + _GAP_Y) // 2
        for row, vertex in enumerate(layer):
            x = _MARGIN + column * (_WIDTH + _GAP_X)
            places[vertex] = (x, _MARGIN + top + row * (_HEIGHT + _GAP_Y))
    return places


def _box(vertex: Vertex, at: tuple[int, int]) -> str:
    (kind, name), (x, y) = vertex, at
    radius = 6 if kind == "capability" else _HEIGHT // 2
    box = f'<rect class="{kind}" x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="{radius}"/>'
    middle_x, middle_y = x + _WIDTH // 2, y + _HEIGHT // 2 + 5
    return f'{box}<text x="{middle_x}" y="{middle_y}" text-anchor="middle">{escape(name)}</text>'


def _edge(source: tuple[int, int], target: tuple[int, int], kind: str) -> str:
    (x1, y1), (x2, y2) = source, target
    middle = _HEIGHT // 2
    if x2 > x1:
        start, end, bend = (x1 + _WIDTH, y1 + middle), (x2, y2 + middle), _GAP_X // 2
        curve = f"C{start[0] + bend},{start[1]} {end[0] - bend},{end[1]} {end[0]},{end[1]}"
    else:  # back to an earlier column: leave and arrive from below
        start, end = (x1 + _WIDTH // 2, y1 + _HEIGHT), (x2 + _WIDTH // 2, y2 + _HEIGHT)
        low = max(start[1], end[1]) + _GAP_Y
        curve = f"C{start[0]},{low} {end[0]},{low} {end[0]},{end[1]}"
    return f'<path class="{kind}" d="M{start[0]},{start[1]} {curve}" marker-end="url(#a)"/>'
