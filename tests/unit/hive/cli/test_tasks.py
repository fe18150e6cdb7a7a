"""`hive submit`, `explain` and `task` in front of a conductor that answers by rule."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from hive.cli.app import app
from hive.errors import CATALOGUE, HiveError
from tests.fakes.conductor import FakeConductor
from tests.fakes.gateway import FakeView, GatewayThread

API_FIELDS = [
    "id", "state", "capability", "output_type", "output",
    "confidence", "unsure", "labels", "error", "provenance",
]  # fmt: skip
UNKNOWN = "f" * 32


class Shell:
    """Runs commands against one address."""

    def __init__(self, url: str, conductor: FakeConductor) -> None:
        self.url = url
        self.conductor = conductor

    def run(self, *words: str) -> tuple[int, str, str]:
        """Return (exit status, stdout, stderr)."""
        env = {"HIVE_URL": self.url, "COLUMNS": "160", "NO_COLOR": "1", "HIVE_PRINCIPAL": None}
        done = CliRunner().invoke(app, list(words), env=env)
        return done.exit_code, done.stdout, done.stderr

    def json(self, *words: str) -> tuple[int, object]:
        """Return (exit status, the one JSON value on stdout)."""
        status, text, _ = self.run(*words, "--json")
        assert text.count("\n") == 1, text
        return status, json.loads(text)


@pytest.fixture(scope="module")
def conductor() -> Iterator[FakeConductor]:
    with FakeConductor() as fake:
        yield fake


@pytest.fixture(scope="module")
def gateway(conductor: FakeConductor) -> Iterator[GatewayThread]:
    with GatewayThread(conductor.endpoint, view=FakeView()) as thread:
        yield thread


@pytest.fixture(params=["tcp", "http"])
def shell(request: pytest.FixtureRequest, conductor: FakeConductor, gateway: GatewayThread) -> Shell:
    """Commands give the same over both ways."""
    return Shell(conductor.endpoint if request.param == "tcp" else gateway.url, conductor)


def test_submit_prints_the_api_s_json_and_nothing_else(shell: Shell) -> None:
    status, task = shell.json("submit", "text.classify_intent", "switch on")
    assert status == 0
    assert isinstance(task, dict)
    assert list(task) == API_FIELDS
    assert (task["state"], task["output"]["intent"]) == ("done", "switch")
    assert task["provenance"]["attempts"][0] == {
        "step": 0,
        "attempt": 1,
        "node": "press-1/intent",
        "site": "plant-a",
        "model_digest": "sha256:ab",
        "ended": "done",
        "queued_ms": 0.12,
        "run_ms": 2.5,
        "capability": "text.classify_intent",
        "conductor": "plant-a",
        "hedge": False,
    }


def test_submit_shows_answer_confidence_node_and_times(shell: Shell) -> None:
    status, text, said = shell.run("submit", "text.classify_intent", "switch on")
    assert (status, said) == (0, "")
    for part in ("switch", "confidence 0.88", "press-1/intent", "0.12 ms", "2.5 ms", "labels internal"):
        assert part in text


def test_submit_by_want_and_what_goes_along(shell: Shell) -> None:
    status, task = shell.json(
        "submit", "--want", "intent", "hello there", "-l", "pii", "--label", "internal", "--deadline-ms", "5000",
        "--priority", "9", "--min-confidence", "0.95",
    )  # fmt: skip
    assert status == 0
    assert isinstance(task, dict)
    assert (task["capability"], task["unsure"]) == ("text.classify_intent", True)
    assert sorted(task["labels"]) == ["internal", "pii"]
    sent = shell.conductor.submitted()[-1]
    assert sent.want == "intent"
    assert sent.header.priority == 9
    assert 0 < sent.header.remaining_us <= 5_000_000


def test_submit_of_a_json_object(shell: Shell) -> None:
    window = {"source": "pump-7", "start": "2026-01-01T00:00:00Z", "channels": ["t"], "interval_s": 60}
    status, task = shell.json(
        "submit", "sensor.detect_anomaly", json.dumps({**window, "values": [[1.0], [None]]})
    )
    assert status == 0
    assert isinstance(task, dict)
    assert task["output"]["score"] == 2.0


def test_the_same_key_is_the_same_task(shell: Shell) -> None:
    words = ("submit", "text.classify_intent", "once", "--key", f"order-{shell.url}")
    first, second = shell.json(*words)[1], shell.json(*words)[1]
    assert isinstance(first, dict)
    assert first == second


def test_a_failed_task_leaves_with_the_status_of_its_error(shell: Shell) -> None:
    status, task = shell.json("submit", "text.fail", "x")
    assert isinstance(task, dict)
    assert (task["state"], task["error"]["code"]) == ("failed", "attempts_exhausted")
    assert status == CATALOGUE["attempts_exhausted"].exit_status
    status, text, _ = shell.run("submit", "text.fail", "x")
    assert status == CATALOGUE["attempts_exhausted"].exit_status
    assert "Two nodes tried." in text


def test_a_refused_task_is_a_sentence_on_stderr(shell: Shell) -> None:
    shell.conductor.refusals.append(
        HiveError("forbidden", "Rule 'office' does not permit it.", rule="office")
    )
    status, text, said = shell.run("submit", "text.classify_intent", "x")
    assert (status, text) == (CATALOGUE["forbidden"].exit_status, "")
    assert "forbidden  Rule 'office' does not permit it." in said


def test_a_refusal_with_json_is_one_json_value_too(shell: Shell) -> None:
    shell.conductor.refusals.append(HiveError("forbidden", "No.", rule="office"))
    status, problem = shell.json("submit", "text.classify_intent", "x")
    assert status == CATALOGUE["forbidden"].exit_status
    assert isinstance(problem, dict)
    assert (problem["code"], problem["detail"], problem["rule"]) == ("forbidden", "No.", "office")


def test_no_wait_prints_the_id_which_show_takes(shell: Shell) -> None:
    status, text, _ = shell.run("submit", "text.classify_intent", "later", "--no-wait")
    assert status == 0
    ident = text.strip()
    assert len(ident) == 32
    status, task = shell.json("task", "show", ident)
    assert status == 0
    assert isinstance(task, dict)
    assert (task["id"], task["state"], task["output"]["intent"]) == (ident, "done", "later")


def test_cancel_says_whether_it_came_in_time(shell: Shell) -> None:
    _, running = shell.json("submit", "text.hang", "x", "--no-wait")
    assert isinstance(running, dict)
    status, task = shell.json("task", "cancel", running["id"])
    assert isinstance(task, dict)
    assert (status, task["state"]) == (0, "cancelled")
    _, done = shell.json("submit", "text.classify_intent", "x")
    assert isinstance(done, dict)
    status, text, said = shell.run("task", "cancel", done["id"])
    assert (status, text, said) == (1, "", "too late: it is done\n")


def test_a_list_by_state_and_page(shell: Shell) -> None:
    shell.run("submit", "text.fail", "x")
    for _ in range(2):
        shell.run("submit", "text.classify_intent", "x")
    status, rows = shell.json("task", "list", "--state", "done", "--limit", "2")
    assert status == 0
    assert isinstance(rows, list)
    assert [row["state"] for row in rows] == ["done", "done"]
    status, older = shell.json(
        "task", "list", "--state", "done", "--limit", "1", f"--before={rows[0]['cursor']}"
    )
    assert isinstance(older, list)
    assert [row["id"] for row in older] == [rows[1]["id"]]
    status, text, said = shell.run("task", "list", "-s", "failed", "-s", "done", "--limit", "1")
    assert status == 0
    assert "--before=" in said
    assert "text.classify_intent" in text
    assert shell.run("task", "list", "--state", "finished")[0] == CATALOGUE["bad_request"].exit_status
    assert shell.run("task", "list", "--limit", "0")[0] == 2


def test_no_dead_letters_is_a_success(conductor: FakeConductor) -> None:
    shell = Shell(conductor.endpoint, conductor)
    assert shell.run("task", "dead-letters")[:2] == (0, "No dead letters.\n")
    assert shell.json("task", "dead-letters") == (0, [])


def test_retry_runs_what_failed_again(shell: Shell) -> None:
    _, failed = shell.json("submit", "text.fail", "x")
    assert isinstance(failed, dict)
    status, text, said = shell.run("task", "retry", failed["id"])
    assert status == 0
    assert "at last" in text
    assert "retried as" in said
    status, again = shell.json("task", "retry", failed["id"], "--no-wait")
    assert isinstance(again, dict)
    assert (status, set(again), len(again["id"])) == (0, {"id", "state"}, 32)
    status, task = shell.json("task", "retry", failed["id"])
    assert isinstance(task, dict)
    assert (task["id"], task["output"]) == (again["id"], "at last")
    assert shell.run("task", "retry", again["id"])[0] == CATALOGUE["not_retryable"].exit_status


@pytest.mark.parametrize("command", ["show", "cancel", "retry"])
def test_a_task_that_is_not_there(shell: Shell, command: str) -> None:
    assert shell.run("task", command, UNKNOWN)[0] == CATALOGUE["task_unknown"].exit_status
    status, _, said = shell.run("task", command, "12")
    assert status == 2
    assert "write its 32 hexadecimal digits" in said


def test_explain_exits_0_for_what_would_run(shell: Shell) -> None:
    status, found = shell.json("explain", "text.classify_intent", "x")
    assert isinstance(found, dict)
    assert (status, found["refused"], found["plan"]) == (0, None, ["text.classify_intent"])


def test_watch_follows_until_the_outcome(conductor: FakeConductor, gateway: GatewayThread) -> None:
    shell = Shell(gateway.url, conductor)
    ident = shell.run("submit", "text.classify_intent", "x", "--no-wait")[1].strip()
    status, seen = shell.json("task", "watch", ident)
    assert isinstance(seen, dict)
    assert (status, seen["outcome"]["state"]) == (0, "done")
    status, text, said = shell.run("task", "watch", ident)
    assert status == 0
    assert "confidence 0.88" in text
    assert "running" in said


def test_watch_needs_a_gateway(conductor: FakeConductor) -> None:
    status, _, said = Shell(conductor.endpoint, conductor).run("task", "watch", UNKNOWN)
    assert status == 2
    assert "http://" in said


@pytest.mark.parametrize("words", ["submit text.classify_intent", "submit --want intent"])
def test_a_task_without_its_input_is_wrong_usage(shell: Shell, words: str) -> None:
    status, error = shell.json(*words.split())
    assert status == 2
    assert isinstance(error, dict)
    assert error["detail"].startswith("INPUT is missing")
