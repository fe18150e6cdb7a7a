"""What the manifest and the card of a tagger say, from what the stages left."""

from __future__ import annotations

import json
from typing import Final

from specialists.forge.pipeline.draft import Draft
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.tag.corpus import load_corpus
from specialists.forge.tag.files import STUDENT_TOKENS, TOKENIZER
from specialists.forge.tag.shrink import CALIBRATION, CHOICE, QUANTIZED

_MAX_CHARS: Final = 6000
_TABLES: Final = {
    "static_table8": ", its table in blocks of int8",
    "static_table4": ", its table in blocks of int4",
}


def draft_of(bench: Workbench) -> Draft:
    """Return what the manifest says: a `command` where the data has intents, else `spans`."""
    corpus = load_corpus(bench.of("data"))
    intents = list(corpus.inventory.intents)
    calibration = json.loads((bench.of("calibrate") / CALIBRATION).read_text("utf-8"))["student_int8"]
    choice = json.loads((bench.of("quantize") / CHOICE).read_text("utf-8"))
    kinds = ", ".join(tag[2:] for tag in corpus.inventory.tags[1::2])
    return Draft(
        capability="text.parse_command" if intents else "text.tag",
        inputs={"text": "text"},
        output="command" if intents else "spans",
        kind="command" if intents else "tag",
        files={
            "model.onnx": bench.of("quantize") / QUANTIZED,
            TOKENIZER: bench.of("prune") / TOKENIZER,
        },
        settings={
            "preprocess": {"max_tokens": STUDENT_TOKENS, "max_chars": _MAX_CHARS},
            "postprocess": {
                "tags": list(corpus.inventory.tags),
                **({"intents": intents} if intents else {}),
            },
            "calibration": calibration,
        },
        batch_max=8,
        batch_why=choice["batch_why"],
        run_bound_ms=2000,
        summary=f"Marks parts of a text ({kinds})"
        + (f" and says which of {len(intents)} intents it has." if intents else "."),
        how="A dilated convolutional network over pieces of words and their shapes (case, digits, signs), in which "
        "each word is told what the whole text is. It was taught by a fine-tuned sentence encoder what this says of "
        "every word of the training texts and of many more made from them; then filters that matter little were taken "
        "away, "
        f"and the rest went to int8 with fixed scales{_TABLES.get(choice['chosen'], '')}. Temperatures, the confidence "
        "of the whole answer, and from where a text is unfamiliar come from the validation part.",
        limits=[
            "Types and intents are those of the training data; a text of another kind still gets the nearest.",
            f"At most {_MAX_CHARS} characters; longer texts are refused, never cut.",
            "A span is made of whole words.",
        ],
    )
