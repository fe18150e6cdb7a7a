"""What the mesh is and can do, over HTTP: nodes, capabilities, types, the graph, and what would become of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, cast

from fastapi import APIRouter, Query, Request, Response

from conductor.gateway.backend import Backend
from conductor.gateway.callers import Callers
from conductor.gateway.ports import MeshView
from conductor.gateway.problems import dump
from conductor.gateway.schemas import Problem, TaskIn, parse, parse_json
from hive.errors import HiveError

_JSON: Final = "application/json"
_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {"4XX": {"model": Problem}, "5XX": {"model": Problem}}


def mesh_routes(backend: Backend, callers: Callers, view: MeshView | None) -> APIRouter:
    """Return the routes that ask about the mesh."""
    router = APIRouter(tags=["mesh"], responses=_PROBLEMS)

    @router.post(
        "/v1/explain",
        summary="What would become of a task",
        response_model=None,
        openapi_extra={
            "requestBody": {"required": True, "content": {_JSON: {"schema": TaskIn.model_json_schema()}}}
        },
    )
    async def explain(request: Request) -> Response:
        """Answer the plan, the rule and the candidates of each step, or the refusal; nothing is run.

        The body is that of a task. `input` may be left out; then the declared type is assumed.
        """
        principal = callers.principal(request)
        task = parse(TaskIn, parse_json(await callers.body(request)))
        return _json(await backend.explain(task.wish(), principal))

    @router.get("/v1/nodes", summary="The nodes", response_model=None)
    async def nodes(request: Request) -> Response:
        """Answer one object per node of the site, with its state, its worker's process and its credit."""
        return _json(await backend.query("nodes", callers.principal(request)))

    @router.get("/v1/capabilities", summary="The capabilities", response_model=None)
    async def capabilities(request: Request) -> Response:
        """Answer what can be asked for, its inputs and output, and how many nodes are ready for it."""
        rows = cast(
            "Sequence[Mapping[str, object]]", await backend.query("capabilities", callers.principal(request))
        )
        known = {str(row["capability"]): row for row in view.capabilities()} if view else {}
        live = {str(row["capability"]): row for row in rows}
        return _json(
            [{**known.get(name, {}), **live.get(name, {})} for name in sorted(known.keys() | live.keys())]
        )

    @router.get("/v1/types", summary="The data types", response_model=None)
    async def types(request: Request) -> Response:
        """Answer every data type: its JSON Schema, its wire encoding and what it is a kind of."""
        callers.principal(request)
        backend.catalog.refresh()
        return _json([kind.as_json() for kind in backend.catalog.types.all()])

    @router.get("/v1/graph", summary="The capability graph", response_model=None)
    async def graph(
        request: Request,
        format: Annotated[Literal["json", "dot", "svg"], Query(description="The form.")] = "json",  # noqa: A002
    ) -> Response:
        """Answer the graph of data types and capabilities."""
        callers.principal(request)
        if view is None:
            raise HiveError(
                "planning_unavailable", "This gateway has no control process beside it: ask the site's own."
            )
        if format == "dot":
            return Response(view.graph_dot(), media_type="text/vnd.graphviz")
        if format == "svg":
            return Response(view.graph_svg(), media_type="image/svg+xml")
        return _json(view.graph_json())

    return router


def _json(value: object) -> Response:
    return Response(dump(value), 200, None, _JSON)
