"""The engine port: one contract for onnxruntime and for a fake, and what the ONNX engine refuses."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from hive.errors import HiveError
from specialists.engine.base import Array, Engine
from specialists.engine.bound import RunBound
from specialists.engine.onnx import OnnxEngine
from specialists.engine.onnx_file import operators
from specialists.engine.tokenize import TextTokenizer, padded
from tests.fakes.hostile import endless, message, value_info


def doubling(*initializers: bytes) -> bytes:
    """Return an ONNX model that adds its input to itself."""
    node = message((1, "x"), (1, "x"), (2, "y"), (4, "Add"))
    graph = message(
        (1, node),
        (2, "double"),
        *((5, item) for item in initializers),
        (11, value_info("x")),
        (12, value_info("y")),
    )
    return message((1, 8), (8, message((1, ""), (2, 17))), (7, graph))


class FakeEngine:
    """Doubles its input without a runtime."""

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("x",)

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        if set(feeds) != {"x"}:
            raise HiveError("inference_failed", "The model takes x.")
        if feeds["x"].dtype != np.float32 or feeds["x"].ndim != 1:
            raise HiveError("inference_failed", "x must be float32 in one dimension.")
        x: npt.NDArray[np.float32] = feeds["x"].astype(np.float32)
        return [x + x]


@pytest.fixture(params=["onnx", "fake"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return OnnxEngine(doubling()) if request.param == "onnx" else FakeEngine()


def test_outputs_come_in_order_and_state_is_not_kept(engine: Engine) -> None:
    assert engine.inputs == ("x",)
    for size in (3, 1, 5):
        x = np.arange(size, dtype=np.float32)
        assert np.array_equal(engine.run({"x": x})[0], 2 * x)


@pytest.mark.parametrize(
    "feeds",
    [
        {},
        {"z": np.zeros(2, np.float32)},
        {"x": np.zeros(2, np.float32), "z": np.zeros(2, np.float32)},
        {"x": np.zeros(2, np.int64)},
        {"x": np.zeros((2, 2), np.float32)},
    ],
)
def test_wrong_feeds_fail_with_one_error_and_harm_nothing(engine: Engine, feeds: dict[str, Array]) -> None:
    with pytest.raises(HiveError) as caught:
        engine.run(feeds)
    assert caught.value.code == "inference_failed"
    assert engine.run({"x": np.ones(1, np.float32)})[0][0] == 2


@pytest.mark.parametrize("content", [b"", b"not a model", doubling()[:-3], b"\xff" * 40])
def test_what_is_no_model_is_refused(content: bytes) -> None:
    with pytest.raises(HiveError) as caught:
        OnnxEngine(content)
    assert caught.value.code == "model_invalid"


def test_a_run_that_does_not_end_is_ended_and_the_next_one_is_as_if_nothing_had_been() -> None:
    engine = OnnxEngine(endless(), bound_s=0.1)
    for _ in range(2):
        with pytest.raises(HiveError) as caught:
            engine.run({"x": np.ones(2, np.float32)})
        assert (caught.value.code, "within 0.1 s" in caught.value.detail) == ("inference_failed", True)


def test_a_bound_counts_its_own_looks_and_ends_a_run_once() -> None:
    ended = []
    bound = RunBound(1.0, lambda: ended.append(1))
    bound._thread = threading.current_thread()
    bound.begin()
    for _ in range(4):
        bound.look()
    assert ended == []
    bound.look()
    assert ended == [1]
    bound.look()
    bound.begin()
    bound.over()
    for _ in range(9):
        bound.look()
    assert ended == [1]


def external(name: str, path: str) -> bytes:
    location = message((1, "location"), (2, path))
    return message((1, 1), (2, 1), (8, name), (13, location), (14, 1))


def test_external_data_is_refused_wherever_it_hides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_bytes(b"\0\0\x80\x3f")
    tensor = external("w", "secret")
    in_graph = message((7, message((5, tensor))))
    in_node = message((7, message((1, message((5, message((5, tensor))))))))
    deeper = message((7, message((1, message((5, message((6, message((5, tensor))))))))))
    in_list = message((7, message((1, message((5, message((10, tensor))))))))
    sparse = message((7, message((15, message((1, tensor))))))
    function = message((25, message((7, message((5, message((5, tensor))))))))
    training = message((20, message((1, message((5, tensor))))))
    flag_only = message((7, message((5, message((14, 1))))))
    for model in (
        in_graph,
        in_node,
        deeper,
        in_list,
        sparse,
        function,
        training,
        flag_only,
        doubling(tensor),
    ):
        with pytest.raises(HiveError) as caught:
            OnnxEngine(model)
        assert "other files" in caught.value.detail


def test_operators_are_found_in_every_subgraph_and_function() -> None:
    relu = message((4, "Relu"))
    branch = message((4, "If"), (5, message((6, message((1, relu))))))
    function = message((7, message((4, "DynamicQuantizeLinear"))))
    assert operators(doubling()) == {"Add"}
    assert operators(message((7, message((1, branch))), (25, function))) == {
        "If",
        "Relu",
        "DynamicQuantizeLinear",
    }


def test_endless_nesting_is_refused() -> None:
    graph = b""
    for _ in range(200):
        graph = message((1, message((5, message((6, graph))))))
    with pytest.raises(HiveError) as caught:
        operators(message((7, graph)))
    assert caught.value.code == "model_invalid"


def test_a_broken_tokenizer_is_refused() -> None:
    for content in (b"", b"{}", b"\xff"):
        with pytest.raises(HiveError) as caught:
            TextTokenizer(content)
        assert caught.value.code == "model_invalid"


def test_padding_fills_with_zero_to_the_longest() -> None:
    assert padded([[5], [6, 7, 8]]).tolist() == [[5, 0, 0], [6, 7, 8]]
