"""Server-sent events as the gateway writes them."""

from __future__ import annotations

import pytest

from hive.cli.following import follow, parsed
from hive.errors import HiveError

STREAM = """\
id: 1
event: running
data: {"what": "running", "node": "a/b"}

: still here

id: 2
event: outcome
data: {"id": "00",
data: "state": "done"}

"""


def test_events_have_their_name_and_their_data() -> None:
    assert list(parsed(STREAM.splitlines())) == [
        ("running", {"what": "running", "node": "a/b"}),
        ("outcome", {"id": "00", "state": "done"}),
    ]


def test_what_is_not_finished_is_not_told() -> None:
    assert list(parsed(STREAM.splitlines()[:3])) == []


def test_a_problem_is_raised() -> None:
    with pytest.raises(HiveError) as caught:
        list(parsed(["event: problem", 'data: {"code": "draining", "detail": "Stopping."}', ""]))
    assert (caught.value.code, caught.value.detail) == ("draining", "Stopping.")


def test_only_a_gateway_has_events() -> None:
    with pytest.raises(HiveError, match="give its http:// address, not tcp://h:1"):
        next(follow("0" * 32, "tcp://h:1", None))
