"""Markers: what a payload does, and the one right answer to it."""

from __future__ import annotations

from simulation.chaos.payloads import POISONS, answer_to, digest_of, marker, poison_of, right_digest, work_s


def test_no_two_payloads_are_alike() -> None:
    made = {
        marker(caller, n, poison) for caller in ("a/1", "a/11") for n in (1, 11) for poison in ("", *POISONS)
    }
    assert len(made) == 12


def test_only_a_poisoned_payload_is_poison() -> None:
    assert [poison_of(marker("plant/http-1", 7, poison)) for poison in ("", *POISONS)] == ["", *POISONS]
    assert [poison_of(text) for text in ("hello", "poison-", "kill/x", "poison-boil/x/1")] == [""] * 4


def test_an_answer_belongs_to_its_payload() -> None:
    assert answer_to("a") != answer_to("b")
    assert right_digest("a") == digest_of(answer_to("a")) == answer_to("a")
    assert right_digest(marker("c", 1, "kill")) is None


def test_a_long_answer_is_kept_by_its_hash() -> None:
    assert len(digest_of("x" * 1000)) == 32
    assert digest_of("x" * 1000) != digest_of("x" * 1001)


def test_work_takes_1_to_60_ms_and_as_long_again() -> None:
    times = [work_s(marker("c", n)) for n in range(200)]
    assert min(times) >= 0.001
    assert max(times) <= 0.06
    assert times == [work_s(marker("c", n)) for n in range(200)]
