"""What a client promises, held against each way of asking: tcp and http, waiting and asynchronous."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from hive.client import AsyncClient, Client
from hive.clients.result import Result, Task
from hive.errors import HiveError
from hive.wire.messages import Flag
from tests.fakes.conductor import FakeConductor
from tests.fakes.gateway import FakeView, GatewayThread

WINDOW = {
    "source": "pump-7",
    "channels": ["a", "b"],
    "interval_s": 60,
    "values": [[1.0, 2.0], [None, 3.0], [1, 1]],
}
KINDS = ("tcp", "http", "tcp-async", "http-async")


class Blocking:
    """An AsyncClient whose coroutines are run to their end, so that one suite serves both."""

    def __init__(self, client: AsyncClient, runner: asyncio.Runner) -> None:
        self._client = client
        self._runner = runner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)
        if not callable(method):
            return method  # type: ignore[no-any-return]

        def call(*args: object, **options: object) -> object:
            assert inspect.iscoroutinefunction(method)
            return self._runner.run(method(*args, **options))

        return call


@contextmanager
def rig(kind: str) -> Iterator[tuple[FakeConductor, str]]:
    """Yield a conductor and the address to ask it at."""
    with FakeConductor() as fake:
        if kind.startswith("tcp"):
            yield fake, fake.endpoint
            return
        with GatewayThread(fake.endpoint, view=FakeView()) as gateway:
            yield fake, gateway.url


@contextmanager
def asking(kind: str, url: str, connect_timeout_s: float = 2.0, **options: Any) -> Iterator[Any]:
    if not kind.endswith("async"):
        with Client(url, connect_timeout_s=connect_timeout_s, **options) as waiting:
            yield waiting
        return
    with asyncio.Runner() as runner:
        asked = Blocking(AsyncClient(url, connect_timeout_s=connect_timeout_s, **options), runner)
        yield asked
        asked.close()


@pytest.fixture(params=KINDS, scope="module")
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def mesh(kind: str) -> Iterator[tuple[FakeConductor, str]]:
    with rig(kind) as made:
        yield made


@pytest.fixture
def conductor(mesh: tuple[FakeConductor, str]) -> FakeConductor:
    mesh[0].refusals = []
    mesh[0].log.clear()
    return mesh[0]


@pytest.fixture
def mesh_url(mesh: tuple[FakeConductor, str], conductor: FakeConductor) -> str:
    """The address to ask; a real mesh's works as well."""
    assert not conductor.refusals  # asked for, so that no test inherits what another set up
    return mesh[1]


@pytest.fixture
def client(kind: str, mesh_url: str) -> Iterator[Any]:
    with asking(kind, mesh_url) as made:
        yield made


def refused(call: Callable[[], object]) -> HiveError:
    with pytest.raises(HiveError) as caught:
        call()
    return caught.value


def test_a_text_gets_its_answer(client: Any) -> None:
    result = client.run("text.classify_intent", "lights on", labels=["pii"])
    assert isinstance(result, Result)
    assert (result.state, result.capability, result.output_type) == ("done", "text.classify_intent", "intent")
    assert result.output == {"intent": "lights", "scores": {"lights": 0.9}}
    assert (result.confidence, result.unsure, result.labels, result.error) == (0.875, False, ("pii",), None)


def test_provenance_has_the_form_of_the_api(client: Any) -> None:
    result = client.run("text.classify_intent", "lights on")
    attempt = {
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
    nowhere_else: dict[str, object] = {"crossings": [], "alone": [], "via": [], "trace": None}
    assert result.provenance == {"plan": ["text.classify_intent"], "attempts": [attempt], **nowhere_else}


def test_the_json_is_the_same_from_every_client(client: Any) -> None:
    shown = client.run("text.classify_intent", "lights on").as_json()
    assert list(json.loads(json.dumps(shown))) == [
        "id", "state", "capability", "output_type", "output", "confidence", "unsure", "labels", "error", "provenance",
    ]  # fmt: skip
    assert len(shown["id"]) == 32


def test_arrays_and_lists_are_the_same_window(client: Any) -> None:
    rows = np.array([[1.0, 2.0], [np.nan, 3.0], [1.0, 1.0]], dtype=np.float32)
    for values in (WINDOW["values"], rows):
        assert client.run("sensor.detect_anomaly", {**WINDOW, "values": values}).output["score"] == 3.0


def test_context_comes_back_as_the_caller_can_send_it_again(client: Any) -> None:
    context = client.run("sensor.detect_anomaly", WINDOW).output["context"]
    assert client.run("sensor.detect_anomaly", {**WINDOW, "context": context}).ok


def test_a_wanted_type_is_enough(client: Any) -> None:
    assert client.run(want="intent", input="dim it").output["intent"] == "dim"


def test_several_inputs_go_by_name(client: Any) -> None:
    assert client.run("text.pair", inputs={"left": "a", "right": "b"}).output == "a+b"
    assert refused(lambda: client.run("text.pair", inputs={"left": "a"})).code == "input_invalid"
    assert refused(lambda: client.run("text.pair", "a")).code == "input_invalid"


def test_min_confidence_marks_what_is_below_it(client: Any) -> None:
    assert client.run("text.classify_intent", "lights on", min_confidence=0.95).unsure


def test_a_failed_task_is_a_result_whose_check_raises(client: Any) -> None:
    result = client.run("text.fail", "x")
    assert (result.state, result.ok, result.output) == ("failed", False, None)
    error = refused(result.check)
    assert (error.code, error.detail, error.context["tries"]) == ("attempts_exhausted", "Two nodes tried.", 2)


def test_what_is_not_accepted_raises_with_its_context(client: Any) -> None:
    error = refused(lambda: client.run("text.unheard_of", "x"))
    assert error.code == "capability_unknown"
    assert "text.classify_intent" in error.context["candidates"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"labels": ["secret"]}, "bad_request"),
        ({"priority": 10}, "bad_request"),
        ({"deadline_ms": 0}, "bad_request"),
        ({"min_confidence": 2.0}, "bad_request"),
        ({"want": "intent"}, "bad_request"),
        ({"input_type": "no.such"}, "type_unknown"),
    ],
)
def test_a_wrong_argument_is_named(client: Any, options: dict[str, object], code: str) -> None:
    error = refused(lambda: client.run("text.classify_intent", "x", **options))
    assert error.code == code
    assert (
        str(next(iter(options.values()))).strip("[]'") in error.detail or next(iter(options)) in error.detail
    )


