"""`hive outbox` and `hive submit --outbox`, with and without a conductor to deliver to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hive.cli.app import app
from hive.clients.outbox import Outbox
from hive.clients.request import Wish
from hive.core.forward import EntryState
from hive.errors import CATALOGUE, HiveError
from hive.ids import parse_task_id
from tests.fakes.conductor import FakeConductor
from tests.fakes.waiting import until

NOWHERE = "tcp://127.0.0.1:9"


def run(*words: str, url: str = NOWHERE, **env: str) -> tuple[int, str, str]:
    """Return (exit status, stdout, stderr)."""
    given = {"HIVE_URL": url, "COLUMNS": "160", "NO_COLOR": "1", "HIVE_PRINCIPAL": None, **env}
    done = CliRunner().invoke(app, list(words), env=given)
    return done.exit_code, done.stdout, done.stderr


def json_of(*words: str, url: str = NOWHERE, **env: str) -> tuple[int, object]:
    """Return (exit status, the one JSON value on stdout)."""
    status, text, _ = run(*words, "--json", url=url, **env)
    assert text.count("\n") == 1, text
    return status, json.loads(text)


@pytest.fixture
def box(tmp_path: Path) -> str:
    return str(tmp_path / "box")


@pytest.fixture
def conductor() -> Iterator[FakeConductor]:
    with FakeConductor() as fake:
        yield fake


def filled(box: str, *texts: str) -> list[str]:
    outbox = Outbox(box)
    tasks = [outbox.add(Wish("text.classify_intent", text, durable=True)).task for text in texts]
    outbox.close()
    return tasks


def test_what_cannot_be_sent_is_kept_and_that_is_a_success(box: str) -> None:
    status, text, said = run("submit", "--outbox", box, "text.classify_intent", "lights on")
    assert status == 0
    assert f"kept (unreachable)  `hive outbox deliver {box}`" in said
    assert json_of("outbox", "list", box)[1][0]["task"] == text.strip()  # type: ignore[index]
    status, shown = json_of("submit", "--no-wait", "text.classify_intent", "b", HIVE_OUTBOX=box)
    assert status == 0
    assert isinstance(shown, dict)
    assert (len(shown["id"]), shown["state"]) == (32, "kept")


def test_the_environment_s_outbox_is_for_those_who_do_not_wait(box: str, conductor: FakeConductor) -> None:
    for words in (("submit",), ("submit", "--no-wait", "--not-durable")):
        status, _, _ = run(
            *words, "text.classify_intent", "lights on", url=conductor.endpoint, HIVE_OUTBOX=box
        )
        assert status == 0
    assert not Path(box).exists()


@pytest.mark.parametrize("words", [("--not-durable",), ("--expires-ms", "5")])
def test_options_that_contradict_each_other_are_wrong_usage(box: str, words: tuple[str, ...]) -> None:
    named = ("--outbox", box) if words == ("--not-durable",) else ()
    status, _, said = run("submit", "text.classify_intent", "a", *words, *named)
    assert status == 2
    assert "--outbox" in said
    assert not Path(box).exists()


def test_a_list_says_why_entries_wait(box: str) -> None:
    tasks = filled(box, "a", "b")
    outbox = Outbox(box)
    outbox.mark(1, EntryState.REFUSED, HiveError("label_forbidden", "phi may not be there."))
    status, rows = json_of("outbox", "list", box)
    assert status == 0
    assert isinstance(rows, list)
    assert [list(row) for row in rows] == [
        ["number", "task", "state", "capability", "size_bytes", "age_ms", "left_ms", "error"]
    ] * 2
    assert [(row["task"], row["state"]) for row in rows] == [(tasks[0], "refused"), (tasks[1], "kept")]
    assert rows[0]["error"] == {"code": "label_forbidden", "detail": "phi may not be there."}
    _, text, _ = run("outbox", "list", box)
    assert "label_forbidden" in text
    assert "1 kept" in text
    assert [row["number"] for row in json_of("outbox", "list", box, "--after", "1")[1]] == [2]  # type: ignore[attr-defined]
    assert json_of("outbox", "list", box, "--state", "accepted") == (0, [])
    assert run("outbox", "list", box, "--state", "done")[0] == CATALOGUE["bad_request"].exit_status


def test_an_entry_is_shown_with_its_request(box: str) -> None:
    (task,) = filled(box, "lights on")
    status, shown = json_of("outbox", "show", box, task)
    assert status == 0
    assert isinstance(shown, dict)
    assert shown["request"] == {"capability": "text.classify_intent", "durable": True, "input": "lights on"}
    assert "never sent" in run("outbox", "show", box, task)[1]
    assert run("outbox", "show", box, "f" * 32)[0] == CATALOGUE["task_unknown"].exit_status


def test_delivery_says_what_came_of_it(box: str, conductor: FakeConductor) -> None:
    tasks = filled(box, "a", "b", "c")
    status, came = json_of("outbox", "deliver", box, "--timeout", "0.1")
    assert status == 1
    assert isinstance(came, dict)
    assert (came["accepted"], came["kept"], came["error"]["code"]) == (0, 3, "unreachable")
    conductor.refusals = [HiveError("label_forbidden", "Not there.")]
    status, _, said = run("outbox", "deliver", box, url=conductor.endpoint)
    assert status == 1
    assert "2 accepted" in said
    assert "1 refused" in said
    assert [message.header.task.hex() for message in conductor.submitted()] == tasks
    assert json_of("outbox", "retry", box) == (0, {"retried": 1})
    nothing = {"accepted": 1, "refused": 0, "kept": 0, "error": None}
    assert json_of("outbox", "deliver", box, url=conductor.endpoint) == (0, nothing)
    assert json_of("outbox", "retry", box) == (1, {"retried": 0})


def test_entries_are_delivered_as_who_put_them_there(box: str, conductor: FakeConductor) -> None:
    run("submit", "--outbox", box, "text.classify_intent", "a", "--principal", "line-3")
    status, _, said = run("outbox", "deliver", box, "--principal", "line-4", url=conductor.endpoint)
    assert status == CATALOGUE["bad_request"].exit_status
    assert "line-3" in said
    status, _, _ = run("outbox", "deliver", box, url=conductor.endpoint, HIVE_PRINCIPAL="line-5")
    assert status == 0
    assert {getattr(message, "name", "line-3") for message in conductor.log} == {"line-3"}


def test_what_is_dropped_must_be_named(box: str) -> None:
    tasks = filled(box, "a", "b")
    assert run("outbox", "drop", box)[0] == CATALOGUE["bad_request"].exit_status
    assert json_of("outbox", "drop", box, tasks[0]) == (0, {"dropped": 1})
    assert json_of("outbox", "drop", box, tasks[0]) == (1, {"dropped": 0})
    assert json_of("outbox", "drop", box, "--accepted", "--refused") == (1, {"dropped": 0})
    Outbox(box).mark(2, EntryState.ACCEPTED)
    assert json_of("outbox", "drop", box, "--accepted") == (0, {"dropped": 1})


def test_looking_for_an_outbox_does_not_make_one(box: str) -> None:
    for words in (("list",), ("deliver",), ("retry",), ("drop", "--accepted")):
        status, _, said = run("outbox", words[0], box, *words[1:])
        assert status == CATALOGUE["outbox_invalid"].exit_status
        assert f"hive submit --outbox {box}" in said
    assert not Path(box).exists()


def test_an_outbox_that_another_process_delivers_is_left_to_it(box: str) -> None:
    filled(box, "a")
    with Outbox(box).delivering():
        status, _, said = run("outbox", "deliver", box)
    assert status == CATALOGUE["outbox_in_use"].exit_status
    assert str(os.getpid()) in said


def test_a_service_delivers_what_is_added_and_may_be_ended(box: str, conductor: FakeConductor) -> None:
    env = {**os.environ, "HIVE_URL": conductor.endpoint, "NO_COLOR": "1"}
    words = [sys.executable, "-m", "hive", "outbox", "deliver", box, "--watch", "--json"]
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True) as service:
        try:
            tasks = filled(box, "a", "b")
            outbox = Outbox(box)
            until(lambda: outbox.counts()["accepted"] == 2, what="the delivery")
            task = filled(box, "c")[0]
            until(lambda: (outbox.find(parse_task_id(task)) or outbox.entries()[0]).state == "accepted")
        finally:
            service.send_signal(signal.SIGTERM)
            lines = service.communicate(timeout=20)[0].splitlines()
    assert service.returncode == -signal.SIGTERM
    assert [json.loads(line) for line in lines] == [
        {"task": task, "state": "accepted", "error": None} for task in (*tasks, task)
    ]
