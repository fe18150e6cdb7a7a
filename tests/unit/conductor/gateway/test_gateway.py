"""The gateway as its callers see it: forms, statuses, bounds, principals."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from conductor.gateway.settings import GatewaySettings, token_digest
from hive.errors import CATALOGUE, HiveError
from hive.wire.messages import Flag
from tests.fakes.conductor import FakeConductor
from tests.fakes.gateway import FakeView, GatewayThread

JSON = {"Content-Type": "application/json"}
TASK = {"capability": "text.classify_intent", "input": "lights on"}
WINDOW = {"source": "p", "channels": ["a"], "interval_s": 1, "values": [[1.0]]}
BOUNDS = GatewaySettings(
    port=0, max_body_bytes=50_000, max_waiting=2, max_batch=4, keep_alive_s=0.05, max_streams=2
)


@pytest.fixture(scope="module")
def rig() -> Iterator[tuple[FakeConductor, GatewayThread]]:
    with FakeConductor() as conductor, GatewayThread(conductor.endpoint, BOUNDS, FakeView()) as gateway:
        yield conductor, gateway


@pytest.fixture
def conductor(rig: tuple[FakeConductor, GatewayThread]) -> FakeConductor:
    rig[0].refusals = []
    return rig[0]


@pytest.fixture
def api(rig: tuple[FakeConductor, GatewayThread]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=rig[1].url, timeout=10) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        yield client


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline, "it never came true"


def problem(response: httpx.Response, code: str) -> dict[str, object]:
    """Check that a response is the problem document of `code` and return it."""
    kind = CATALOGUE[code]
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (body["code"], body["status"], response.status_code) == (code, kind.http_status, kind.http_status)
    assert (body["type"], body["title"]) == (f"urn:hive:error:{code}", kind.sentence)
    assert isinstance(body, dict)
    return body


def test_waiting_gives_the_outcome(api: httpx.Client) -> None:
    answer = api.post("/v1/tasks?wait=1", json={**TASK, "labels": ["pii"]})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["state"], body["output"]["intent"], body["labels"]) == ("done", "lights", ["pii"])
    assert body["provenance"]["attempts"][0]["model_digest"] == "sha256:ab"


def test_not_waiting_gives_202_and_where_to_look(api: httpx.Client) -> None:
    answer = api.post("/v1/tasks", json=TASK)
    assert (answer.status_code, set(answer.json())) == (202, {"id", "state"})
    assert api.get(answer.headers["Location"]).json()["state"] == "done"


def test_a_failure_is_a_problem_that_holds_the_outcome(api: httpx.Client) -> None:
    answer = api.post("/v1/tasks?wait=1", json={"capability": "text.fail", "input": "x"})
    body = problem(answer, "attempts_exhausted")
    assert (body["state"], body["tries"]) == ("failed", 2)
    assert body["error"] == {"code": "attempts_exhausted", "detail": "Two nodes tried.", "tries": 2}
    assert api.get(f"/v1/tasks/{body['id']}").status_code == 200


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        (b"{", "bad_request", "not JSON"),
        (b"", "bad_request", "not JSON"),
        (b"\xff\xfe", "bad_request", "not JSON"),
        (b'{"input": NaN}', "bad_request", "not JSON"),
        (b"[" * 20_000, "bad_request", "recursion"),
        (b'{"input":"\\ud800","capability":"x"}', "bad_request", "not JSON"),
        (b"[]", "bad_request", "must be a JSON object"),
        (b"{}", "bad_request", "capability"),
        (b'{"capabilty": "x"}', "bad_request", "`capabilty`: unknown field"),
        (b'{"capability": "x", "want": "intent", "input": "a"}', "bad_request", "want"),
        (b'{"capability": "x", "deadline_ms": "1"}', "bad_request", "`deadline_ms`"),
        (
            b'{"capability": "x", "labels": ["pii"], "labels": ["public"]}',
            "bad_request",
            "`labels` is given twice",
        ),
        (b'{"capability": "x", "labels": [], "l\\u0061bels": []}', "bad_request", "`labels` is given twice"),
        (b'{"capability": "x", "priority": 10}', "bad_request", "`priority`"),
        (b'{"capability": "x", "labels": "pii"}', "bad_request", "`labels`"),
        (b'{"capability": "x", "durable": 1}', "bad_request", "`durable`"),
        (b'{"capability": "x", "id": "zz"}', "bad_request", "`id`"),
        (b'{"capability": "text.classify_intent", "input": 5}', "input_invalid", "string"),
        (b'{"capability": "text.classify_intent", "input": "a", "labels": ["x"]}', "bad_request", "'x'"),
        (b'{"want": "intent", "input": {"a": 1}}', "bad_request", "input_type"),
        (b'{"want": "intent", "input": {}, "input_type": "no.such"}', "type_unknown", "no.such"),
    ],
)
def test_a_wrong_body_is_a_problem_that_names_it(
    api: httpx.Client, body: bytes, code: str, says: str
) -> None:
    answer = problem(api.post("/v1/tasks?wait=1", content=body, headers=JSON), code)
    assert says in str(answer["detail"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"source": 5}, "sensor.window.source"),
        ({"channels": []}, "sensor.window.channels"),
        ({"interval_s": 0}, "sensor.window.interval_s"),
        ({"values": [[1.0], ["x"]]}, "values"),
        ({"values": [[1.0], [1.0, 2.0]]}, "values"),
        ({"values": 5}, "values"),
    ],
)
def test_a_wrong_window_says_where(api: httpx.Client, change: dict[str, object], says: str) -> None:
    task = {"capability": "sensor.detect_anomaly", "input": {**WINDOW, **change}}
    assert says in str(problem(api.post("/v1/tasks?wait=1", json=task), "input_invalid")["detail"])


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_a_number_beyond_a_float_is_refused(api: httpx.Client, number: str) -> None:
    for field in ("values", "interval_s"):
        text = json.dumps({"capability": "sensor.detect_anomaly", "input": {**WINDOW, field: "@"}})
        body = text.replace('"@"', f"[[{number}]]" if field == "values" else number)
        problem(api.post("/v1/tasks?wait=1", content=body, headers=JSON), "input_invalid")


def test_a_batch_in_which_a_field_is_given_twice_is_refused(api: httpx.Client) -> None:
    body = b'[{"capability": "text.classify_intent", "input": "a", "input": "b"}]'
    problem(api.post("/v1/tasks:batch", content=body, headers=JSON), "bad_request")
    again = {**TASK, "input": '"input": "labels", \\u0061'}
    assert api.post("/v1/tasks:batch", json=[again, again]).json()[0]["state"] == "queued"


def test_only_json_is_taken(api: httpx.Client) -> None:
    problem(api.post("/v1/tasks", content=b"{}"), "media_type_unsupported")
    problem(api.post("/v1/tasks", data={"capability": "x"}), "media_type_unsupported")
    charset = {"Content-Type": "application/json; charset=utf-8"}
    assert api.post("/v1/tasks", content=json.dumps(TASK), headers=charset).status_code == 202


def test_a_huge_body_is_refused_from_its_announcement(rig: tuple[FakeConductor, GatewayThread]) -> None:
    url = httpx.URL(rig[1].url)
    with socket.create_connection((url.host, url.port or 0), timeout=5) as raw:
        head = (
            "POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999"
        )
        raw.sendall(f"{head}\r\n\r\n".encode())  # and not one byte of the body
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_body_without_an_announced_length_is_bounded_too(api: httpx.Client) -> None:
    chunks = (b"x" * 10_000 for _ in range(20))
    problem(api.post("/v1/tasks", content=chunks, headers=JSON), "too_large")


def test_paths_methods_and_parameters_have_problems_too(api: httpx.Client) -> None:
    problem(api.get("/v1/nope"), "path_unknown")
    problem(api.put("/v1/tasks"), "method_not_allowed")
    problem(api.get("/v1/tasks/zz"), "bad_request")
    problem(api.get("/v1/graph?format=png"), "bad_request")
    problem(api.post("/v1/tasks?wait=perhaps", json=TASK), "bad_request")
    problem(api.get(f"/v1/tasks/{'0' * 32}"), "task_unknown")
    problem(api.get(f"/v1/tasks/{'0' * 32}/events"), "task_unknown")


def test_a_refusal_says_when_to_try_again(api: httpx.Client, conductor: FakeConductor) -> None:
    conductor.refusals = [HiveError("queue_full", "Full.", retry_after_ms=1_200)]
    answer = api.post("/v1/tasks?wait=1", json=TASK)
    assert problem(answer, "queue_full")["retry_after_ms"] == 1_200
    assert answer.headers["Retry-After"] == "2"


@pytest.mark.parametrize(
    "code", ["queue_full", "quota_exceeded", "store_unavailable", "draining", "planning_unavailable"]
)
def test_what_time_mends_says_so_in_the_header_even_if_nobody_said_when(
    api: httpx.Client, conductor: FakeConductor, code: str
) -> None:
    conductor.refusals = [HiveError(code)]
    answer = api.post("/v1/tasks", json={**TASK, "durable": True})
    problem(answer, code)
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize("code", ["label_forbidden", "key_conflict", "too_large"])
def test_what_time_does_not_mend_names_no_time(
    api: httpx.Client, conductor: FakeConductor, code: str
) -> None:
    conductor.refusals = [HiveError(code)]
    answer = api.post("/v1/tasks", json=TASK)
    problem(answer, code)
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize(
    ("query", "more", "durable"),
    [
        ("", {}, True),
        ("", {"durable": False}, False),
        ("?wait=1", {}, False),
        ("?wait=1", {"durable": True}, True),
        ("?wait=0", {}, True),
    ],
)
def test_who_does_not_wait_has_a_durable_task(
    api: httpx.Client,
    conductor: FakeConductor,
    query: str,
    more: dict[str, object],
    durable: bool,  # noqa: FBT001
) -> None:
    assert api.post(f"/v1/tasks{query}", json={**TASK, **more}).is_success
    assert bool(conductor.submitted()[-1].header.flags & Flag.DURABLE) is durable


def test_a_batch_is_durable_task_by_task(api: httpx.Client, conductor: FakeConductor) -> None:
    before = len(conductor.submitted())
    assert api.post("/v1/tasks:batch", json=[TASK, {**TASK, "durable": False}]).status_code == 200
    flags = [bool(message.header.flags & Flag.DURABLE) for message in conductor.submitted()[before:]]
    assert flags == [True, False]


def test_tasks_are_listed_by_principal_state_and_page(api: httpx.Client) -> None:
    api.headers["X-Hive-Principal"] = "lister"
    ids = [api.post("/v1/tasks", json=TASK).json()["id"] for _ in range(3)]
    failed = api.post("/v1/tasks", json={"capability": "text.fail", "input": "x"}).json()["id"]
    rows = api.get("/v1/tasks").json()
    assert [row["id"] for row in rows] == [failed, *reversed(ids)]
    assert rows[0]["code"] == "attempts_exhausted"
    page = api.get("/v1/tasks", params={"states": "done", "limit": 2}).json()
    assert [row["id"] for row in page] == [ids[2], ids[1]]
    rest = api.get("/v1/tasks", params={"states": "done,failed", "before": page[-1]["cursor"]}).json()
    assert [row["id"] for row in rest] == [ids[0]]
    assert api.get("/v1/tasks", headers={"X-Hive-Principal": "another"}).json() == []
    problem(api.get("/v1/tasks?states=finished"), "bad_request")
    problem(api.get("/v1/tasks?limit=0"), "bad_request")
    problem(api.get("/v1/tasks?limit=x"), "bad_request")


def test_what_failed_is_tried_again_once(api: httpx.Client) -> None:
    failed = api.post("/v1/tasks", json={"capability": "text.fail", "input": "x"}).json()["id"]
    answer = api.post(f"/v1/tasks/{failed}/retry")
    assert answer.status_code == 202
    again = answer.json()["id"]
    assert answer.headers["Location"] == f"/v1/tasks/{again}"
    assert api.get(f"/v1/tasks/{again}").json()["output"] == "at last"
    assert api.post(f"/v1/tasks/{failed}/retry").json()["id"] == again
    problem(api.post(f"/v1/tasks/{again}/retry"), "not_retryable")
    problem(api.post(f"/v1/tasks/{'0' * 32}/retry"), "task_unknown")
    problem(api.post(f"/v1/tasks/{failed}/retry?deadline_ms=0"), "bad_request")


def test_a_policy_refusal_names_its_rule(api: httpx.Client, conductor: FakeConductor) -> None:
    rule = {"rule": "pii-stays", "site": "plant-a", "labels": ["pii"]}
    conductor.refusals = [HiveError("label_forbidden", "No.", **rule)]
    body = problem(api.post("/v1/tasks?wait=1", json=TASK), "label_forbidden")
    assert {name: body[name] for name in rule} == rule


def test_a_batch_gives_each_task_its_own_answer(api: httpx.Client) -> None:
    tasks = [TASK, {"x": 1}, {"capability": "text.fail", "input": "f"}, 5]
    done, unknown, failed, number = api.post("/v1/tasks:batch?wait=1", json=tasks).json()
    assert (done["state"], failed["state"]) == ("done", "failed")
    assert (unknown["code"], number["code"]) == ("bad_request", "bad_request")
    receipts = api.post("/v1/tasks:batch", json=[TASK, TASK]).json()
    assert [receipt["state"] for receipt in receipts] == ["queued", "queued"]
    problem(api.post("/v1/tasks:batch", json=[TASK] * 5), "bad_request")
    problem(api.post("/v1/tasks:batch", json=TASK), "bad_request")


def test_events_begin_with_where_it_stands_and_end_with_the_outcome(api: httpx.Client) -> None:
    task = api.post("/v1/tasks", json=TASK).json()["id"]
    answer = api.get(f"/v1/tasks/{task}/events", headers={"Last-Event-ID": "4"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    first, last = answer.text.strip().split("\n\n")
    assert first.startswith("id: 5\nevent: running\n")
    assert last.startswith("id: 6\nevent: outcome\n")
    assert json.loads(last.partition("data: ")[2])["output"]["intent"] == "lights"


def test_a_quiet_stream_shows_that_it_lives_and_ends_with_the_task(api: httpx.Client) -> None:
    task = api.post("/v1/tasks", json={"capability": "text.hang", "input": "x"}).json()["id"]
    with api.stream("GET", f"/v1/tasks/{task}/events") as stream:
        lines = stream.iter_lines()
        assert next(line for line in lines if line.startswith(":")) == ": still here"
        assert api.delete(f"/v1/tasks/{task}").json()["state"] == "cancelled"
        assert "event: outcome" in list(lines)


def test_waiting_callers_are_bounded_and_one_that_leaves_makes_room(
    rig: tuple[FakeConductor, GatewayThread], api: httpx.Client
) -> None:
    url = httpx.URL(rig[1].url)
    body = json.dumps({"capability": "text.hang", "input": "x"})
    head = f"POST /v1/tasks?wait=1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    callers = [socket.create_connection((url.host, url.port or 0), timeout=5) for _ in range(2)]
    for caller in callers:
        caller.sendall(f"{head}\r\n\r\n{body}".encode())
    until(lambda: "hive_http_waiting 2.0" in api.get("/metrics").text)
    refused = api.post("/v1/tasks?wait=1", json=TASK)
    assert problem(refused, "queue_full")["retry_after_ms"] == 500
    for caller in callers:
        caller.close()
    until(lambda: "hive_http_waiting 0.0" in api.get("/metrics").text)
    assert api.post("/v1/tasks?wait=1", json=TASK).status_code == 200


def test_a_read_may_hold_on_for_the_outcome(api: httpx.Client) -> None:
    task = api.post("/v1/tasks", json={"capability": "text.hang", "input": "x"}).json()["id"]
    assert api.get(f"/v1/tasks/{task}?wait_ms=30").json()["state"] == "running"
    api.delete(f"/v1/tasks/{task}")
    assert api.get(f"/v1/tasks/{task}?wait_ms=5000").json()["state"] == "cancelled"


def test_a_task_belongs_to_its_principal(api: httpx.Client) -> None:
    alice, eve = {"X-Hive-Principal": "alice"}, {"X-Hive-Principal": "eve"}
    task = api.post("/v1/tasks", json=TASK, headers=alice).json()["id"]
    assert api.get(f"/v1/tasks/{task}", headers=alice).status_code == 200
    problem(api.get(f"/v1/tasks/{task}", headers=eve), "task_unknown")
    problem(api.delete(f"/v1/tasks/{task}", headers=eve), "task_unknown")
    problem(api.get("/v1/nodes", headers={"X-Hive-Principal": "x" * 300}), "bad_request")
    problem(api.post("/v1/tasks", json=TASK, headers={"X-Hive-Principal": "site:plant"}), "bad_request")


def test_a_trace_goes_with_the_task_and_a_broken_one_harms_nobody(
    api: httpx.Client, conductor: FakeConductor
) -> None:
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

    def asked(where: str, header: str, **fields: object) -> tuple[str, str, int]:
        body = {**TASK, **fields}
        answer = api.post(where, json=[body] if ":" in where else body, headers={"traceparent": header})
        assert answer.status_code == 200
        h = conductor.submitted()[-1].header
        return h.trace_id.hex(), h.span_id.hex(), h.trace_flags

    good = f"00-{trace}-{span}-01"
    nothing = ("0" * 32, "0" * 16, 0)
    for where in ("/v1/tasks?wait=1", "/v1/tasks:batch?wait=1"):
        assert asked(where, good) == (trace, span, 1)
        assert asked(where, "no trace") == nothing
        assert asked(where, f"00-{trace[::-1]}-{span}-00", traceparent=good) == (trace, span, 1)
    refused = api.post("/v1/tasks?wait=1", json={**TASK, "traceparent": "no trace"})
    problem(refused, "bad_request")
    assert "traceparent" in refused.json()["detail"]


def test_the_same_key_of_two_principals_is_two_tasks(api: httpx.Client, conductor: FakeConductor) -> None:
    keyed = {**TASK, "idempotency_key": "k"}
    for name in ("alice", "eve"):
        assert api.post("/v1/tasks?wait=1", json=keyed, headers={"X-Hive-Principal": name}).status_code == 200
    assert [(m.principal, m.key) for m in conductor.submitted()[-2:]] == [("alice", "k"), ("eve", "k")]


def test_views_of_the_mesh(api: httpx.Client) -> None:
    assert api.get("/v1/nodes").json()[0]["id"] == "press-1/intent"
    assert api.get("/v1/capabilities").json()[0]["capability"] == "sensor.detect_anomaly"
    assert "sensor.window" in [row["name"] for row in api.get("/v1/types").json()]
    assert api.get("/v1/graph").json()["types"] == ["text"]
    assert api.get("/v1/graph?format=dot").text == "digraph hive {}"
    assert api.get("/v1/graph?format=svg").headers["content-type"].startswith("image/svg+xml")
    plan = api.post("/v1/explain", json={"capability": "text.classify_intent"}).json()
    assert plan["plan"] == ["text.classify_intent"]


def test_the_page_needs_no_other_host(api: httpx.Client) -> None:
    page = api.get("/docs")
    assert "http" not in page.text.replace("https://", "http").partition("<body>")[2]
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert api.get("/docs/files/swagger-ui-bundle.js").headers["content-type"].startswith("text/javascript")
    problem(api.get("/docs/files/passwd"), "path_unknown")
    paths = api.get("/openapi.json").json()["paths"]
    assert "requestBody" in paths["/v1/tasks"]["post"]
    assert "/v1/tasks:batch" in paths


def test_metrics_count_answers_and_pass_the_dispatchers_counters_on(api: httpx.Client) -> None:
    text = api.get("/metrics").text
    assert 'hive_http_requests_total{status="200"}' in text
    assert 'hive_dispatcher_events_total{event="tasks_done"}' in text
    assert "hive_dispatcher_up 1.0" in text


def test_an_advert_fills_a_gap_among_the_nodes_and_never_stands_for_one(
    rig: tuple[FakeConductor, GatewayThread],
) -> None:
    view = FakeView()
    view.advertised = [{"id": "press-1/intent", "state": "joining"}, {"id": "lathe/x", "state": "joining"}]
    with (
        GatewayThread(rig[0].endpoint, view=view) as gateway,
        httpx.Client(base_url=gateway.url) as api,
    ):
        until(lambda: api.get("/readyz").status_code == 200)
        rows = api.get("/v1/nodes").json()
    assert [(row["id"], row["state"]) for row in rows] == [
        ("lathe/x", "joining"),
        ("press-1/intent", "ready"),
    ]


def test_with_tokens_only_a_known_one_opens(rig: tuple[FakeConductor, GatewayThread]) -> None:
    settings = GatewaySettings(port=0, tokens={token_digest("s3cret"): "alice"})
    with (
        GatewayThread(rig[0].endpoint, settings, FakeView()) as gateway,
        httpx.Client(base_url=gateway.url) as api,
    ):
        assert problem(api.get("/v1/nodes"), "unauthenticated")
        wrong = api.get("/v1/nodes", headers={"Authorization": "Bearer wrong"})
        assert problem(wrong, "unauthenticated")
        assert wrong.headers["WWW-Authenticate"] == "Bearer"
        known = {"Authorization": "Bearer s3cret", "X-Hive-Principal": "eve"}
        until(lambda: api.get("/readyz").status_code == 200)
        task = api.post("/v1/tasks", json=TASK, headers=known).json()["id"]
        assert rig[0].submitted()[-1].principal == "alice"
        assert api.get(f"/v1/tasks/{task}", headers=known).status_code == 200
        assert api.get("/healthz").status_code == 200


def test_who_waits_is_told_when_the_gateway_stops(rig: tuple[FakeConductor, GatewayThread]) -> None:
    hang = {"capability": "text.hang", "input": "x"}
    with (
        GatewayThread(rig[0].endpoint, GatewaySettings(port=0), FakeView()) as gateway,
        httpx.Client(base_url=gateway.url, timeout=20) as api,
        ThreadPoolExecutor() as callers,
    ):
        until(lambda: api.get("/readyz").status_code == 200)
        task = api.post("/v1/tasks", json=hang).json()["id"]
        waits = [
            callers.submit(api.post, "/v1/tasks?wait=1", json=hang),
            callers.submit(api.get, f"/v1/tasks/{task}?wait_ms=60000"),
        ]
        batch = callers.submit(api.post, "/v1/tasks:batch?wait=1", json=[hang])
        stream = callers.submit(api.get, f"/v1/tasks/{task}/events")
        until(lambda: "hive_http_waiting 3.0" in api.get("/metrics").text)
        gateway.close()
        for wait in waits:
            answer = wait.result()
            assert problem(answer, "draining")
            assert answer.headers["Retry-After"] == "1"
        assert [row["code"] for row in batch.result().json()] == ["draining"]
        last = stream.result().text.strip().split("\n\n")[-1]
        assert "event: problem" in last
        assert json.loads(last.partition("data: ")[2])["code"] == "draining"


def test_without_a_dispatcher_it_lives_and_is_not_ready() -> None:
    settings = GatewaySettings(port=0)
    with GatewayThread("tcp://127.0.0.1:9", settings) as gateway, httpx.Client(base_url=gateway.url) as api:
        assert api.get("/healthz").json() == {"alive": True}
        assert problem(api.get("/readyz"), "unreachable")
        refused = api.post("/v1/tasks?wait=1", json=TASK)
        assert problem(refused, "unreachable")
        assert refused.headers["Retry-After"] == "1"
        assert "hive_dispatcher_up 0.0" in api.get("/metrics").text
        problem(api.get("/v1/graph"), "planning_unavailable")


def test_a_taken_port_says_so(rig: tuple[FakeConductor, GatewayThread]) -> None:
    taken = httpx.URL(rig[1].url).port or 0
    with pytest.raises(HiveError, match="address_in_use") as caught:
        GatewayThread(rig[0].endpoint, GatewaySettings(port=taken))
    assert str(taken) in caught.value.detail


@pytest.mark.parametrize(
    ("host", "loopback"), [("127.0.0.1", True), ("localhost", True), ("::1", True), ("192.0.2.1", False), ("", False)]
)  # fmt: skip
def test_names_count_on_loopback_only(host: str, loopback: bool) -> None:  # noqa: FBT001 - a row of the table
    assert GatewaySettings(host=host).loopback is loopback