def test_an_input_of_the_wrong_form_is_refused(client: Any) -> None:
    assert refused(lambda: client.run("text.classify_intent", {"a": 1})).code == "input_invalid"
    ragged = {**WINDOW, "values": [[1.0], [1.0, 2.0]]}
    assert refused(lambda: client.run("sensor.detect_anomaly", ragged)).code == "input_invalid"


def test_submit_returns_at_once_and_result_waits(client: Any) -> None:
    task = client.submit("text.classify_intent", "lights on")
    assert isinstance(task, Task)
    assert client.result(task, 5).output["intent"] == "lights"
    assert client.result(task.id, 5).id == task.id
    assert client.task(task).state == "done"


def test_result_gives_up_after_its_timeout_and_the_task_goes_on(client: Any) -> None:
    task = client.submit("text.hang", "x")
    assert refused(lambda: client.result(task, 0.05)).code == "expired"
    assert client.task(task).state == "running"
    assert not client.task(task).final


def test_cancel_gives_the_one_outcome(client: Any) -> None:
    task = client.submit("text.hang", "x")
    assert client.cancel(task).state == "cancelled"
    assert client.result(task, 5).state == "cancelled"
    done = client.submit("text.classify_intent", "lights on")
    assert client.cancel(done).state == "done"


def test_a_strange_task_is_unknown(client: Any) -> None:
    for call in (client.task, client.cancel, lambda task: client.result(task, 5)):
        assert refused(lambda call=call: call("00" * 16)).code == "task_unknown"
        assert refused(lambda call=call: call("zz")).code == "bad_request"


def test_a_key_is_one_task(client: Any) -> None:
    first = client.run("text.classify_intent", "lights on", idempotency_key="k-1")
    assert client.run("text.classify_intent", "lights on", idempotency_key="k-1").id == first.id
    assert client.run("text.classify_intent", "lights on").id != first.id


def test_a_submission_that_nobody_waits_for_is_durable_unless_it_says_otherwise(
    client: Any, conductor: FakeConductor
) -> None:
    client.submit("text.classify_intent", "a")
    client.submit("text.classify_intent", "b", durable=False)
    client.run("text.classify_intent", "c")
    client.run("text.classify_intent", "d", durable=True)
    flags = [bool(message.header.flags & Flag.DURABLE) for message in conductor.submitted()]
    assert flags == [True, False, False, True]


def test_tasks_are_listed_by_state_and_page_the_newest_first(kind: str) -> None:
    with rig(kind) as (_, url), asking(kind, url) as client:
        done = [client.run("text.classify_intent", f"w{n}").id for n in range(3)]
        failed = client.run("text.fail", "x").id
        open_ = client.submit("text.hang", "x").id
        rows = client.tasks()
        assert [row["id"] for row in rows] == [open_, failed, *reversed(done)]
        assert set(rows[0]) == {
            "id", "state", "capability", "attempts", "step", "nodes", "age_ms", "code", "durable", "cursor",
        }  # fmt: skip
        assert [row["id"] for row in client.tasks(("failed", "open"))] == [open_, failed]
        assert client.tasks(("failed",))[0]["code"] == "attempts_exhausted"
        first = client.tasks(("done",), limit=2)
        assert [row["id"] for row in first] == [done[2], done[1]]
        assert [row["id"] for row in client.tasks(("done",), limit=2, before=first[-1]["cursor"])] == [
            done[0]
        ]
        assert refused(lambda: client.tasks(("finished",))).code == "bad_request"


def test_what_failed_is_tried_again_once(client: Any) -> None:
    failed = client.run("text.fail", "x")
    again = client.retry(failed.id)
    assert again.id not in ("", failed.id)
    assert client.result(again, 5).output == "at last"
    assert client.retry(failed.id).id == again.id
    done = client.run("text.classify_intent", "lights on")
    assert refused(lambda: client.retry(done.id)).code == "not_retryable"
    assert refused(lambda: client.retry("00" * 16)).code == "task_unknown"


