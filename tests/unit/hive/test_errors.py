"""The catalogue of errors is a promise to scripts."""

from __future__ import annotations

import re

import pytest

from hive.errors import CATALOGUE, ErrorKind, HiveError, error_of

RESERVED_EXITS = {0, 1}


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=lambda kind: kind.code)
def test_every_entry_is_complete(kind: ErrorKind) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", kind.code)
    assert 400 <= kind.http_status < 600
    assert kind.exit_status not in RESERVED_EXITS
    assert kind.exit_status < 126, "a shell uses the rest for itself"
    assert kind.sentence.endswith(".")
    assert kind.fault in {"caller", "peer", "operator", "hive"}


def test_codes_and_exit_statuses_are_unique() -> None:
    assert len({kind.exit_status for kind in CATALOGUE.values()}) == len(CATALOGUE)


def test_server_faults_are_not_blamed_on_callers() -> None:
    for kind in CATALOGUE.values():
        if kind.http_status < 500:
            assert kind.fault != "hive" or kind.code in {"queue_full", "label_kept"}


def test_an_error_carries_code_detail_and_context() -> None:
    error = HiveError("no_node", "No node.", site="plant-a", retry_after_ms=5)
    assert (error.code, error.detail, error.kind.http_status) == ("no_node", "No node.", 503)
    assert error.context == {"site": "plant-a", "retry_after_ms": 5}
    assert str(error) == "no_node: No node."


def test_without_a_detail_the_catalogue_speaks() -> None:
    assert HiveError("no_node").detail == CATALOGUE["no_node"].sentence


def test_a_code_that_is_not_in_the_catalogue_is_a_fault() -> None:
    with pytest.raises(KeyError):
        HiveError("no_such_code")


def test_a_newer_peers_code_becomes_internal_and_keeps_its_words() -> None:
    error = error_of("from_the_future", "Too new.", {"rule": "r"})
    assert (error.code, error.detail, error.context) == (
        "internal",
        "from_the_future: Too new.",
        {"rule": "r"},
    )
    assert error_of("expired", "Late.").code == "expired"
