"""The baseline of P14: a FastAPI application that returns what it is sent. Its argument is the port."""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Ask(BaseModel):
    """The same document that a task is asked for with."""

    capability: str
    input: str


app = FastAPI()


@app.post("/echo")
async def echo(ask: Ask) -> Ask:
    """Return the document."""
    return ask


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False)
