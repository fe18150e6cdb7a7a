"""What a task says of the specialist that it made; the digests and the card are added when it is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything about a specialist but its name, its digests and its figures.

    `files` maps names in the published directory to files of the build (`model.onnx` always, `tokenizer.json` where
    there is one). `settings` are the kind's objects of the manifest: preprocess, postprocess, calibration. `summary`,
    `how` and `limits` are sentences for the card; a recipe's own come before them.
    """

    capability: str
    inputs: Mapping[str, str]
    output: str
    kind: str
    files: Mapping[str, Path]
    settings: Mapping[str, Mapping[str, object]]
    batch_max: int
    batch_why: str
    summary: str
    how: str
    run_bound_ms: int = 250
    removes: Sequence[str] = ()
    types: Sequence[Mapping[str, object]] = ()
    limits: Sequence[str] = ()
    citations: Sequence[str] = field(default_factory=tuple)
