"""The kind `classify`: what its settings do, with an engine whose logits are known."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from hive.errors import HiveError
from specialists.engine.base import Array
from specialists.engine.tokenize import TextTokenizer
from specialists.kinds.base import Answer, Parts
from specialists.kinds.classify import Classify
from specialists.manifest import read_manifest

PIECES = ("[PAD]", "[UNK]", "clear", "even", "torn")
LOGITS = {"clear": (6.0, 0.0, 0.0), "even": (0.0, 0.0, 0.0), "torn": (3.0, 3.0, -3.0)}


class Known:
    """An engine that has logits for the first word of a text."""

    inputs = ("ids",)

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        rows = [LOGITS.get(PIECES[number], (0.0, 0.0, 0.0)) for number in feeds["ids"][:, 0]]
        return [np.array(rows, dtype=np.float32)]


def kind(folder: Path, output: str = "category", field: str = "", **calibration: object) -> Classify:
    settings = {"temperature": 1.0, "unsure_below": 0.4, **calibration}
    document = {
        "manifest_version": 1,
        "name": "a",
        "version": "1.0.0",
        "capability": "text.classify",
        "inputs": {"text": "text"},
        "output": output,
        "kind": "classify",
        "engine": "none",
        "files": {},
        "preprocess": {"max_tokens": 8, "max_chars": 100},
        "postprocess": {"labels": ["a", "b", "c"], **({"field": field} if field else {})},
        "calibration": settings,
        "batch": {"max_size": 4, "why": "exact"},
        "run_bound_ms": 100,
        "licence": "Apache-2.0",
    }
    (folder / "manifest.json").write_text(json.dumps(document))
    words = Tokenizer(models.WordLevel({piece: n for n, piece in enumerate(PIECES)}, unk_token=PIECES[1]))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return Classify(Parts(read_manifest(folder), Known(), TextTokenizer(words.to_str().encode())))


def answer(one: Classify, text: str) -> Answer:
    (found,) = one.answer([{"text": text}])
    assert isinstance(found, Answer)
    return found


def test_the_answer_has_the_name_of_the_output_type_or_of_the_setting(tmp_path: Path) -> None:
    assert answer(kind(tmp_path, "route"), "clear").output["route"] == "a"
    assert answer(kind(tmp_path, "my.desk", field="desk"), "clear").output["desk"] == "a"


def test_likely_classes_are_those_above_the_limit_and_never_none(tmp_path: Path) -> None:
    one = kind(tmp_path, likely_from=0.4)
    assert answer(one, "torn").output["likely"] == ["a", "b"]
    assert answer(one, "even").output["likely"] == ["a"]
    assert "likely" not in answer(kind(tmp_path), "torn").output


@pytest.mark.parametrize(
    ("score", "limit"), [("confidence", 0.6), ("entropy", 0.95), ("energy", -math.log(3.1))]
)
def test_flat_logits_are_unfamiliar_by_each_score(tmp_path: Path, score: str, limit: float) -> None:
    one = kind(tmp_path, strange_score=score, strange_from=limit)
    assert [answer(one, text).unfamiliar for text in ("clear", "torn", "even")] == [False, False, True]


def test_what_cannot_be_spelt_is_unfamiliar_however_sure_the_model_is(tmp_path: Path) -> None:
    one = kind(tmp_path, unfamiliar_from=0.5)
    assert not answer(one, "clear").unfamiliar
    assert answer(one, "clear xyzzy plugh").unfamiliar


def test_an_unknown_score_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(HiveError, match="must be one of confidence, entropy, energy"):
        kind(tmp_path, strange_score="gut feeling")
