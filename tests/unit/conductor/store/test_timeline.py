"""A store's timeline: no jump of a wall clock moves what happened within one boot."""

from __future__ import annotations

from conductor.store.timeline import Line, Moment, carry_on, system_now

DAY = 86_400 * 1_000_000
FIRST = Moment("boot-1", 5_000_000, 1_700_000_000_000_000)


def test_the_first_start_begins_at_the_wall_clock() -> None:
    line = carry_on(Line(), FIRST)
    assert line.to_store(5_000_000) == 1_700_000_000_000_000
    assert line.to_core(line.to_store(123)) == 123


def test_within_one_boot_a_day_s_jump_changes_nothing() -> None:
    line = carry_on(Line(), FIRST)
    for jump in (DAY, -DAY):
        later = Moment("boot-1", 9_000_000, FIRST.wall_us + 4_000_000 + jump)
        assert carry_on(line, later) == line


def test_after_a_reboot_the_wall_clock_says_how_long_it_took() -> None:
    line = carry_on(Line(), FIRST)
    line.last_us = line.to_store(6_000_000)
    again = carry_on(line, Moment("boot-2", 1_000, FIRST.wall_us + 60_000_000))
    deadline = line.to_store(6_000_000 + 30_000_000)
    assert again.to_core(deadline) == 1_000 - 29_000_000  # it passed while the machine was off


def test_a_clock_that_is_behind_after_a_reboot_does_not_turn_time_back() -> None:
    line = carry_on(Line(), FIRST)
    line.last_us = line.to_store(6_000_000)
    again = carry_on(line, Moment("boot-2", 1_000, 0))
    assert again.to_store(1_000) == line.last_us


def test_a_boot_without_a_name_counts_as_another_one() -> None:
    line = carry_on(Line(), Moment("", 5_000_000, FIRST.wall_us))
    assert carry_on(line, Moment("", 9_000_000, FIRST.wall_us + 1)).to_store(9_000_000) == FIRST.wall_us + 1


def test_a_monotonic_clock_that_went_back_is_another_one() -> None:
    line = carry_on(Line(), FIRST)
    line.last_us = line.to_store(6_000_000)
    again = carry_on(line, Moment("boot-1", 5_500_000, FIRST.wall_us + DAY))
    assert again.to_store(5_500_000) == FIRST.wall_us + DAY


def test_this_machine_has_a_boot_and_two_clocks() -> None:
    before, after = system_now(), system_now()
    assert before.boot == after.boot
    assert before.mono_us <= after.mono_us
