"""Quantization: tables in few bits answer like exact ones, and the smallest good candidate is chosen."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from specialists.forge import export  # noqa: E402
from specialists.forge.quantize import Candidate, Trial, best, candidates, tried  # noqa: E402
from specialists.forge.tables import in_blocks, small_tables  # noqa: E402
from specialists.forge.timing import one_thread  # noqa: E402

IDS = np.array([[3, 299, 0, 17]])


class Lookup(torch.nn.Module):
    """A table and a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(300, 64)
        self.head = torch.nn.Linear(64, 5)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.table(ids).amax(dim=1))


def exact() -> object:
    torch.manual_seed(3)
    return export.to_onnx(Lookup(), {"ids": IDS}, ["logits"], {"ids": {0: "batch", 1: "tokens"}})


def answer(model: bytes) -> np.ndarray:
    return one_thread(model).run(None, {"ids": IDS})[0]


@pytest.mark.parametrize(("bits", "apart"), [(8, 0.02), (4, 0.3)])
def test_a_table_in_few_bits_is_looked_up_like_the_exact_one(bits: int, apart: float) -> None:
    model = exact()
    wanted = answer(export.plain_bytes(model))
    small = export.plain_bytes(small_tables(model, bits))
    assert np.abs(answer(small) - wanted).max() < apart
    assert len(small) < 300 * 64 * bits / 8 + 8000


def test_codes_of_four_bits_are_packed_low_half_first() -> None:
    row = np.zeros((1, 16), dtype=np.float32)
    row[0, :2] = [-7.0, 7.0]
    packed, scales = in_blocks(row, 4, 16)
    assert scales.tolist() == [[1.0]]
    assert packed[0, 0] == 1 | 15 << 4
    assert set(packed[0, 1:].tolist()) == {8 | 8 << 4}


def test_a_row_of_zeros_stays_zero() -> None:
    codes, scales = in_blocks(np.zeros((1, 32), dtype=np.float32), 8, 32)
    assert set(codes.ravel().tolist()) == {128}
    assert scales.tolist() == [[1.0]]


def test_every_way_makes_a_model_and_only_dynamic_scales_forbid_batches() -> None:
    ways = ("static", "static_table8", "static_table4", "table8", "table4", "dynamic", "exact")
    found = candidates(exact(), [{"ids": IDS}], ways)
    trials = tried(found, lambda model: -float(np.abs(answer(model)).max()), [{"ids": IDS}])
    assert [trial.candidate.way for trial in trials] == list(ways)
    assert [trial.candidate.way for trial in trials if trial.candidate.alone] == ["dynamic"]
    assert all(trial.p50_ms > 0 for trial in trials)


def trial(way: str, size: int, quality: float, p50_ms: float) -> Trial:
    return Trial(Candidate(way, b"x" * size, "why"), quality, p50_ms)


def test_the_smallest_that_loses_little_is_best() -> None:
    trials = [trial("a", 90, 0.95, 1.0), trial("b", 50, 0.949, 1.1), trial("c", 20, 0.90, 0.5)]
    assert best(trials, 0.002).candidate.way == "b"


def test_one_that_is_twice_as_slow_as_the_quickest_is_passed_over() -> None:
    trials = [trial("a", 90, 0.95, 1.0), trial("b", 50, 0.95, 2.1)]
    assert best(trials, 0.002).candidate.way == "a"
