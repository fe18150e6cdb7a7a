"""What `hive up` concludes from the files of processes that do not start."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.cli.starting import hopeless_nodes, said_last, wanted_nodes
from hive.config import load_config
from hive.state_dir import write_json


def test_every_node_of_the_file_is_waited_for() -> None:
    assert wanted_nodes(load_config("dev")) == {
        "desk/mesh-echo", "desk/text-classify-intent", "desk/text-redact", "desk/sensor-detect-anomaly",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("log", "code", "detail"),
    [
        ("starting\nconfig_invalid: line 3 is wrong\nbye\n", "config_invalid", "line 3 is wrong"),
        ("address_in_use  Port 1 is taken.\n", "address_in_use", "Port 1 is taken."),
        ("12:00:00 info Ready: all is well\n", "start_failed", "It ended. The end of "),
        ("", "start_failed", "It ended. The end of "),
    ],
)
def test_a_process_s_last_words_are_its_error(log: str, code: str, detail: str, tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text(log, encoding="utf-8")
    error = said_last(path, "It ended.")
    assert error.code == code
    assert error.detail.startswith(detail)


def test_a_log_that_is_not_there_is_no_failure_of_its_own(tmp_path: Path) -> None:
    assert said_last(tmp_path / "none.log", "It ended.").code == "start_failed"


def test_a_node_that_its_agent_gave_up_is_told_with_what_the_agent_said(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "logs").mkdir()
    nodes = [{"id": "desk/a", "state": "ready"}, {"id": "desk/b", "state": "failed", "trouble": ""}]
    write_json(tmp_path / "agents" / "home.desk.json", {"role": "agent", "nodes": nodes})
    line = "12:00:00 error   desk/b: There is no specialist 'b'.\n"
    (tmp_path / "logs" / "device-home-desk.log").write_text(line, encoding="utf-8")
    assert list(hopeless_nodes(tmp_path)) == [("desk/b", "There is no specialist 'b'.")]
