"""Wishes become submissions and JSON; outcomes become results."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hive.clients.request import DEFAULT_DEADLINE_MS, Catalog, Wish, submit_header, submit_of
from hive.clients.result import Result, result_of, result_of_json
from hive.errors import HiveError
from hive.ids import TaskId, task_id_for_key
from hive.labels import LabelTable
from hive.types import TypeRegistry
from hive.wire.codec import pack_document
from hive.wire.messages import EMPTY, Flag, Outcome

TASK = TaskId(b"t" * 16)
WINDOW = {"source": "p", "channels": ["a"], "interval_s": 1, "values": [[1.0], [None]]}
ROWS = [
    {"capability": "text.shout", "inputs": {"text": "text"}, "output": "text"},
    {"capability": "text.join", "inputs": {"left": "text", "right": "text"}, "output": "text"},
    {"capability": "sensor.look", "inputs": {"window": "sensor.window"}, "output": "anomaly"},
]


def catalog() -> Catalog:
    known = Catalog()
    known.learn(ROWS)
    return known


def test_the_one_declared_input_needs_no_description() -> None:
    assert catalog().encode(Wish("text.shout", "grüß")) == ((), ("grüß".encode(),))


def test_a_stated_subtype_is_described() -> None:
    redacted = {"text": "a", "spans": []}
    inputs, frames = catalog().encode(Wish("text.shout", redacted, input_type="text.redacted"))
    assert inputs == (("text", "text.redacted", 2),)
    assert frames == (b"a", pack_document({"spans": []}))


def test_the_declared_type_may_be_stated_too() -> None:
    assert catalog().encode(Wish("text.shout", "a", input_type="text")) == ((), (b"a",))


def test_inputs_are_described_one_by_one() -> None:
    wish = Wish("text.join", inputs={"right": "b", "left": "a"})
    assert catalog().encode(wish) == ((("right", "text", 1), ("left", "text", 1)), (b"b", b"a"))


def test_a_wanted_type_names_the_type_of_what_is_there() -> None:
    assert catalog().encode(Wish(want="intent", input="a")) == ((("input", "text", 1),), (b"a",))
    inputs, frames = catalog().encode(Wish(want="anomaly", input=WINDOW, input_type="sensor.window"))
    assert inputs == (("input", "sensor.window", 2),)
    assert len(frames[1]) == 2 * 4


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (Wish("text.join", "a"), "input_invalid"),
        (Wish("text.join", inputs={"left": "a"}), "input_invalid"),
        (Wish("text.join", inputs={"left": "a", "middle": "b"}), "input_invalid"),
        (Wish("text.shout", 5), "input_invalid"),
        (Wish("text.shout", "\ud800"), "input_invalid"),
        (Wish("sensor.look", {"values": "x"}), "input_invalid"),
        (Wish("sensor.guess", WINDOW), "capability_unknown"),
        (Wish(want="anomaly", input=WINDOW), "bad_request"),
        (Wish("text.shout", "a", input_type={"text": "text"}), "bad_request"),
        (Wish("text.shout", "a", input_type="no.such"), "type_unknown"),
    ],
)
def test_what_cannot_be_encoded_says_why(wish: Wish, code: str) -> None:
    with pytest.raises(HiveError) as caught:
        catalog().encode(wish)
    assert caught.value.code == code


def test_a_capability_that_is_yet_to_come_may_get_a_text() -> None:
    assert catalog().encode(Wish("text.later", "a")) == ((), (b"a",))


def test_a_submission_goes_by_id_where_the_session_has_one() -> None:
    wish = Wish("text.shout", "a", labels=["pii"], priority=7, durable=True, min_confidence=0.5)
    header = submit_header(3, TASK, 1000, 5, wait=True)
    submit = submit_of(wish, ((), (b"a",)), header, LabelTable(), {"text.shout": 9}, "alice")
    flags = int(Flag.WAIT | Flag.DURABLE)
    assert submit.header == EMPTY._replace(
        flags=flags, priority=7, capability=9, attempt=3, remaining_us=1000, sent_us=5, labels=4, task=TASK
    )
    assert (submit.capability, submit.principal, submit.min_confidence) == ("", "alice", 0.5)
    assert submit_of(wish, ((), (b"a",)), header, LabelTable(), {}).capability == "text.shout"


def test_a_key_decides_the_task_id() -> None:
    assert Wish("x", "a", idempotency_key="k").task_id() == task_id_for_key("k")
    assert Wish("x", "a").task_id() != Wish("x", "a").task_id()


def test_json_leaves_out_what_is_at_its_default() -> None:
    assert Wish("x", "a").as_json() == {"capability": "x", "input": "a"}
    assert Wish("x", "a", labels=("pii",), deadline_ms=DEFAULT_DEADLINE_MS + 1).as_json() == {
        "capability": "x",
        "input": "a",
        "labels": ["pii"],
        "deadline_ms": DEFAULT_DEADLINE_MS + 1,
    }


def test_a_result_survives_its_json() -> None:
    attempts = [
        [0, 3, "cloud/x", "cloud", "", "answered", 0, 9000, "x", "plant"],
        [0, 8, "d/n", "cloud", "sha256:a", "answered", 1500, 2, "x", "cloud"],
    ]
    crossings = [
        ["plant", "cloud", ["internal"], 28, "plants-to-cloud"],
        ["cloud", "plant", ["internal"], 9, "data"],
    ]
    more = {"alone": ["region"], "hedges": [["cloud", 8], ["cloud", 3]]}
    packed = pack_document({"plan": ["x"], "attempts": attempts, "crossings": crossings, **more})
    outcome = Outcome(EMPTY._replace(task=TASK, labels=2), "done", "x", "text", 0.5, {}, packed, (b"hi",))
    result = result_of(outcome, LabelTable(), TypeRegistry())
    shown = result.as_json()
    said = result.provenance
    assert said["attempts"][1] == {  # type: ignore[index]
        "step": 0,
        "attempt": 8,
        "node": "d/n",
        "site": "cloud",
        "model_digest": "sha256:a",
        "ended": "answered",
        "queued_ms": 1.5,
        "run_ms": 0.002,
        "capability": "x",
        "conductor": "cloud",
        "hedge": True,
    }
    assert said["attempts"][0]["hedge"] is False  # type: ignore[index]
    assert (said["plan"], said["alone"], said["via"]) == (["x"], ["region"], [])
    assert said["crossings"] == [
        {"from": "plant", "to": "cloud", "labels": ["internal"], "bytes": 28, "rule": "plants-to-cloud"},
        {"from": "cloud", "to": "plant", "labels": ["internal"], "bytes": 9, "rule": "data"},
    ]
    assert result_of_json(shown).as_json() == shown


def test_an_output_of_a_type_that_nobody_knows_is_an_error() -> None:
    outcome = Outcome(EMPTY, "done", "x", "no.such", body=(b"hi",))
    with pytest.raises(HiveError, match="type_unknown"):
        result_of(outcome, LabelTable(), TypeRegistry())


def test_check_raises_what_the_mesh_said() -> None:
    with pytest.raises(HiveError, match="no_route"):
        Result("ab", "refused", error={"code": "no_route", "detail": "No."}).check()
    with pytest.raises(HiveError, match="still running"):
        Result("ab", "running").check()
    assert Result("ab", "done").check().ok


def test_text_needs_neither_numpy_nor_an_http_library() -> None:
    heavy = "[m for m in ('numpy', 'httpx', 'rich') if m in sys.modules]"
    code = f"import sys, hive.client, hive.clients.direct; print({heavy})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "[]"
