"""What groups of similar length are worth: microseconds per text alone, in one padded batch, and in groups.

python tests/benchmarks/buckets.py [SPECIALIST]
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable

from specialists.engine.onnx import OnnxEngine
from specialists.engine.tokenize import TextTokenizer, padded
from specialists.kinds.way import similar
from specialists.load import find
from specialists.manifest import MODEL_FILE, read_manifest

BATCH = 16
TEXTS = 320
ROUNDS = 5
WORDS = [
    "please",
    "set",
    "an",
    "alarm",
    "for",
    "seven",
    "tomorrow",
    "what",
    "was",
    "my",
    "account",
    "charged",
]


def main() -> None:
    """Print the figures of one specialist whose model takes `ids`."""
    manifest = read_manifest(find(sys.argv[1] if len(sys.argv) > 1 else "text-classify-intent"))
    engine = OnnxEngine(manifest.read(MODEL_FILE))
    assert manifest.tokenizer is not None
    tokenizer = TextTokenizer(manifest.read(manifest.tokenizer))
    rng = random.Random(0)
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(1, 40))) for _ in range(TEXTS)]
    rows = [tokenizer.encode(text, 64).ids for text in texts]
    batches = [rows[at : at + BATCH] for at in range(0, TEXTS, BATCH)]

    def run(places_of: Callable[[list[list[int]]], list[list[int]]]) -> None:
        for batch in batches:
            for places in places_of(batch):
                engine.run({"ids": padded([batch[place] for place in places])})

    ways: dict[str, Callable[[list[list[int]]], list[list[int]]]] = {
        "alone": lambda batch: [[place] for place in range(len(batch))],
        f"one batch of {BATCH}": lambda batch: [list(range(len(batch)))],
        "groups of similar length": lambda batch: similar([len(row) for row in batch]),
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):  # interleaved, so that a busy machine slows all of them
        for name, way in ways.items():
            began = time.perf_counter()
            run(way)
            best[name] = min(best[name], time.perf_counter() - began)
    for name, seconds in best.items():
        sys.stdout.write(f"{name:26} {seconds / TEXTS * 1e6:6.1f} us a text\n")


if __name__ == "__main__":
    main()
