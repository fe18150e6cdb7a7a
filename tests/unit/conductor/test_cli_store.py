"""`hive store`: what it says of a store, to people and to scripts."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from conductor.cli_store import store_app
from conductor.store.sql.postgres import PostgresDatabase
from conductor.store.sql.schema import HEAD, REVISIONS
from conductor.store.sql.sqlite import SqliteDatabase
from conductor.store.sql.store import SqlStore
from hive.errors import CATALOGUE
from tests.fakes.postgres import server
from tests.fakes.records import Teller, body, finished, started, submitted

pytestmark = pytest.mark.timeout(120)


class Place:
    """A store that a conductor has open, with a few tasks."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.path = folder / "store.db"
        self.url = f"sqlite://{self.path}" if kind == "sqlite" else server().url()
        database = SqliteDatabase(self.path) if kind == "sqlite" else PostgresDatabase(self.url)
        self.store = SqlStore(database)
        self.store.open()
        pii = body((b"secret",), ("internal", "pii"), "more")
        Teller(self.store).keep(
            submitted(1, key="k", inputs=(body(), pii)), started(1), submitted(2), finished(2),
            submitted(3), finished(3, "dead_lettered"), submitted(4, "site:shop"),
            finished(4, principal="site:shop"),
        )  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    made = Place(request.param, tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def file(tmp_path: Path) -> Place:
    made = Place("sqlite", tmp_path)
    made.store.close()
    return made


def run(*words: str) -> Result:
    return CliRunner().invoke(store_app, list(words), env={"HIVE_STORE_URL": ""})


def said(result: Result) -> Any:
    return json.loads(result.stdout)


def test_check_counts_what_is_there_while_a_conductor_has_it(place: Place) -> None:
    result = run("check", "--url", place.url, "--json")
    assert result.exit_code == 0, result.output
    report = said(result)
    assert report["states"] == {"dead_lettered": 1, "done": 2}
    assert (report["open"], report["owed"], report["epoch"], report["revision"]) == (1, 1, 1, HEAD)
    assert (report["whole"], report["problems"]) == (True, [])
    assert report["bytes"] > 0
    assert report["oldest_open_s"] > 0


def test_check_shows_people_the_same(place: Place) -> None:
    result = run("check", "--url", place.url)
    assert result.exit_code == 0
    for part in ("whole", "dead_lettered", "owed", "oldest open task"):
        assert part in result.stdout


def test_check_names_what_does_not_hang_together(file: Place) -> None:
    with sqlite3.connect(file.path) as connection:
        connection.execute("DELETE FROM tasks WHERE seq = 2")
        connection.execute("DELETE FROM bodies WHERE seq = 1")
    connection.close()
    result = run("check", "--url", file.url, "--json")
    assert result.exit_code == 1
    assert said(result)["problems"] == [
        "1 rows of outcomes that belong to no task",
        "1 rows of bodies that belong to no task",
        "1 open tasks without their inputs",
    ]


def test_check_finds_pages_that_are_damaged(file: Place) -> None:
    data = bytearray(file.path.read_bytes())
    page = 4096 * (len(data) // 4096 // 2)
    data[page : page + 2048] = bytes(2048)
    file.path.write_bytes(data)
    assert run("check", "--url", file.url, "--json").exit_code != 0


def test_check_of_no_store_says_so(tmp_path: Path) -> None:
    result = run("check", "--url", f"sqlite://{tmp_path}/none.db", "--json")
    assert said(result)["code"] == "store_unavailable"
    assert list(tmp_path.iterdir()) == []


def test_a_store_must_be_named() -> None:
    assert said(run("check", "--json"))["code"] == "bad_request"
    assert said(run("check", "--url", "memory:", "--json"))["code"] == "bad_request"


def test_migrate_says_what_it_would_do_and_does_it(file: Place) -> None:
    with sqlite3.connect(file.path) as connection:
        connection.execute("DROP INDEX outcomes_by_state")
        connection.execute("DROP INDEX outcomes_by_end")
        connection.execute("UPDATE alembic_version SET version_num = ?", (REVISIONS[0],))
    connection.close()
    assert said(run("check", "--url", file.url, "--json"))["code"] == "store_unavailable"
    planned = said(run("migrate", "--url", file.url, "--dry-run", "--json"))
    assert planned == {
        "store": file.url, "from": REVISIONS[0], "revisions": list(REVISIONS[1:]), "dry_run": True, "copy": None,
    }  # fmt: skip
    done = said(run("migrate", "--url", file.url, "--json"))
    assert Path(done["copy"]).exists()
    assert "is up to date" in run("migrate", "--url", file.url).stdout
    assert run("check", "--url", file.url).exit_code == 0


def test_migrate_leaves_a_store_alone_that_a_conductor_has(place: Place) -> None:
    assert said(run("migrate", "--url", place.url, "--json"))["code"] == "store_in_use"


def test_export_writes_a_line_for_each_task_without_bodies(place: Place) -> None:
    lines = [json.loads(line) for line in run("export", "--url", place.url).stdout.splitlines()]
    assert [(line["task"][-1], line["state"], line["attempts"]) for line in lines] == [
        ("1", "open", 1),
        ("2", "done", 0),
        ("3", "dead_lettered", 0),
        ("4", "done", 0),
    ]
    assert lines[0]["key"] == "k"
    assert "inputs" not in lines[0]


def test_export_can_be_of_one_state(place: Place) -> None:
    lines = run("export", "--url", place.url, "--state", "dead_lettered").stdout.splitlines()
    assert [json.loads(line)["task"][-1] for line in lines] == ["3"]


def test_export_writes_only_bodies_whose_labels_may_be_there(place: Place) -> None:
    result = run("export", "--url", place.url, "--bodies", "--label", "internal")
    first, second, *_ = [json.loads(line) for line in result.stdout.splitlines()]
    assert first["inputs"] == [
        {
            "name": "text",
            "type": "text",
            "labels": ["internal"],
            "frames_base64": [base64.b64encode(b"hello").decode()],
        },
        {"name": "more", "type": "text", "labels": ["internal", "pii"]},
    ]
    assert [base64.b64decode(frame) for frame in second["results"][0]["frames_base64"]] == [b"answer"]


def test_export_of_bodies_needs_labels(place: Place) -> None:
    assert run("export", "--url", place.url, "--bodies").exit_code == 2


def test_a_damaged_file_and_one_that_is_not_there_are_told_with_what_to_do(file: Place) -> None:
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))  # the first page is sound: it opens
    shown = run("check", "--url", file.url)
    assert shown.exit_code == CATALOGUE["state_unwritable"].exit_status
    assert "put a backup in its place" in shown.stderr
    assert "Traceback" not in shown.stderr
    file.path.unlink()
    shown = run("check", "--url", file.url)
    assert shown.exit_code == CATALOGUE["store_unavailable"].exit_status
    assert f"There is no store at {file.path}" in shown.stderr
