"""Errors as RFC 9457 problem documents, whichever layer they come from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from hive.clients.result import Result
from hive.errors import HiveError, error_of

MEDIA_TYPE = "application/problem+json"
_DEFAULT_RETRY_MS = 1_000
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode
_RESERVED = frozenset({"type", "title", "status", "detail", "code", "instance"})
_CODE_OF_STATUS = {
    HTTPStatus.NOT_FOUND: "path_unknown",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
}


def problem_of(error: HiveError, instance: str) -> dict[str, object]:
    """Return the problem document of an error; its context becomes members."""
    kind = error.kind
    context = {name: value for name, value in error.context.items() if name not in _RESERVED}
    return {
        "type": f"urn:hive:error:{kind.code}",
        "title": kind.sentence,
        "status": kind.http_status,
        "detail": error.detail,
        "code": kind.code,
        "instance": instance,
        **context,
    }


def problem(error: HiveError, instance: str, extra: Mapping[str, object] | None = None) -> Response:
    """Return the answer to a request that failed. `extra` members come beside those of the problem."""
    document = {**(extra or {}), **problem_of(error, instance)}
    headers = _headers(error)
    return Response(dump(document), error.kind.http_status, headers, MEDIA_TYPE)


def failed_outcome(result: Result, instance: str) -> Response:
    """Return the answer to a caller that waited and got a failure: the outcome and its problem in one document."""
    described = dict(result.error or {})
    code, detail = str(described.pop("code", "internal")), str(described.pop("detail", ""))
    return problem(error_of(code, detail, described), instance, result.as_json())


def dump(value: object) -> bytes:
    """Return `value` as JSON bytes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode(
        "utf-8", "replace"
    )


def install(app: FastAPI) -> None:
    """Let every failure of the application become a problem document."""

    async def hive_error(request: Request, error: Exception) -> Response:
        """Show an error of the catalogue."""
        assert isinstance(error, HiveError), "registered for HiveError only"
        return problem(error, request.url.path)

    async def http_error(request: Request, error: Exception) -> Response:
        """Show what the framework refused, such as an unknown path."""
        assert isinstance(error, HTTPException), "registered for HTTPException only"
        code = _CODE_OF_STATUS.get(HTTPStatus(error.status_code), "bad_request")
        detail = f"{request.method} {request.url.path}: {error.detail}."
        answer = problem(HiveError(code, detail), request.url.path)
        answer.headers.update(error.headers or {})
        return answer

    async def invalid(request: Request, error: Exception) -> Response:
        """Show which parameter is wrong."""
        assert isinstance(error, RequestValidationError), "registered for RequestValidationError only"
        parts = [f"`{'.'.join(map(str, item['loc'][1:]))}`: {item['msg']}" for item in error.errors()]
        return problem(HiveError("bad_request", "; ".join(parts) + "."), request.url.path)

    async def fault(request: Request, error: Exception) -> Response:
        """Show that the fault is ours, without the payload."""
        detail = (
            f"{type(error).__name__} while {request.method} {request.url.path} was served; the log has more."
        )
        return problem(HiveError("internal", detail), request.url.path)

    app.add_exception_handler(HiveError, hive_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, fault)


def _headers(error: HiveError) -> dict[str, str]:
    if error.code == "unauthenticated":
        return {"WWW-Authenticate": "Bearer"}
    busy = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
    if not error.kind.retryable or error.kind.http_status not in busy:
        return {}
    wanted = error.context.get("retry_after_ms")
    wait_ms = wanted if isinstance(wanted, int | float) and wanted > 0 else _DEFAULT_RETRY_MS
    return {"Retry-After": str(math.ceil(wait_ms / 1000))}
