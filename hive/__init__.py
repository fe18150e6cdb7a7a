"""Hive: a mesh of tiny specialist models that keeps data where it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hive.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client", "HiveError", "__version__"]
__version__ = "0.1.0"

from hive.errors import HiveError


def __getattr__(name: str) -> object:
    """Import the client on first use, so that a device's worker does not pay for it."""
    if name in {"Client", "AsyncClient"}:
        from hive import client  # noqa: PLC0415 - see the docstring

        return getattr(client, name)
    raise AttributeError(name)