def test_map_keeps_the_order_and_every_failure(client: Any) -> None:
    results = client.map(
        "text.classify_intent", [f"w{i} x" for i in range(40)], concurrency=7, progress=False
    )
    assert [result.output["intent"] for result in results] == [f"w{i}" for i in range(40)]
    mixed = client.map("text.classify_intent", ["a", {"not": "text"}, "b"], progress=False)
    assert [result.state for result in mixed] == ["done", "refused", "done"]
    assert mixed[1].error["code"] == "input_invalid"
    assert client.map("text.classify_intent", [], progress=False) == []
    assert refused(lambda: client.map("text.classify_intent", ["a"], concurrency=0)).code == "bad_request"


def test_explain_nodes_and_capabilities(client: Any) -> None:
    assert client.explain("text.classify_intent", "x")["plan"] == ["text.classify_intent"]
    assert client.nodes()[0]["id"] == "press-1/intent"
    assert {"capability": "text.hang", "inputs": {"text": "text"}, "output": "text"} in client.capabilities()


def test_a_full_queue_is_tried_again(client: Any, conductor: FakeConductor) -> None:
    conductor.refusals = [HiveError("queue_full", "Full.", retry_after_ms=20) for _ in range(2)]
    assert client.run("text.classify_intent", "lights on").ok
    assert len({message.header.task for message in conductor.submitted()}) == 1
    assert len(conductor.submitted()) == 3


def test_a_conductor_that_has_just_started_is_asked_again(client: Any, conductor: FakeConductor) -> None:
    task = client.submit("text.classify_intent", "lights on")
    hanging = client.submit("text.hang", "x")
    for ask in (lambda: client.result(task, 5), lambda: client.task(task), lambda: client.cancel(hanging)):
        conductor.busy = [HiveError("planning_unavailable", "Not yet.", retry_after_ms=20) for _ in range(2)]
        assert ask().final
        assert conductor.busy == []


def test_a_full_queue_is_reported_when_time_is_up(client: Any, conductor: FakeConductor) -> None:
    conductor.refusals = [HiveError("queue_full", "Full.", retry_after_ms=50) for _ in range(100)]
    error = refused(lambda: client.run("text.classify_intent", "lights on", deadline_ms=200))
    assert (error.code, error.detail) == ("queue_full", "Full.")


def test_a_restarted_conductor_gets_the_same_task_again(kind: str) -> None:
    with rig(kind) as (conductor, url), asking(kind, url) as client:
        assert client.run("text.classify_intent", "warm up").ok
        conductor.mute = 1
        successors: list[FakeConductor] = []

        def restart() -> None:
            deadline = time.monotonic() + 5
            while len(conductor.submitted()) < 2:
                assert time.monotonic() < deadline, "the task was never submitted"
                threading.Event().wait(0.005)
            conductor.close()
            successors.append(FakeConductor(conductor.endpoint))

        restarter = threading.Thread(target=restart)
        restarter.start()
        result = client.run("text.classify_intent", "lights on", deadline_ms=8_000)
        restarter.join()
        with successors[0] as successor:
            assert result.output["intent"] == "lights"
            again = [message.header.task for message in successor.submitted()]
            assert again == [conductor.submitted()[-1].header.task]
            assert again[0].hex() == result.id


def test_a_conductor_that_restarted_while_nothing_was_open_is_found_again(kind: str) -> None:
    with rig(kind) as (conductor, url), asking(kind, url) as client:
        assert client.run("text.classify_intent", "warm up").ok
        conductor.close()
        with FakeConductor(conductor.endpoint):
            assert (
                client.run("text.classify_intent", "lights on", deadline_ms=8_000).output["intent"]
                == "lights"
            )


@pytest.mark.parametrize("kind", ["tcp", "http"], scope="module")  # an asynchronous one belongs to one loop
def test_threads_may_share_a_client(mesh_url: str) -> None:
    with Client(mesh_url) as shared, ThreadPoolExecutor(4) as pool:
        words = [f"w{i}" for i in range(40)]
        results = list(pool.map(lambda word: shared.run("text.classify_intent", word), words))
    assert [result.output["intent"] for result in results] == words


def test_nobody_there_says_what_to_do(kind: str) -> None:
    url = "tcp://127.0.0.1:9" if kind.startswith("tcp") else "http://127.0.0.1:9"
    with asking(kind, url, connect_timeout_s=0.1) as client:
        error = refused(client.nodes)
    assert error.code == "unreachable"
    assert "hive up" in error.detail
    assert url in error.detail


def test_another_mesh_refuses_a_direct_client() -> None:
    with FakeConductor() as conductor, Client(conductor.endpoint, mesh="elsewhere") as stranger:
        assert refused(stranger.nodes).code == "mesh_mismatch"


def test_an_address_of_an_unknown_kind_is_refused() -> None:
    assert refused(lambda: Client("127.0.0.1:8420")).code == "bad_request"
