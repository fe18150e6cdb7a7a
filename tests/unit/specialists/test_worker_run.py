"""From body frames to results: what a model or a caller does wrong stays with the work that it concerns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hive.errors import HiveError
from hive.ids import TaskId
from hive.types import DataType
from hive.values import encode_value
from hive.wire.messages import EMPTY, Work
from specialists.core.events import Done, Failed
from specialists.kinds.base import Answer
from specialists.load import find
from specialists.manifest import Manifest, read_manifest
from specialists.worker_run import EffectLog, Inputs, Runner, offer_of

SUMMARY = DataType("text.summary", "document", {}, "")


class Scripted:
    """A model that does what the text says."""

    def __init__(self, **manifest: object) -> None:
        self.manifest: Manifest = replace(read_manifest(find("mesh-echo")), **manifest)  # type: ignore[arg-type]
        self.calls = 0

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        self.calls += 1
        texts = [str(item.get("text", "")) for item in batch]
        if "raise" in texts:
            raise ValueError("secret payload")
        if "fail" in texts:
            raise HiveError("inference_failed", "The model failed.")
        if "short" in texts:
            return []
        return [
            HiveError("input_invalid", "No.") if text == "no" else self._answer(text, batch) for text in texts
        ]

    def _answer(self, text: str, batch: Sequence[Inputs]) -> Answer:
        if text == "number":
            return Answer(7, 1.0)
        if len(self.manifest.inputs) > 1:
            return Answer("+".join(str(value) for value in batch[0].values()), 1.0)
        return Answer(text, 0.5, unsure=True, removes=frozenset({"pii", "phi"}))


def work(*body: bytes, inputs: tuple[tuple[str, str, int], ...] = ()) -> Work:
    return Work(EMPTY._replace(epoch=1, attempt=2, task=TaskId(bytes(15) + b"\1")), inputs, body)


def codes(results: Sequence[object]) -> list[str]:
    return [result.code if isinstance(result, Failed) else "done" for result in results]


def test_a_work_becomes_a_result() -> None:
    (result,) = Runner(Scripted()).run([work(b"hello")])
    assert result == Done((b"hello",), 0.5, unsure=True, removes=("phi", "pii"))


def test_a_subtype_stands_for_its_parent_because_its_frames_begin_alike() -> None:
    registry_type = DataType("text.redacted", "utf8+document", is_a="text")
    frames = encode_value(registry_type, {"text": "hello", "spans": []})
    results = Runner(Scripted()).run([work(*frames), work(*frames, inputs=(("text", "text.redacted", 2),))])
    assert [result.body for result in results if isinstance(result, Done)] == [(b"hello",), (b"hello",)]


def test_named_inputs_are_taken_apart_by_their_frames() -> None:
    runner = Runner(Scripted(inputs={"left": "text", "right": "text"}))
    pair = (("right", "text", 1), ("left", "text", 1))
    (result,) = runner.run([work(b"r", b"l", inputs=pair)])
    assert isinstance(result, Done)
    assert result.body == (b"l+r",)
    wrong = [
        work(b"r", b"l"),
        work(b"r", inputs=(("right", "text", 1),)),
        work(b"r", b"l", b"x", inputs=pair),
    ]
    assert codes(runner.run(wrong)) == ["input_invalid"] * 3


@pytest.mark.parametrize("bad", [(), (b"\xff",)])
def test_what_cannot_be_decoded_harms_no_other(bad: tuple[bytes, ...]) -> None:
    results = Runner(Scripted()).run([work(b"a"), work(*bad), work(b"b"), work(b"no")])
    assert codes(results) == ["done", "input_invalid", "done", "input_invalid"]


@pytest.mark.parametrize("poison", [b"raise", b"fail", b"short"])
def test_a_failing_batch_is_tried_one_by_one(poison: bytes) -> None:
    model = Scripted()
    results = Runner(model).run([work(b"a"), work(poison), work(b"b")])
    assert codes(results) == ["done", "inference_failed", "done"]
    assert model.calls == 4


def test_an_unexpected_error_says_nothing_of_the_payload() -> None:
    (result,) = Runner(Scripted()).run([work(b"raise")])
    assert isinstance(result, Failed)
    assert "ValueError" in result.detail
    assert "secret" not in result.detail


def test_an_output_of_the_wrong_form_is_the_models_failure() -> None:
    assert codes(Runner(Scripted()).run([work(b"number")])) == ["inference_failed"]


def test_the_manifests_own_types_are_known_and_unknown_ones_refused() -> None:
    Runner(Scripted(output="text.summary", types=(SUMMARY,)))
    with pytest.raises(HiveError, match="type_unknown"):
        Runner(Scripted(output="text.nonesuch"))


def test_the_offer_says_what_the_manifest_says() -> None:
    manifest = Scripted(removes=frozenset({"pii"}), types=(SUMMARY,)).manifest
    offer = offer_of(manifest)
    assert (offer.capability, offer.inputs, offer.output) == ("mesh.echo", (("text", "text"),), "text")
    assert (offer.digest, offer.removes, offer.run_bound_us) == (manifest.digest, ("pii",), 100_000)
    assert offer.types[0]["name"] == "text.summary"


def test_every_attempt_that_ran_leaves_a_line(tmp_path: Path) -> None:
    path = tmp_path / "effects.jsonl"
    Runner(Scripted(), EffectLog(path, "press-1/echo", 7)).run([work(b"a"), work(b"raise")])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    about = {"epoch": 1, "attempt": 2, "step": 0, "node": "press-1/echo", "incarnation": 7}
    assert lines == [{"task": "0" * 31 + "1", **about}] * 2


def test_an_effect_log_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(HiveError, match="state_unwritable"):
        EffectLog(tmp_path / "none" / "effects", "n", 1)
