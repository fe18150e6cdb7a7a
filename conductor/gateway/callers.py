"""Who calls, and what they send: the principal of a request and its bounded body."""

from __future__ import annotations

import asyncio
import hmac

from fastapi import Request
from starlette.requests import ClientDisconnect

from conductor.gateway.settings import GatewaySettings, token_digest
from hive.errors import HiveError

_LOCAL = "local"
_NAME_MAX = 200
_SITES = "site:"
_DIGITS_MAX = 18


class Callers:
    """Tells principals from each other and bounds what their bodies may hold of the memory."""

    def __init__(self, settings: GatewaySettings) -> None:
        """Know the tokens of `settings`."""
        self._settings = settings
        self._named = settings.loopback and not settings.tokens
        self._reading_bytes = 0

    def principal(self, request: Request) -> str:
        """Return who calls. Raises HiveError(unauthenticated) where tokens are wanted and none that is known came."""
        settings = self._settings
        if settings.tokens:
            return self._principal_of_token(request.headers.get("authorization", ""))
        if not self._named:
            return _LOCAL
        name = request.headers.get("x-hive-principal", _LOCAL)
        if not 0 < len(name) <= _NAME_MAX or not name.isprintable():
            raise HiveError(
                "bad_request", f"`X-Hive-Principal` must have 1 to {_NAME_MAX} printable characters."
            )
        if name.startswith(_SITES):
            raise HiveError("bad_request", f"Names that begin with {_SITES!r} belong to linked sites.")
        return name

    async def body(self, request: Request) -> bytes:
        """Return the body of a JSON request, no more of it than is allowed.

        Raises HiveError: media_type_unsupported, too_large, queue_full, expired (it came too slowly).
        """
        media_type = request.headers.get("content-type", "")
        if (
            media_type != "application/json"
            and media_type.partition(";")[0].strip().lower() != "application/json"
        ):
            # Also keeps web pages of other origins out: this type needs their browser to ask first.
            raise HiveError(
                "media_type_unsupported", f"Send `Content-Type: application/json`, not {media_type!r}."
            )
        limit = self._settings.max_body_bytes
        announced = request.headers.get("content-length", "0")
        if announced.isdecimal() and (len(announced) > _DIGITS_MAX or int(announced) > limit):
            raise self._too_large()
        try:
            async with asyncio.timeout(self._settings.body_timeout_s):
                return await self._read(request, limit)
        except TimeoutError:
            raise HiveError("expired", "The body took too long to arrive.") from None
        except ClientDisconnect:
            raise HiveError("bad_request", "The caller left before its body was complete.") from None

    async def _read(self, request: Request, limit: int) -> bytes:
        chunks: list[bytes] = []
        size = 0
        try:
            async for chunk in request.stream():
                size += len(chunk)
                self._reading_bytes += len(chunk)
                if size > limit:
                    raise self._too_large()
                if self._reading_bytes > self._settings.max_body_bytes_total:
                    detail = "Too many bodies are being read; try again later."
                    raise HiveError("queue_full", detail, retry_after_ms=500)
                chunks.append(chunk)
        finally:
            self._reading_bytes -= size
        return b"".join(chunks)

    def _too_large(self) -> HiveError:
        limit = self._settings.max_body_bytes
        return HiveError(
            "too_large", f"The body is too large; at most {limit} bytes are taken.", limit_bytes=limit
        )

    def _principal_of_token(self, header: str) -> str:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise HiveError(
                "unauthenticated", "Send `Authorization: Bearer TOKEN` with a token that policy knows."
            )
        digest = token_digest(token.strip())
        for known, principal in self._settings.tokens.items():
            if hmac.compare_digest(known.lower(), digest):
                return principal
        raise HiveError(
            "unauthenticated", "This token is not known. Check it against the mesh's configuration."
        )
