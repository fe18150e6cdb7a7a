"""Puts the gateway's parts together as one ASGI application."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI

from conductor.gateway import problems
from conductor.gateway.backend import Backend
from conductor.gateway.callers import Callers
from conductor.gateway.health import Metrics, MetricsMiddleware, health_routes
from conductor.gateway.mesh import MeshRoutes
from conductor.gateway.pages import page_routes
from conductor.gateway.ports import MeshView
from conductor.gateway.settings import GatewaySettings
from conductor.gateway.tasks import TaskRoutes
from conductor.gateway.values import CheckedCatalog
from hive import __version__
from hive.clients.aio import AsyncPort

_ABOUT: Final = """Ask the mesh for a capability or for a data type, and it finds the nodes that may do it.

Errors are problem documents (RFC 9457); `code` is stable and listed in the reference. Every task belongs to the
principal who submitted it, and only that principal can read or cancel it.
"""


def create_app(port: AsyncPort, view: MeshView | None, settings: GatewaySettings) -> FastAPI:
    """Return the application.

    `port` is the connection to the dispatcher (role `gateway`), which the owner starts and stops; `view` is the
    control process's knowledge, None for a gateway that runs alone. `app.state.backend` is the Backend.
    """
    catalog = CheckedCatalog(view)
    backend = Backend(port, catalog, settings)
    callers = Callers(settings)
    metrics = Metrics(backend)
    app = FastAPI(
        title="Hive",
        version=__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.backend = backend
    problems.install(app)
    app.include_router(TaskRoutes(backend, callers, settings).router())
    app.include_router(MeshRoutes(backend, callers, view).router())
    app.include_router(health_routes(backend, metrics))
    app.include_router(page_routes())
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    return app
