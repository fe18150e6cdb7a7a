"""The baseline of P14: a FastAPI application that returns what it is sent. Its argument is the port."""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.post("/echo")
async def echo(ask: dict[str, str]) -> dict[str, str]:
    """Return the document."""
    return ask


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False)
