"""The Python client: `Client` and `AsyncClient`, with the same methods for `tcp://`, `ipc://` and `http://` addresses.

A `tcp://` client speaks the wire protocol to a conductor and is the quick way; an `http://` client speaks to a
gateway and gets through everything that lets HTTP through.
"""

from __future__ import annotations

from hive.clients.blocking import Client
from hive.clients.concurrent import AsyncClient
from hive.clients.request import Wish
from hive.clients.result import Result, Task

__all__ = ["AsyncClient", "Client", "Result", "Task", "Wish"]
