"""An endpoint that answers chats as OpenAI's does, on a port of this machine, with a script of what it says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Reply = tuple[int, dict[str, str], object]
"""HTTP status, headers, and the JSON document of an answer."""


def said(content: str) -> Reply:
    return 200, {}, {"choices": [{"message": {"role": "assistant", "content": content}}]}


@dataclass
class Chat:
    """What was asked so far: the texts, the keys that came with them, and the instructions."""

    url: str
    texts: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    instructions: set[str] = field(default_factory=set)


@contextmanager
def chat_server(reply: Callable[[str, int], Reply]) -> Iterator[Chat]:
    """Serve until the block ends; `reply` gets the text and how often it was asked about before."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            text = body["messages"][1]["content"]
            with lock:
                before = chat.texts.count(text)
                chat.texts.append(text)
                chat.keys.append(self.headers.get("authorization", ""))
                chat.instructions.add(body["messages"][0]["content"])
            status, headers, document = reply(text, before)
            content = json.dumps(document).encode()
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    chat = Chat(f"http://127.0.0.1:{server.server_address[1]}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield chat
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
