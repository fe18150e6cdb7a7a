"""What a client with an outbox promises, held against each way of asking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hive.clients.outbox import Outbox
from hive.clients.request import Wish
from hive.core.forward import EntryState
from hive.errors import HiveError
from hive.ids import parse_task_id
from hive.wire.messages import Flag
from tests.contract.test_client import KINDS, asking, refused, rig
from tests.fakes.conductor import FakeConductor

SHORT_S = 0.1


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def mesh(kind: str) -> Iterator[tuple[FakeConductor, str]]:
    with rig(kind) as made:
        yield made


def nowhere(kind: str) -> str:
    return "tcp://127.0.0.1:9" if kind.startswith("tcp") else "http://127.0.0.1:9"


def texts(conductor: FakeConductor) -> list[str]:
    """The inputs of the tasks that the conductor was given, repeats left out."""
    first = {
        message.header.task: bytes(message.body[0]).decode() for message in reversed(conductor.submitted())
    }
    return list(reversed(list(first.values())))


def test_what_no_mesh_can_be_asked_for_is_kept_and_delivered_in_order(
    kind: str, mesh: tuple[FakeConductor, str], tmp_path: Path
) -> None:
    with asking(kind, nowhere(kind), SHORT_S, outbox=tmp_path / "box") as client:
        tasks = [client.submit("text.classify_intent", f"w{n} x") for n in range(5)]
        assert [task.state for task in tasks] == ["kept"] * 5
        where = client.task(tasks[0])
        assert (where.state, where.final, where.error["code"]) == ("kept", False, "unreachable")
        assert client.flush(SHORT_S).kept == 5
        assert client.outbox.counts() == {"kept": 5, "accepted": 0, "refused": 0}
    conductor, url = mesh
    with asking(kind, url, outbox=tmp_path / "box") as client:
        came = client.flush(10)
        assert (came.accepted, came.refused, came.kept, came.error) == (5, 0, 0, None)
        assert texts(conductor) == [f"w{n} x" for n in range(5)]
        assert [message.header.task.hex() for message in conductor.submitted()] == [task.id for task in tasks]
        assert {bool(message.header.flags & Flag.DURABLE) for message in conductor.submitted()} == {True}
        assert client.result(tasks[3], 5).output["intent"] == "w3"
        assert client.flush(1).accepted == 0


def test_a_mesh_that_answers_has_it_at_once(
    kind: str, mesh: tuple[FakeConductor, str], tmp_path: Path
) -> None:
    conductor, url = mesh
    with asking(kind, url, outbox=tmp_path / "box") as client:
        task = client.submit("text.classify_intent", "lights on")
        assert task.state == "queued"
        assert client.outbox.counts() == {"kept": 0, "accepted": 1, "refused": 0}
        assert client.result(task, 5).output["intent"] == "lights"
        assert client.run("text.classify_intent", "wait for it").ok
        client.submit("text.classify_intent", "not for long", durable=False)
        assert client.outbox.counts()["accepted"] == 1
        assert len(conductor.submitted()) == 3


def test_what_is_refused_at_once_is_its_caller_s_to_hear(
    kind: str, mesh: tuple[FakeConductor, str], tmp_path: Path
) -> None:
    conductor, url = mesh
    with asking(kind, url, outbox=tmp_path / "box") as client:
        conductor.refusals = [HiveError("label_forbidden", "Not there.", rule="r-1")]
        error = refused(lambda: client.submit("text.classify_intent", "x"))
        assert (error.code, error.context["rule"]) == ("label_forbidden", "r-1")
        assert client.outbox.entries() == []


def test_what_is_refused_later_is_kept_for_the_user_and_holds_up_nothing(
    kind: str, mesh: tuple[FakeConductor, str], tmp_path: Path
) -> None:
    with asking(kind, nowhere(kind), SHORT_S, outbox=tmp_path / "box") as client:
        tasks = [client.submit("text.classify_intent", f"w{n} x") for n in range(3)]
    conductor, url = mesh
    conductor.refusals = [HiveError("label_forbidden", "Not there.", rule="r-1")]
    with asking(kind, url, outbox=tmp_path / "box") as client:
        came = client.flush(10)
        assert (came.accepted, came.refused, came.kept) == (2, 1, 0)
        result = client.result(tasks[0], 5)
        assert (result.state, result.error["code"], result.error["rule"]) == (
            "refused",
            "label_forbidden",
            "r-1",
        )
        assert client.cancel(tasks[0]).state == "refused"
        client.outbox.retry(parse_task_id(tasks[0].id))
        assert client.result(tasks[0], 10).output["intent"] == "w0"


def test_a_full_queue_is_waited_for(kind: str, mesh: tuple[FakeConductor, str], tmp_path: Path) -> None:
    conductor, url = mesh
    conductor.refusals = [HiveError("queue_full", "Full.", retry_after_ms=1) for _ in range(2)]
    with asking(kind, url, outbox=tmp_path / "box") as client:
        task = client.submit("text.classify_intent", "w0 x")
        assert task.state == "kept"
        assert client.outbox.entries()[0].error["code"] == "queue_full"
        assert client.flush(30).accepted == 1
        assert len(conductor.submitted()) == 3
        assert len({message.header.task for message in conductor.submitted()}) == 1


def test_a_task_that_was_never_sent_is_taken_back(kind: str, tmp_path: Path) -> None:
    with (
        Outbox(tmp_path / "box").delivering(),
        asking(kind, nowhere(kind), SHORT_S, outbox=tmp_path / "box") as client,
    ):
        task = client.submit(
            "text.classify_intent", "w0 x"
        )  # another process delivers, so this one sends nothing
        assert client.cancel(task).state == "cancelled"
        assert client.outbox.entries() == []


def test_a_task_that_may_have_been_accepted_is_cancelled_where_it_is(
    kind: str, mesh: tuple[FakeConductor, str], tmp_path: Path
) -> None:
    box = Outbox(tmp_path / "box")
    entry = box.add(Wish("text.hang", "x", durable=True))
    box.note_sent(entry.number)
    box.close()
    _, url = mesh
    with asking(kind, url, outbox=tmp_path / "box") as client:
        assert refused(lambda: client.cancel(entry.task)).code == "task_unknown"
        client.flush(10)
        assert client.cancel(entry.task).state == "cancelled"
        assert client.outbox.counts()["kept"] == 0


def test_what_waited_too_long_is_not_sent(kind: str, mesh: tuple[FakeConductor, str], tmp_path: Path) -> None:
    conductor, url = mesh
    with Outbox(tmp_path / "box").delivering(), asking(kind, url, outbox=tmp_path / "box") as client:
        late = client.submit("text.classify_intent", "late", expires_ms=1)
        client.submit("text.classify_intent", "early", expires_ms=3_600_000)
    box = Outbox(tmp_path / "box")
    while (box.entries()[0].left_ms or 0) > 0:
        continue
    with asking(kind, url, outbox=tmp_path / "box") as client:
        came = client.flush(10)
        assert (came.accepted, came.refused) == (1, 1)
        assert client.task(late).error["code"] == "expired"
        assert texts(conductor) == ["early"]


def test_an_entry_that_was_accepted_without_a_receipt_is_the_same_task(
    kind: str, mesh: tuple[FakeConductor, str], tmp_path: Path
) -> None:
    conductor, url = mesh
    with asking(kind, url, outbox=tmp_path / "box") as client:
        task = client.submit("text.classify_intent", "w0 x", idempotency_key="k-1")
    box = Outbox(tmp_path / "box")
    box.drop(parse_task_id(task.id))  # as if the mark had been lost with the power
    box.add(Wish("text.classify_intent", "w0 x", idempotency_key="k-1", durable=True))
    box.close()
    with asking(kind, url, outbox=tmp_path / "box") as client:
        assert client.flush(10).accepted == 1
        assert {message.header.task.hex() for message in conductor.submitted()} == {task.id}
        assert client.result(task, 5).output["intent"] == "w0"


def test_a_wrong_token_stops_the_delivery_and_blames_no_entry(
    kind: str, mesh: tuple[FakeConductor, str], tmp_path: Path
) -> None:
    conductor, url = mesh
    conductor.refusals = [HiveError("unauthenticated", "No such token.") for _ in range(2)]
    with asking(kind, url, outbox=tmp_path / "box") as client:
        task = client.submit("text.classify_intent", "w0 x")
        assert task.state == "kept"
        assert refused(lambda: client.flush(5)).code == "unauthenticated"
        assert client.outbox.find(parse_task_id(task.id)).state == EntryState.KEPT.value
        assert client.flush(5).accepted == 1


def test_waiting_for_a_kept_task_gives_up_after_its_timeout(kind: str, tmp_path: Path) -> None:
    with asking(kind, nowhere(kind), SHORT_S, outbox=tmp_path / "box") as client:
        task = client.submit("text.classify_intent", "x")
        assert refused(lambda: client.result(task, 0.2)).code == "expired"


def test_two_that_deliver_are_told_of_each_other(kind: str, tmp_path: Path) -> None:
    with (
        Outbox(tmp_path / "box").delivering(),
        asking(kind, nowhere(kind), SHORT_S, outbox=tmp_path / "box") as client,
    ):
        assert refused(lambda: client.flush(0.1)).code == "outbox_in_use"


def test_a_client_without_an_outbox_says_how_to_have_one(kind: str) -> None:
    with asking(kind, nowhere(kind), SHORT_S) as client:
        for call in (client.flush, lambda: client.submit("a.b", "x", expires_ms=5)):
            assert "outbox=PATH" in refused(call).detail
