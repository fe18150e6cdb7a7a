"""The kinds `command` and `tag` turn what a model says of tokens into intents and spans of the text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from hive.errors import HiveError
from hive.types import TypeRegistry
from specialists.engine.base import Array
from specialists.engine.tokenize import TextTokenizer
from specialists.kinds.base import Answer, Kind, Parts
from specialists.kinds.command import Command
from specialists.kinds.tag import Tag
from specialists.manifest import read_manifest

OTHER = "[UNK]"
PIECES = ("[PAD]", OTHER, "wake", "me", "at", "fi", "##ve", "am", "light", "on", ".")
TAGS = ("O", "B-time", "I-time")
INTENTS = ("alarm", "light")
OUTPUTS = {"command": ("tags", "intents"), "tag": ("tags",)}
CALIBRATION = {
    "temperature": 1.0,
    "intent_temperature": 1.0,
    "offset": 0.0,
    "tags_weight": 1.0,
    "intent_weight": 1.0,
    "unsure_below": 0.5,
    "unfamiliar_from": -1.5,
}


class Rules:
    """An engine that tags five and am, and wants light where the word is in the text."""

    def __init__(self, *outputs: str, scale: float = 8.0) -> None:
        self.outputs = outputs
        self.scale = scale

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("ids", "shapes")

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        ids = feeds["ids"]
        assert feeds["shapes"].shape == ids.shape
        tag = np.select([ids == PIECES.index("fi"), ids == PIECES.index("am")], [1, 2], 0)
        light = (ids == PIECES.index("light")).any(axis=1).astype(int)
        found = {"tags": np.eye(3)[tag] * self.scale, "intents": np.eye(2)[light] * self.scale}
        return [found[name].astype(np.float32) for name in self.outputs]


def tokenizer() -> TextTokenizer:
    words = Tokenizer(models.WordPiece({piece: n for n, piece in enumerate(PIECES)}, unk_token=OTHER))
    words.normalizer = normalizers.BertNormalizer(lowercase=True)
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return TextTokenizer(words.to_str().encode())


def parts(folder: Path, kind: str, engine: Rules, **changes: object) -> Parts:
    output = {"command": "command", "tag": "spans"}[kind]
    document: dict[str, object] = {
        "manifest_version": 1,
        "name": "a",
        "version": "1.0.0",
        "capability": "text.parse",
        "inputs": {"text": "text"},
        "output": output,
        "kind": kind,
        "engine": "none",
        "files": {},
        "preprocess": {"max_tokens": 13, "max_chars": 80},
        "postprocess": {"tags": list(TAGS), "intents": list(INTENTS)},
        "calibration": CALIBRATION,
        "batch": {"max_size": 4, "why": "a test"},
        "run_bound_ms": 100,
        "idempotent": True,
        "removes": [],
        "quality": {},
        "licence": "Apache-2.0",
        "data": [],
    }
    (folder / "manifest.json").write_text(json.dumps({**document, **changes}))
    return Parts(read_manifest(folder), engine, tokenizer())


def answers(kind: Kind, *texts: object) -> list[Answer | HiveError]:
    return kind.answer([{"text": text} for text in texts])


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(parts(tmp_path, "command", Rules("tags", "intents")))


def test_a_command_has_its_intent_and_slots_of_the_original_text(command: Command) -> None:
    (answer,) = answers(command, "Wake me  at FIVE am.")
    assert isinstance(answer, Answer)
    assert isinstance(answer.output, dict)
    assert answer.output["intent"] == "alarm"
    (slot,) = answer.output["slots"]
    assert (slot["start"], slot["end"], slot["type"], slot["value"]) == (12, 19, "time", "FIVE am")
    assert slot["score"] == pytest.approx(0.998, abs=1e-3)
    assert answer.output["scores"]["alarm"] == pytest.approx(0.99966, abs=1e-4)
    assert answer.confidence > 0.99
    assert not answer.unsure
    assert not answer.unfamiliar
    assert set(answer.output) <= set(TypeRegistry().get("command").schema["properties"])  # type: ignore[arg-type]


def test_an_answer_is_the_same_alone_and_in_a_batch(command: Command) -> None:
    texts = ["light on", "wake me at five am", "five am " * 4, "am"]
    alone = [answers(command, text)[0] for text in texts]
    assert answers(command, *texts) == alone
    assert answers(command, *reversed(texts)) == alone[::-1]


def test_bad_inputs_are_named_and_harm_no_other(command: Command) -> None:
    found = answers(command, "light on", "  ", None, "five am " * 7, "x" * 81)
    assert isinstance(found[0], Answer)
    assert [error.detail for error in found[1:] if isinstance(error, HiveError)] == [
        "`text` is empty. Send the words.",
        "`text` must be a string, not NoneType.",
        "`text` has more than 13 tokens. Split it.",
        "`text` has 81 characters; this specialist takes 80.",
    ]


def test_a_model_that_is_undecided_is_unsure(tmp_path: Path) -> None:
    kind = Command(parts(tmp_path, "command", Rules("tags", "intents", scale=0.1)))
    (answer,) = answers(kind, "light on")
    assert isinstance(answer, Answer)
    assert answer.unsure
    assert answer.confidence < 0.2


def test_what_the_vocabulary_cannot_spell_is_unfamiliar(command: Command) -> None:
    familiar, strange = answers(command, "light on", "图书馆 on")
    assert isinstance(familiar, Answer)
    assert isinstance(strange, Answer)
    assert (familiar.unfamiliar, strange.unfamiliar) == (False, True)


def test_what_the_model_does_not_recognise_is_unfamiliar(tmp_path: Path) -> None:
    for scale, unfamiliar in ((8.0, False), (0.5, True)):
        for name, kind in (("command", Command), ("tag", Tag)):
            made = kind(parts(tmp_path, name, Rules(*OUTPUTS[name], scale=scale)))
            (answer,) = answers(made, "light on")
            assert isinstance(answer, Answer)
            assert answer.unfamiliar is unfamiliar


def test_the_kind_tag_gives_spans_alone(tmp_path: Path) -> None:
    kind = Tag(parts(tmp_path, "tag", Rules("tags")))
    (answer,) = answers(kind, "me at five am")
    assert isinstance(answer, Answer)
    assert answer.output == {
        "spans": [{"start": 6, "end": 13, "type": "time", "score": pytest.approx(0.998, abs=1e-3)}]
    }
    assert answer.confidence == pytest.approx(0.997, abs=1e-3)
    assert isinstance(answers(kind, "")[0], HiveError)
    assert isinstance(kind.answer([kind.sample()])[0], Answer)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"postprocess": {"tags": ["O"]}}, "postprocess.intents"),
        ({"postprocess": {"intents": ["a"]}}, "postprocess.tags"),
        ({"calibration": {**CALIBRATION, "intent_temperature": "x"}}, "calibration.intent_temperature"),
        (
            {"calibration": {"temperature": 1.0, "intent_temperature": 1.0, "unsure_below": 0.5}},
            "calibration.offset",
        ),
    ],
)
def test_a_missing_setting_is_named(tmp_path: Path, changes: Mapping[str, object], name: str) -> None:
    with pytest.raises(HiveError) as caught:
        Command(parts(tmp_path, "command", Rules("tags", "intents"), **changes))
    assert caught.value.code == "manifest_invalid"
    assert name in caught.value.detail


def test_a_model_of_another_shape_fails(tmp_path: Path) -> None:
    kind = Command(parts(tmp_path, "command", Rules("tags")))
    with pytest.raises(HiveError) as caught:
        answers(kind, "light on")
    assert caught.value.code == "inference_failed"
