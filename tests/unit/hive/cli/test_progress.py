"""What a terminal shows of a mesh that comes up."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType

from hive.cli.progress import ready_screen, starting_screen, summary
from hive.config import load_config, parse_config, parse_source
from hive.processes import ProcessRow


def shown(screen: RenderableType) -> list[str]:
    paper = io.StringIO()
    Console(file=paper, width=120, color_system=None).print(screen)
    return [line.rstrip() for line in paper.getvalue().splitlines()]


def test_a_start_shows_each_process_and_only_the_conductor_calls_a_node_ready() -> None:
    rows = [
        ProcessRow("dev", "dispatcher", "home", "home", 1, "ready"),
        ProcessRow("dev", "node", "desk/mesh-echo", "home", 2, "ready"),
        ProcessRow("dev", "node", "desk/text-redact", "home", 3, "starting"),
    ]
    lines = shown(starting_screen(load_config("dev"), rows, {"desk/text-classify-intent"}, 2.0))
    assert lines[0] == "dev   1 of 6 nodes ready   2 s"
    assert lines[1] == "  home   ● dispatcher   ○ control   ○ gateway"
    assert lines[2].startswith(
        "    desk   ● mesh-echo joining   ● text-classify-intent   ● text-redact starting"
    )


def test_ready_says_where_it_answers_and_what_to_try() -> None:
    lines = shown(ready_screen(load_config("dev"), 4, 1.5))
    assert lines[0] == "● dev is ready: 4 nodes on 1 device, 1.5 s"
    assert lines[2] == "  home   http://127.0.0.1:8420   pages at /docs"
    assert sum(line.strip().startswith("hive ") for line in lines) == 3
    assert '  hive submit text.classify_intent "what is my balance"' in lines


def test_a_site_without_a_gateway_has_no_pages() -> None:
    text = "mesh: m\nsites:\n  a:\n    conductor: {bind: 'tcp://127.0.0.1:7001', http: null}\n"
    config = parse_config(parse_source(text, "m.yaml"))
    lines = shown(ready_screen(config, 0, 1.0))
    assert lines[2] == "  a   tcp://127.0.0.1:7001   for nodes and tcp:// clients"
    assert "  hive capabilities" in lines
    assert not any("hive submit" in line for line in lines), "nothing here could answer"
    assert shown(starting_screen(config, [], set(), 0.0))[1] == "  a   ○ dispatcher   ○ control"


def test_ready_for_scripts() -> None:
    assert summary(load_config("dev"), 4, 1.5) == {
        "mesh": "dev", "state": "ready", "nodes": 4, "sites": {"home": "http://127.0.0.1:8420"}, "took_s": 1.5,
    }  # fmt: skip
