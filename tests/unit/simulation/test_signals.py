"""Generated windows say that they are generated, fit their data type, and come again with the same seed."""

from __future__ import annotations

import numpy as np

from hive.types import TypeRegistry
from hive.values import decode_value, encode_value
from simulation.demo.utterances import NOTES, UTTERANCES
from simulation.signals import STEPS, GeneratedPump, Telemetry


def test_the_same_seed_gives_the_same_signal_and_another_does_not() -> None:
    one, two, other = (GeneratedPump("p", seed) for seed in (1, 1, 2))
    for _ in range(5):
        (a, fault_a), (b, fault_b), (c, _) = one.window(), two.window(), other.window()
        assert fault_a == fault_b
        assert np.array_equal(a["values"], b["values"])  # type: ignore[arg-type]
        assert not np.array_equal(a["values"], c["values"])  # type: ignore[arg-type]


def test_a_window_is_a_sensor_window_and_names_its_origin() -> None:
    kind = TypeRegistry().get("sensor.window")
    window, _ = GeneratedPump("pump-1", 3).window()
    assert window["source"] == "generated/pump-1"
    again = decode_value(kind, tuple(encode_value(kind, window)))
    assert again["channels"] == ["temperature", "vibration"]  # type: ignore[index]
    assert again["values"].shape == (STEPS, 2)  # type: ignore[index]


def test_faults_come_as_often_as_asked_and_change_the_signal() -> None:
    never, always = GeneratedPump("p", 5, fault_share=0.0), GeneratedPump("p", 5, fault_share=1.0)
    assert {never.window()[1] for _ in range(50)} == {""}
    assert {always.window()[1] for _ in range(50)} == {"spike", "level shift", "stuck"}


def test_telemetry_is_this_machine_and_waits_until_there_is_enough() -> None:
    telemetry = Telemetry()
    assert telemetry.window(0.1) is None
    for _ in range(STEPS):
        telemetry.sample(0.1)
    window = telemetry.window(0.1)
    assert window is not None
    assert window["source"] == "telemetry/this-machine"
    assert np.isfinite(window["values"]).all()  # type: ignore[call-overload]
    assert window["values"].shape == (STEPS, 3)  # type: ignore[attr-defined]


def test_there_are_enough_words() -> None:
    assert len(set(UTTERANCES)) > 10
    assert len(set(NOTES)) > 3
