"""An endpoint labels texts: its answers are read, kept, and asked for once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hive.errors import HiveError
from specialists.forge.labeller import Labeller, class_of, labelled

EXAMPLES = {"light": ["lamp on"], "music": ["play a song"]}


class Silent:
    """A bar that nobody sees."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Do nothing."""


class Endpoint(BaseHTTPRequestHandler):
    """Answers with the first class whose name is in the text."""

    asked: list[str] = []  # noqa: RUF012 - one server, one list

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = body["messages"][1]["content"]
        self.asked.append(text)
        said = next((f" {name}." for name in EXAMPLES if name in text), "none of these")
        content = json.dumps({"choices": [{"message": {"content": said}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    Endpoint.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def test_texts_get_the_class_that_is_named_and_others_are_left_out(url: str, tmp_path: Path) -> None:
    texts = ["more light please", "some music", "what is the time"]
    kept = tmp_path / "answers.jsonl"
    found = labelled(Labeller(url, "any"), texts, EXAMPLES, kept, Silent())
    assert found == [("more light please", "light"), ("some music", "music")]
    assert labelled(Labeller(url, "any"), texts, EXAMPLES, kept, Silent()) == found
    assert Endpoint.asked == texts


def test_an_endpoint_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HiveError, match=r"http://127\.0\.0\.1:9/v1 gives no answer") as refusal:
        labelled(Labeller("http://127.0.0.1:9/v1", "any"), ["x"], EXAMPLES, tmp_path / "a", Silent())
    assert refusal.value.code == "data_invalid"
    with pytest.raises(HiveError, match="must begin with http"):
        labelled(Labeller("file:///etc/passwd", "any"), ["x"], EXAMPLES, tmp_path / "a", Silent())


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("card_lost", "card_lost"),
        ('"Card_Lost".', "card_lost"),
        ("The class is card_lost_abroad", "card_lost_abroad"),
        ("card_lost or balance", None),
        ("none of these", None),
        ("", None),
    ],
)
def test_answers_are_read_as_they_are_given(answer: str, name: str | None) -> None:
    assert class_of(answer, ["card_lost", "card_lost_abroad", "balance"]) == name
