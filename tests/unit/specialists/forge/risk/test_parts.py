"""The parts of the tasks over records: trees as ONNX, made-up rows, the student, calibration, figures."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from specialists.forge.records.leaks import auroc
from specialists.forge.risk import boosted, calibrate, learn, quality
from specialists.forge.risk.ensemble import ensemble, node_count
from specialists.forge.risk.neighbours import balanced, neighbours
from specialists.forge.risk.student import RecordStudent, Shape, edges_of, shape_for
from specialists.forge.timing import one_thread
from specialists.kinds.columns import columns_of, derived_of
from specialists.kinds.table import MISSING, Records, Table
from tests.fakes.record_model import COLUMNS, DERIVED


def table() -> Table:
    columns = columns_of(COLUMNS)
    return Table(columns, derived_of(DERIVED, columns))


def records(count: int, seed: int = 0) -> Records:
    rng = np.random.default_rng(seed)
    numbers = np.column_stack([rng.normal(40, 10, count), rng.normal(1500, 100, count)])
    numbers[::17, 0] = np.nan
    return Records(numbers, rng.integers(0, 3, (count, 1)))


def test_trees_answer_the_same_as_onnx() -> None:
    rows = boosted.teacher_rows(table(), records(600))
    assert np.isnan(rows).any()
    doubles = rows.astype(np.float64)
    happened = (np.nan_to_num(doubles[:, 0]) + doubles[:, 6] > 0.5).astype(float)
    models = [
        HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(doubles, happened),
        HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(doubles, 1 - happened),
    ]
    session = one_thread(ensemble(models, rows.shape[1]).SerializeToString())
    expected = np.column_stack([model.decision_function(doubles) for model in models])
    np.testing.assert_allclose(session.run(None, {"row": rows})[0], expected, atol=1e-5)
    assert node_count(models) > 25
    number = HistGradientBoostingRegressor(max_iter=9, random_state=0).fit(doubles, doubles[:, 1])
    session = one_thread(ensemble([number], rows.shape[1]).SerializeToString())
    np.testing.assert_allclose(session.run(None, {"row": rows})[0][:, 0], number.predict(doubles), atol=1e-5)


def test_a_value_at_a_threshold_goes_the_same_way() -> None:
    grid = np.linspace(0, 1, 4001).astype(np.float32)[:, None]
    doubles = grid.astype(np.float64)
    target = np.sin(doubles[:, 0] * 60)
    model = HistGradientBoostingRegressor(max_iter=30, max_leaf_nodes=64, min_samples_leaf=1).fit(
        doubles, target
    )
    session = one_thread(ensemble([model], 1).SerializeToString())
    np.testing.assert_allclose(session.run(None, {"row": grid})[0][:, 0], model.predict(doubles), atol=1e-5)


def test_the_best_setting_is_chosen_out_of_fold() -> None:
    rows = boosted.teacher_rows(table(), records(300)).astype(np.float64)
    happened = (np.nan_to_num(rows[:, 0]) > 0.3).astype(float)
    ticks: list[int] = []
    choice = boosted.chosen(rows, happened, boosted.GRID[:2], 100, 0, lambda: ticks.append(1), classes=True)
    assert len(ticks) == 2
    assert choice.trees in boosted.STEPS
    assert roc_auc_score(happened, choice.scores) > 0.95
    assert choice.loss == pytest.approx(boosted.loss_of(choice.scores, happened, classes=True).mean())
    assert choice.trees <= 100
    assert boosted.settings_within(1.0, 10_000, 20, 400) == boosted.GRID[:1]
    assert boosted.settings_within(1e6, 10_000, 20, 400) == boosted.GRID


def test_made_up_rows_are_like_the_real_ones_and_repeatable() -> None:
    real = records(500)
    weights = balanced((np.arange(500) < 10).astype(float), classes=True)
    made, again = (neighbours(table(), real, weights, 4000, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(made.numbers, again.numbers)
    np.testing.assert_array_equal(made.codes, again.codes)
    assert abs(np.nanmedian(made.numbers[:, 0]) - np.nanmedian(real.numbers[:, 0])) < 1
    assert set(made.codes.ravel().tolist()) == {MISSING, 1, 2}
    assert 0.03 < np.isnan(made.numbers[:, 1]).mean() < 0.06
    assert weights[:10].sum() == pytest.approx(weights[10:].sum(), rel=0.7)
    assert balanced(np.zeros(4), classes=True).tolist() == [1.0] * 4
    whole = records(50)
    none = neighbours(
        table(), Records(whole.numbers, whole.codes[:, :0]), np.ones(50), 10, np.random.default_rng(0)
    )
    assert none.codes.shape == (10, 0)


def test_the_student_encodes_numbers_by_how_far_they_went_through_each_bin() -> None:
    shape = Shape(numbers=2, flags=1, bins=2, hidden=(4, 3), modes=1)
    edges = np.array([[0, 1, 3], [5, 5, 5]], dtype=np.float32)
    student = RecordStudent(shape, edges).eval()
    seen: list[torch.Tensor] = []
    student.first.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0]))
    rows = torch.tensor([[2.0, 7.0, 1.0], [-4.0, 5.0, 0.0], [9.0, 1.0, 1.0]])
    assert student(rows).shape == (3, 2)
    assert seen[0].tolist() == [[1.0, 0.5, 0.0, 0.0, 1.0], [0.0] * 5, [1.0, 1.0, 0.0, 0.0, 1.0]]


def test_edges_are_quantiles_or_the_few_values_there_are() -> None:
    rows = np.column_stack([np.arange(101), np.arange(101) % 3]).astype(np.float32)
    assert edges_of(rows, 2, 4).tolist() == [[0, 25, 50, 75, 100], [0, 1, 2, 2, 2]]


@pytest.mark.parametrize(("numbers", "flags", "modes"), [(3, 4, 0), (8, 9, 5), (7, 75, 0), (40, 200, 2)])
def test_students_have_a_few_thousand_weights(numbers: int, flags: int, modes: int) -> None:
    shape = shape_for(numbers, flags, modes)
    student = RecordStudent(shape, np.zeros((numbers, shape.bins + 1), dtype=np.float32))
    assert 500 < sum(weight.numel() for weight in student.parameters()) < 7000


def lessons(rows: np.ndarray) -> learn.Lessons:
    targets = (rows[:, :1] > 0).astype(np.float32)
    return learn.Lessons(rows, targets, rows[::2].copy(), targets[::2].copy())


def test_a_killed_training_goes_on_bit_for_bit(tmp_path: Path) -> None:
    rows = table().rows(records(400))
    shape = shape_for(3, rows.shape[1] - 3, 0)
    school = learn.School(shape, edges_of(rows, 3, shape.bins), lessons(rows), classes=True)
    whole, course = learn.learned(school, learn.WAYS[1], 3, 7, tmp_path / "a.pt", lambda _: None)

    def kill(loss: float) -> None:
        if loss == course[1]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn.learned(school, learn.WAYS[1], 3, 7, tmp_path / "b.pt", kill)
    rest: list[float] = []
    again, courses = learn.learned(school, learn.WAYS[1], 3, 7, tmp_path / "b.pt", rest.append)
    assert rest == course[2:]
    assert courses == course
    np.testing.assert_array_equal(learn.scores_of(whole, rows), learn.scores_of(again, rows))
    assert auroc(learn.scores_of(whole, rows)[:, 0], lessons(rows).targets[:, 0].astype(np.float64)) > 0.99


def test_a_budget_buys_passes_first_then_more_ways_then_more_passes() -> None:
    assert learn.plan_within(1, 1000) == learn.Plan(learn.WAYS[:1], 6)
    assert learn.plan_within(10, 1000) == learn.Plan(learn.WAYS[:1], 62)
    assert learn.plan_within(39, 1000) == learn.Plan(learn.WAYS, 60)
    assert learn.plan_within(60, 1000) == learn.Plan(learn.WAYS, 93)
    assert learn.plan_within(1, 1000, epochs=3) == learn.Plan(learn.WAYS[:2], 3)
    assert learn.plan_within(10_000, 400_000) == learn.Plan(learn.WAYS, 400)


def drawn(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, count)
    return scores, (rng.random(count) < 1 / (1 + np.exp(-(0.5 * scores - 1)))).astype(float)


def test_few_rows_get_platt_scaling_which_finds_slope_and_offset() -> None:
    fit, why = calibrate.calibrated(*drawn(400))
    assert not fit.curve
    assert "too few" in why
    fit = calibrate.platt(*drawn(20_000))
    assert (fit.slope, fit.offset) == (pytest.approx(0.5, abs=0.04), pytest.approx(-1, abs=0.06))
    assert calibrate.platt(np.arange(40.0), np.arange(40)[::-1] % 2.0).slope > 0


def test_a_bent_course_gets_a_rising_curve() -> None:
    rng = np.random.default_rng(1)
    scores = rng.uniform(-4, 4, 6000)
    chance = np.where(scores < 0, 0.02, np.where(scores < 2, 0.3, 0.95))
    happened = (rng.random(6000) < chance).astype(float)
    fit, why = calibrate.calibrated(scores, happened)
    assert "isotonic" in why
    assert fit.probabilities(np.array([-2.0, 1.0, 3.0])) == pytest.approx([0.02, 0.3, 0.95], abs=0.05)
    points = np.array(fit.curve)
    assert (np.diff(points[:, 0]) > 0).all()
    assert (np.diff(points[:, 1]) > 0).all()
    again = calibrate.Calibration(fit.slope, fit.offset, tuple((x, p) for x, p in fit.as_json()["curve"]))  # type: ignore[attr-defined]
    assert again == fit


def test_threshold_and_radius() -> None:
    happened = np.array([0, 0, 0, 1, 1.0])
    assert 0.3 < calibrate.threshold_of(np.array([0.1, 0.1, 0.2, 0.4, 0.9]), happened) <= 0.4
    assert calibrate.radius_of(np.arange(1.0, 11.0), 0.9) == 10.0
    assert calibrate.radius_of(np.arange(1.0, 20.0), 0.9) == 18.0


def test_figures_are_those_of_scikit_learn() -> None:
    scores, happened = drawn(300)
    chance = np.round(1 / (1 + np.exp(-scores)), 1)  # with ties
    figures = quality.risk_quality(chance, happened, 0.5, "rows")
    assert figures["auroc"].value == pytest.approx(roc_auc_score(happened, chance))
    assert figures["average_precision"].value == pytest.approx(average_precision_score(happened, chance))
    assert figures["macro_f1"].value == pytest.approx(f1_score(happened > 0, chance >= 0.5, average="macro"))
    assert figures["auroc"].low < figures["auroc"].value < figures["auroc"].high
    same = quality.auroc_gap(chance, chance, happened, "rows")
    assert (same.value, same.low, same.high) == (0, 0, 0)
    numbers = quality.number_quality(happened + 1, happened, 0.5, "rows")
    assert (numbers["rmse"].value, numbers["mae"].value, numbers["coverage"].value) == (1, 1, 0)


def test_modes_are_counted_by_what_was_flagged_and_named() -> None:
    modes = np.array([[1, 0], [1, 0], [0, 1], [0, 0.0]])
    verdict, named = np.array([True, False, True, True]), np.array([0, 1, 0, 1])
    assert quality.per_mode(verdict, named, modes, ("a", "b")) == {
        "a": {"found": 0.5, "named": 1.0, "n": 2},
        "b": {"found": 1.0, "named": 0.0, "n": 1},
    }
