"""Writes a specialist: its files, the manifest that pins them, and the card that says how good it is."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from specialists.forge.footprint import Footprint, specialist_footprint
from specialists.forge.measures import Measure
from specialists.manifest import FILE_NAME, MANIFEST_VERSION, MODEL_FILE

TOKENIZER_FILE: Final = "tokenizer.json"
CARD_FILE: Final = "card.md"
LICENCE: Final = "Apache-2.0"


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything about a specialist but its digests. `settings` are the kind's three objects of the manifest."""

    name: str
    version: str
    capability: str
    inputs: Mapping[str, str]
    output: str
    kind: str
    model: bytes
    tokenizer: str | None
    settings: Mapping[str, Mapping[str, object]]
    batch_max: int
    batch_why: str
    run_bound_ms: int
    removes: Sequence[str]
    data: Sequence[str]


@dataclass(frozen=True, slots=True)
class Card:
    """The words of a card: what it does, how it was made, limits, and the command that makes it again."""

    summary: str
    how: str
    limits: Sequence[str]
    command: str


def publish(out: Path, draft: Draft, quality: Mapping[str, Measure], card: Card) -> None:
    """Write the directory `out`, which is replaced, and print its digest.

    The first manifest is without card; time and memory are measured with it, then card and final manifest are written.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / MODEL_FILE).write_bytes(draft.model)
    if draft.tokenizer is not None:
        (out / TOKENIZER_FILE).write_text(draft.tokenizer, "utf-8")
    _write_manifest(out, draft, quality)
    sizes = {path.name: path.stat().st_size for path in sorted(out.iterdir()) if path.name != FILE_NAME}
    (out / CARD_FILE).write_text(_card(draft, quality, card, sizes, specialist_footprint(out)), "utf-8")
    _write_manifest(out, draft, quality)
    print(f"{out}: sha256:{hashlib.sha256((out / FILE_NAME).read_bytes()).hexdigest()}", flush=True)


def _write_manifest(out: Path, draft: Draft, quality: Mapping[str, Measure]) -> None:
    files = {}
    for path in sorted(out.iterdir()):
        if path.name != FILE_NAME:
            content = path.read_bytes()
            files[path.name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    document = {
        "manifest_version": MANIFEST_VERSION,
        "name": draft.name,
        "version": draft.version,
        "capability": draft.capability,
        "inputs": dict(draft.inputs),
        "output": draft.output,
        "kind": draft.kind,
        "engine": "onnx",
        "files": files,
        "tokenizer": None if draft.tokenizer is None else TOKENIZER_FILE,
        **{name: dict(values) for name, values in draft.settings.items()},
        "batch": {"max_size": draft.batch_max, "why": draft.batch_why},
        "run_bound_ms": draft.run_bound_ms,
        "idempotent": True,  # every kind of specialist here computes its answer and does nothing else
        "removes": list(draft.removes),
        "quality": {name: measure.as_json() for name, measure in quality.items()},
        "licence": LICENCE,
        "data": list(draft.data),
    }
    (out / FILE_NAME).write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _card(
    draft: Draft,
    quality: Mapping[str, Measure],
    card: Card,
    sizes: Mapping[str, int],
    costs: Footprint,
) -> str:
    rows = [
        f"| {name.replace('_', ' ')} | {m.value:.4f} | {m.low:.4f} to {m.high:.4f} | {m.n} | {m.data} |"
        for name, m in quality.items()
    ]
    lines = [
        f"# {draft.name} {draft.version}",
        "",
        card.summary,
        "",
        f"Capability `{draft.capability}`: {', '.join(draft.inputs.values())} -> {draft.output}.",
        "",
        "## Measured on data that it was not trained on",
        "",
        "| measure | value | 95 % bootstrap interval | n | data |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "## Costs",
        "",
        f"- Files: {', '.join(f'{name} {size / 1000:.0f} kB' for name, size in sizes.items())}.",
        f"- One answer in process, one thread, p50: {costs.p50_us:.0f} us (tokenizing and finishing included).",
        f"- Resident memory of a process that answers: {costs.rss_mb:.0f} MB.",
        f"- Resident memory of a Python that imported numpy and onnxruntime only: {costs.bare_mb:.0f} MB.",
        f"- Batches of up to {draft.batch_max}: {draft.batch_why}.",
        "",
        "Times and memory are from the machine that made the card (a shared one); measure on yours.",
        "",
        "## How it was made",
        "",
        card.how,
        "",
        "```",
        card.command,
        "```",
        "",
        "## Limits",
        "",
        *(f"- {limit}" for limit in card.limits),
        "",
        "## Data and licence",
        "",
        f"The weights are under {LICENCE}. Data, not part of this distribution:",
        "",
        *(f"- {citation}" for citation in draft.data),
        "",
    ]
    return "\n".join(lines)
