"""The API's page at /docs: Swagger UI from files on this machine, since a site may have no way out."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, HTMLResponse

from hive.errors import HiveError

_FILES: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
    "X-Content-Type-Options": "nosniff",
}
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hive: the task API</title>
<link rel="icon" href="docs/files/favicon-32x32.png">
<link rel="stylesheet" href="docs/files/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/files/swagger-ui-bundle.js"></script>
<script src="docs/files/start.js"></script>
</body>
</html>
"""
_START: Final = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
"""


def page_routes() -> APIRouter:
    """Return /docs and its files. Raises HiveError(extra_missing) where the files are not installed."""
    folder = _folder()
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def docs() -> Response:
        """Return the page itself."""
        return HTMLResponse(_PAGE, headers=_HEADERS)

    @router.get("/docs/files/start.js")
    async def start() -> Response:
        """Return the script that starts Swagger UI."""
        return Response(_START, media_type="text/javascript")

    @router.get("/docs/files/{name}")
    async def file(name: str) -> Response:
        """Return one of Swagger UI's own files."""
        media_type = _FILES.get(name)
        if media_type is None:
            raise HiveError("path_unknown", f"/docs/files/{name} is not one of the page's files.")
        return FileResponse(folder / name, media_type=media_type, headers={"Cache-Control": "max-age=3600"})

    return router


def _folder() -> Path:
    spec = find_spec("fastapi_swagger")  # found, not imported: only its files are of use
    if spec is None or not spec.submodule_search_locations:
        raise HiveError(
            "extra_missing", "The gateway's page is not installed: `pip install 'hive-mesh[conductor]'`."
        )
    return Path(spec.submodule_search_locations[0]) / "resources"
