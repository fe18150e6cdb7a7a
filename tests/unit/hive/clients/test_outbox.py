"""The outbox's file: what is added stays through torn writes, full disks and other processes."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hive.clients.moment import Moment
from hive.clients.outbox import Outbox
from hive.clients.request import Wish
from hive.core.forward import EntryState
from hive.errors import HiveError
from hive.ids import parse_task_id, task_id_for_key

ACCEPTED, KEPT, REFUSED = EntryState.ACCEPTED, EntryState.KEPT, EntryState.REFUSED
HOUR_US = 3_600_000_000


def wish(text: str, **more: object) -> Wish:
    return Wish("text.classify_intent", text, **more)  # type: ignore[arg-type]


def code_of(error: pytest.ExceptionInfo[HiveError]) -> str:
    return error.value.code


class Clock:
    """A machine whose clocks go as a test says."""

    def __init__(self) -> None:
        self.moment = Moment("boot-1", 1_000_000, HOUR_US)

    def __call__(self) -> Moment:
        return self.moment


def test_entries_come_back_in_the_order_of_writing(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "box")
    tasks = [box.add(wish(f"w{n}")).task for n in range(5)]
    box.close()
    again = Outbox(tmp_path / "box")
    assert [entry.task for entry in again.entries()] == tasks
    assert [entry.wish().input for entry in again.entries()] == [f"w{n}" for n in range(5)]
    first = again.first()
    assert first is not None
    assert (first.task, first.state, first.sent, first.left_ms) == (tasks[0], "kept", False, None)
    assert again.counts() == {"kept": 5, "accepted": 0, "refused": 0}
    assert [entry.task for entry in again.entries(after=2, limit=2)] == tasks[2:4]


def test_a_wish_comes_back_as_it_was(tmp_path: Path) -> None:
    rows = np.array([[1.0, np.nan]], dtype=np.float32)
    asked = Wish(
        "sensor.detect_anomaly",
        {"channels": ["a", "b"], "values": rows},
        labels=("pii",),
        deadline_ms=9,
        priority=7,
        min_confidence=0.5,
        durable=True,
        hold=True,
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    found = Outbox(tmp_path / "box").add(asked).wish()
    assert found.as_json() == asked.as_json()
    assert found.input == {"channels": ["a", "b"], "values": [[1.0, None]]}


def test_a_key_is_one_entry_under_its_own_id(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "box")
    first = box.add(wish("a", idempotency_key="k"))
    assert first.task == task_id_for_key("k").hex()
    assert box.add(wish("a", idempotency_key="k")).number == first.number
    with pytest.raises(HiveError, match="a different request") as caught:
        box.add(wish("b", idempotency_key="k"))
    assert code_of(caught) == "key_conflict"
    box.mark(first.number, ACCEPTED)
    assert box.add(wish("a", idempotency_key="k")).state == "accepted"


def test_a_wish_that_nobody_could_fulfil_is_not_kept(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "box")
    for bad, expires_ms in ((wish("a", priority=10), None), (wish("a"), 0)):
        with pytest.raises(HiveError) as caught:
            box.add(bad, expires_ms=expires_ms)
        assert code_of(caught) == "bad_request"
    assert box.entries() == []


def test_an_outbox_has_one_principal(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "box")
    assert box.principal() is None
    box.add(wish("a"), "line-3")
    assert box.principal() == "line-3"
    with pytest.raises(HiveError, match="'line-3'") as caught:
        box.add(wish("b"), "line-4")
    assert code_of(caught) == "bad_request"


def test_it_is_bounded_in_entries_and_bytes_and_what_is_accepted_counts_no_more(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "box", max_entries=2, max_bytes=10_000)
    first = box.add(wish("a"))
    second = box.add(wish("b"))
    with pytest.raises(HiveError, match="2 entries") as caught:
        box.add(wish("c"))
    assert code_of(caught) == "outbox_full"
    box.mark(second.number, REFUSED, HiveError("label_forbidden", "No."))
    with pytest.raises(HiveError, match="1 of them refused"):
        box.add(wish("c"))
    box.mark(first.number, ACCEPTED)
    box.add(wish("c"))
    box.drop(parse_task_id(second.task))
    with pytest.raises(HiveError, match="10000 bytes") as caught:
        box.add(wish("x" * 10_000))
    assert code_of(caught) == "outbox_full"


def test_what_became_of_an_entry_is_written_once(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "box")
    entry = box.add(wish("a"))
    box.mark(entry.number, KEPT, HiveError("queue_full", "Full.", retry_after_ms=5))
    found = box.find(parse_task_id(entry.task))
    assert found is not None
    assert found.error == {"code": "queue_full", "detail": "Full.", "retry_after_ms": 5}
    box.mark(entry.number, ACCEPTED)
    box.mark(entry.number, REFUSED, HiveError("expired"))
    found = box.find(parse_task_id(entry.task))
    assert found is not None
    assert (found.state, found.body, found.size_bytes, found.error) == ("accepted", {}, 0, None)
    assert box.first() is None


def test_what_was_refused_can_be_tried_again_at_its_place(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "box")
    first, second = box.add(wish("a")), box.add(wish("b"))
    box.mark(first.number, REFUSED, HiveError("label_forbidden", "No."))
    task = parse_task_id(first.task)
    assert box.retry(task)
    assert not box.retry(task)
    assert [entry.task for entry in box.entries(("kept",))] == [first.task, second.task]


def test_only_what_was_never_sent_is_taken_back(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "box")
    entries = [box.add(wish(str(n))) for n in range(70)]
    box.note_sent(entries[0].number)
    assert [entry.sent for entry in box.entries()] == [True] * 64 + [False] * 6
    assert not box.drop(parse_task_id(entries[0].task), unsent=True)
    assert box.drop(parse_task_id(entries[-1].task), unsent=True)
    assert box.drop_all(("kept",)) == 69
    assert box.entries() == []


def test_one_delivers_at_a_time_and_the_other_hears_who(tmp_path: Path) -> None:
    one, two = Outbox(tmp_path / "box"), Outbox(tmp_path / "box")
    with one.delivering():
        with pytest.raises(HiveError, match=f"Process {os.getpid()} ") as caught, two.delivering():
            pass
        assert code_of(caught) == "outbox_in_use"
        assert two.add(wish("a")).number == 1  # anybody may add meanwhile
    with two.delivering():
        pass


def test_a_process_that_is_killed_lets_go_of_it(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from hive.clients.outbox import Outbox\n"
        "box = Outbox(sys.argv[1])\n"
        "with box.delivering():\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "box")], timeout=60, check=False)
    with Outbox(tmp_path / "box").delivering():
        pass


def test_a_torn_tail_costs_only_what_was_not_whole(tmp_path: Path) -> None:
    """Cut the log at many places, as a loss of power might: what is left is what was added first, and it goes on."""
    box = Outbox(tmp_path / "box")
    tasks = [box.add(wish(f"w{n}")).task for n in range(4)]
    log = (tmp_path / "box-wal").read_bytes()
    seen = set()
    for length in [*range(0, len(log), 97), len(log)]:
        place = tmp_path / f"cut-{length}"
        place.mkdir()
        shutil.copy(tmp_path / "box", place / "box")
        (place / "box-wal").write_bytes(log[:length])
        cut = Outbox(place / "box")
        found = [entry.task for entry in cut.entries()]
        assert found == tasks[: len(found)]
        assert cut.add(wish("new")).task not in found
        assert len(cut.entries()) == len(found) + 1
        seen.add(len(found))
        cut.close()
        shutil.rmtree(place)
    assert seen == {0, 1, 2, 3, 4}


def test_a_tail_of_rubbish_is_not_there(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "box")
    tasks = [box.add(wish(f"w{n}")).task for n in range(3)]
    shutil.copy(tmp_path / "box", tmp_path / "other")
    log = (tmp_path / "box-wal").read_bytes()
    (tmp_path / "other-wal").write_bytes(log[:-3000] + os.urandom(3000))
    found = [entry.task for entry in Outbox(tmp_path / "other").entries()]
    assert found == tasks[: len(found)]
    assert len(found) < 3


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to be one" * 100])
def test_another_kind_of_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "box").write_bytes(content)
    with pytest.raises(HiveError) as caught:
        Outbox(tmp_path / "box")
    assert code_of(caught) == "outbox_invalid"
    assert (tmp_path / "box").read_bytes() == content


def test_a_database_of_something_else_and_one_of_later_are_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "else") as db:
        db.execute("CREATE TABLE other (x)")
    db.close()
    Outbox(tmp_path / "later").close()
    with sqlite3.connect(tmp_path / "later") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    for name, word in (("else", "something else"), ("later", "a later version")):
        with pytest.raises(HiveError, match=word) as caught:
            Outbox(tmp_path / name)
        assert code_of(caught) == "outbox_invalid"


def test_a_folder_and_a_place_below_a_file_are_no_outbox(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for place in (tmp_path, tmp_path / "file" / "box"):
        with pytest.raises(HiveError) as caught:
            Outbox(place)
        assert code_of(caught) in {"outbox_invalid", "state_unwritable"}


def test_a_disk_that_takes_no_more_keeps_what_was_there(tmp_path: Path) -> None:
    code = (
        "import resource, sys\n"
        "from hive.clients.outbox import Outbox\n"
        "from hive.clients.request import Wish\n"
        "from hive.errors import HiveError\n"
        "box = Outbox(sys.argv[1])\n"
        "box.add(Wish('text.classify_intent', 'a'))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))\n"
        "try:\n"
        "    box.add(Wish('text.classify_intent', 'x' * 100_000))\n"
        "except HiveError as error:\n"
        "    print(error.code, len(box.entries()))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "box.add(Wish('text.classify_intent', 'x' * 100_000))\n"
        "print(len(box.entries()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "box")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("state_unwritable 1\n2\n", "")


def test_an_input_that_was_accepted_is_overwritten(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "box")
    entry = box.add(wish("anna@example.org"))
    box.mark(entry.number, ACCEPTED)
    box.close()
    assert [path.name for path in tmp_path.iterdir()] == ["box"]
    assert b"anna@example.org" not in (tmp_path / "box").read_bytes()


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "box")
    box.add(wish("a"))
    assert {path.name: path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {
        "box": 0,
        "box-wal": 0,
        "box-shm": 0,
    }


def test_age_follows_the_machine_and_not_its_wall_clock(tmp_path: Path) -> None:
    clock = Clock()
    box = Outbox(tmp_path / "box", moment=clock)
    box.add(wish("a"), expires_ms=60_000)
    clock.moment = Moment("boot-1", 31_000_000, 24 * HOUR_US)  # a day's jump, and half a minute
    entry = box.entries()[0]
    assert (entry.age_ms, entry.left_ms) == (30_000, 30_000)
    assert entry.item().left_us == 30_000_000
    clock.moment = Moment("boot-2", 5_000_000, HOUR_US + 120_000_000)  # started anew, two minutes later
    assert box.entries()[0].left_ms == -60_000


def test_ages_across_starts() -> None:
    before = Moment("one", 9_000_000, 50_000_000)
    assert before.age_us(Moment("one", 9_500_000, 0)) == 500_000
    assert before.age_us(Moment("two", 1_000_000, 70_000_000)) == 20_000_000
    assert (
        before.age_us(Moment("two", 3_000_000, 10_000_000)) == 3_000_000
    )  # the clock went back: no less than this
    assert Moment("", 0, 50).age_us(Moment("", 0, 40)) == 0
