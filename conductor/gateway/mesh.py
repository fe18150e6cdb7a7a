"""What the mesh is and can do, over HTTP: nodes, capabilities, types, the graph, and what would become of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
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


class MeshRoutes:
    """What is served about the mesh."""

    def __init__(self, backend: Backend, callers: Callers, view: MeshView | None) -> None:
        """Serve by `backend` and `view`, for `callers`."""
        self._backend = backend
        self._callers = callers
        self._view = view

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(tags=["mesh"], responses=_PROBLEMS)
        body = {"required": True, "content": {_JSON: {"schema": TaskIn.model_json_schema()}}}
        add = partial(router.add_api_route, response_model=None)
        title = "What would become of a task"
        add("/v1/explain", self.explain, methods=["POST"], summary=title, openapi_extra={"requestBody": body})
        add("/v1/nodes", self.nodes, methods=["GET"], summary="The nodes")
        add("/v1/capabilities", self.capabilities, methods=["GET"], summary="The capabilities")
        add("/v1/sites", self.sites, methods=["GET"], summary="This site and its links")
        add("/v1/types", self.types, methods=["GET"], summary="The data types")
        add("/v1/graph", self.graph, methods=["GET"], summary="The capability graph")
        return router

    async def explain(self, request: Request) -> Response:
        """Answer the plan, the rule and the candidates of each step, or the refusal; nothing is run.

        The body is that of a task. `input` may be left out; then the declared type is assumed.
        """
        principal = self._callers.principal(request)
        task = parse(TaskIn, parse_json(await self._callers.body(request)))
        return _json(await self._backend.explain(task.wish(), principal))

    async def nodes(self, request: Request) -> Response:
        """Answer one object per node of the site, with its state, its worker's process and its credit.

        A node that is advertised on the LAN and has not connected is `joining`, with no process and no credit.
        """
        rows = cast(
            "Sequence[Mapping[str, object]]",
            await self._backend.query("nodes", self._callers.principal(request)),
        )
        # What the dispatcher knows of a node is proven by its session; an advert only fills a gap.
        advertised = {str(row["id"]): row for row in self._view.adverts()} if self._view else {}
        connected = {str(row["id"]): row for row in rows}
        return _json([row for _, row in sorted({**advertised, **connected}.items())])

    async def capabilities(self, request: Request) -> Response:
        """Answer what can be asked for, its inputs and output, and how many nodes are ready for it."""
        rows = cast(
            "Sequence[Mapping[str, object]]",
            await self._backend.query("capabilities", self._callers.principal(request)),
        )
        known = {str(row["capability"]): row for row in self._view.capabilities()} if self._view else {}
        live = {str(row["capability"]): row for row in rows}
        return _json(
            [{**known.get(name, {}), **live.get(name, {})} for name in sorted(known.keys() | live.keys())]
        )

    async def sites(self, request: Request) -> Response:
        """Answer a list with this site: its links, how each is, and how many tasks wait for the other side.

        `rtt_ms` is the round trip of the link's beats, null while it is down. `outbox` counts the tasks that wait for
        that site, `unacknowledged` the answers to it that it has not confirmed, `given` its tasks that are open here.
        """
        return _json(await self._backend.query("sites", self._callers.principal(request)))

    async def types(self, request: Request) -> Response:
        """Answer every data type: its JSON Schema, its wire encoding and what it is a kind of."""
        self._callers.principal(request)
        self._backend.catalog.refresh()
        return _json([kind.as_json() for kind in self._backend.catalog.types.all()])

    async def graph(
        self,
        request: Request,
        format: Annotated[Literal["json", "dot", "svg"], Query(description="The form.")] = "json",  # noqa: A002
    ) -> Response:
        """Answer the graph of data types and capabilities."""
        self._callers.principal(request)
        if self._view is None:
            raise HiveError(
                "planning_unavailable", "This gateway has no control process beside it: ask the site's own."
            )
        if format == "dot":
            return Response(self._view.graph_dot(), media_type="text/vnd.graphviz")
        if format == "svg":
            return Response(self._view.graph_svg(), media_type="image/svg+xml")
        return _json(self._view.graph_json())


def _json(value: object) -> Response:
    return Response(dump(value), 200, None, _JSON)
