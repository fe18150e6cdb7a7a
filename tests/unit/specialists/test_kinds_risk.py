"""Records are checked field by field, scored with the rest of a batch, and answered with reasons in sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from hive.errors import HiveError
from hive.types import TypeRegistry
from hive.values import decode_value, encode_value
from specialists.engine.base import Array
from specialists.kinds.base import Answer, consistent
from specialists.kinds.risk import Risk
from tests.fakes.record_model import COLUMNS, DERIVED, Summing, parts_of


@pytest.fixture
def risk(tmp_path: Path) -> Risk:
    return Risk(parts_of(tmp_path))


def record(**fields: object) -> dict[str, object]:
    return {"record": {"torque_nm": 40.0, "speed": 1500, "grade": "low", **fields}}


def output(risk: Risk, **fields: object) -> dict[str, object]:
    (answer,) = risk.answer([record(**fields)])
    assert isinstance(answer, Answer)
    whole = consistent(answer).output
    assert isinstance(whole, dict)
    return whole


def refusal(risk: Risk, document: object) -> str:
    (answer,) = risk.answer([{"record": document}])
    assert isinstance(answer, HiveError)
    assert answer.code == "input_invalid"
    return answer.detail


def sigmoid(score: float) -> float:
    return 1 / (1 + math.exp(-score))


def test_an_ordinary_record_has_no_reasons_and_no_mode(risk: Risk) -> None:
    (answer,) = risk.answer([record()])
    assert isinstance(answer, Answer)
    assert answer.output == {
        "probability": round(sigmoid(-2), 6),
        "risky": False,
        "threshold": 0.4,
        "reasons": [],
    }
    assert answer.confidence == pytest.approx(1 - sigmoid(-2))
    assert not answer.unsure


def test_a_risky_record_says_why_and_how(risk: Risk) -> None:
    # torque +2, speed +1, product 60 x 1600 = 96000: +7.2, grade +1; less the offset of 2
    found = output(risk, torque_nm=60, speed=1600.0, grade="high")
    assert found["probability"] == round(sigmoid(9.2), 6)
    assert found["risky"] is True
    assert found["mode"] == "overload"
    assert found["reasons"] == [
        "torque 60 Nm is high (usual 30 to 50)",  # at 40 Nm the score would be lower by 2 + 6.4
        "speed 1600 (usual 1400 to 1600)",  # at 1500 by 1 + 1.2; the grade's 1.0 comes third
    ]


def test_a_category_is_a_reason_with_the_commonest_beside_it(tmp_path: Path) -> None:
    risk = Risk(parts_of(tmp_path, postprocess__reasons=3))
    assert output(risk, grade="high")["reasons"] == ["grade is 'high' (commonest: 'low')"]


def test_what_is_missing_is_fine_and_said_where_it_counts(risk: Risk) -> None:
    assert output(risk, torque_nm=None)["unfamiliar"] is False
    assert output(risk, torque_nm=math.nan, grade=None)["reasons"] == ["2 of 3 fields are missing"]
    (answer,) = risk.answer([{"record": {"speed": 1500}}])
    assert isinstance(answer, Answer)
    assert answer.unfamiliar


def test_a_record_far_from_what_was_learned_is_unfamiliar_and_unsure(risk: Risk) -> None:
    (answer,) = risk.answer([record(torque_nm=420, speed=100.0, grade="huge")])
    assert isinstance(answer, Answer)
    assert isinstance(answer.output, dict)
    assert answer.output["reasons"][:3] == [
        "torque 420 Nm is far from all that was learned from (4 to 76)",
        "speed 100 is far from all that was learned from (1200 to 2800)",
        "grade has a value that was not learned from",
    ]
    assert answer.unfamiliar
    assert answer.confidence == 0.5


def test_values_that_are_odd_only_together_are_unfamiliar(risk: Risk) -> None:
    found = output(risk, torque_nm=75, speed=2700)
    assert found["reasons"][0] == (  # type: ignore[index]
        "torque x speed 202500 is far from all that was learned from (10000 to 100000)"
    )


def test_a_little_beyond_the_training_range_is_still_familiar(risk: Risk) -> None:
    assert (
        output(risk, torque_nm=80, speed=1250)["unfamiliar"] is False
    )  # 76 and a tenth of the range of 72 more
    assert output(risk, torque_nm=84, speed=1250)["unfamiliar"] is True


def test_an_answer_is_the_same_alone_and_in_a_batch(risk: Risk) -> None:
    items = [record(), record(torque_nm=66), record(speed=None), record(grade="high"), record(grade="?")]
    assert risk.answer(items) == [risk.answer([item])[0] for item in items]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"torque_nm": "62.4"}, "`torque_nm` must be a number or null, not text"),
        ({"torque_nm": True}, "`torque_nm` must be a number or null, not true or false"),
        ({"torque_nm": [1.0]}, "`torque_nm` must be a number or null, not a list"),
        ({"torque_nm": math.inf}, "`torque_nm` is infinite"),
        ({"torque_nm": -math.inf}, "`torque_nm` is infinite"),
        ({"speed": 10**400}, "`speed` is infinite"),
        ({"grade": {}}, "`grade` must be a category (text) or null, not an object"),
        ({"grade": math.inf}, "`grade` is infinite"),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_harms_no_other(
    risk: Risk, fields: dict[str, object], words: str
) -> None:
    good, bad = risk.answer([record(), record(**fields)])
    assert isinstance(good, Answer)
    assert isinstance(bad, HiveError)
    assert bad.code == "input_invalid"
    assert words in bad.detail


def test_a_record_must_be_an_object_with_a_known_field(risk: Risk) -> None:
    assert "must be an object" in refusal(risk, "torque 40")
    assert "must be an object" in refusal(risk, None)
    assert "a value for none of its fields: torque_nm, speed, grade" in refusal(risk, {})
    assert "a value for none of its fields" in refusal(risk, {"torque_nm": None, "other": 3})


def test_other_fields_are_ignored_but_a_misspelt_one_is_not(risk: Risk) -> None:
    assert output(risk, serial="A-17", taken_at="2024-05-01") == output(risk)
    assert (
        refusal(risk, {"torque_mn": 40.0, "speed": 1500})
        == "`record.torque_mn` is not known: did you mean 'torque_nm'?"
    )
    assert output(risk, torque_mn=40.0) == output(risk)  # the column itself is there: this is another field


def test_categories_may_come_as_numbers_and_flags(tmp_path: Path) -> None:
    columns = [*COLUMNS[:2], {**COLUMNS[2], "values": ["3", "2.5", "true"], "common": "3"}]
    risk = Risk(parts_of(tmp_path, preprocess__columns=columns))
    familiar = [output(risk, grade=value)["unfamiliar"] for value in (3, 3.0, "3", 2.5, True, 4, False)]
    assert familiar == [False, False, False, False, False, True, True]


class Counting(Summing):
    """Gives the number of ones in a row."""

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        return [(feeds["row"] == 1).sum(axis=1, keepdims=True).astype(np.float64)]


@pytest.mark.parametrize("kept", [COLUMNS[:2], COLUMNS[2:]])
def test_a_table_may_have_numbers_or_categories_alone(tmp_path: Path, kept: list[object]) -> None:
    changes = {"preprocess__columns": kept, "preprocess__derived": [], "postprocess__modes": None}
    risk = Risk(parts_of(tmp_path, Counting(), **changes))
    answers = risk.answer([risk.sample()] * 3)
    assert all(isinstance(answer, Answer) and not answer.unfamiliar for answer in answers)
    assert answers[0] == answers[2]


def test_enormous_values_neither_fail_nor_overflow(risk: Risk) -> None:
    assert output(risk, torque_nm=1e308, speed=1e308)["unfamiliar"] is True
    assert output(risk, torque_nm=-1e308)["probability"] == 0.0


def test_a_curve_replaces_slope_and_offset(tmp_path: Path) -> None:
    risk = Risk(parts_of(tmp_path, calibration__curve=[[-1, 0.1], [1, 0.5], [2, 0.6]]))
    assert output(risk)["probability"] == 0.3
    assert output(risk, torque_nm=76)["probability"] == 0.6


def test_the_sample_is_ordinary(risk: Risk) -> None:
    assert risk.sample() == {"record": {"torque_nm": 40.0, "speed": 1500.0, "grade": "low"}}
    (answer,) = risk.answer([risk.sample()])
    assert isinstance(answer, Answer)


def test_an_answer_travels_as_a_risk(risk: Risk) -> None:
    kind = TypeRegistry().get("risk")
    found = output(risk, torque_nm=66)
    assert decode_value(kind, encode_value(kind, found)) == found


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("preprocess__columns", None, "`preprocess.columns` must be a list"),
        ("preprocess__columns", [], "at least one column"),
        ("preprocess__columns", [COLUMNS[0], COLUMNS[0]], "under its own name"),
        ("preprocess__columns", [{"type": "date"}], "columns[0].type"),
        ("preprocess__columns", [{**COLUMNS[0], "scale": 0}], "columns[0].scale"),
        ("preprocess__columns", [{**COLUMNS[0], "median": "40"}], "columns[0].median"),
        ("preprocess__columns", [{**COLUMNS[0], "usual": 3}], "columns[0].usual"),
        ("preprocess__columns", [{**COLUMNS[0], "title": ""}], "columns[0].title"),
        ("preprocess__columns", [{**COLUMNS[2], "values": ["a", 3]}], "columns[0].values"),
        ("preprocess__columns", [{**COLUMNS[2], "common": "medium"}], "columns[0].values"),
        ("preprocess__derived", [{**DERIVED[0], "of": ["torque_nm", "grade"]}], "derived[0].of"),
        ("preprocess__derived", [{**DERIVED[0], "op": "sum"}], "derived[0].op"),
        ("postprocess__reasons", None, "postprocess.reasons"),
        ("postprocess__modes", [], "postprocess.modes"),
        ("calibration__slope", None, "calibration.slope"),
        ("calibration__margin", None, "calibration.margin"),
        ("calibration__curve", [[0, 0.5], [1, 0.2]], "calibration.curve"),
        ("calibration__curve", [[0, 0.5, 3]], "calibration.curve"),
    ],
)
def test_a_wrong_manifest_is_refused_by_field(tmp_path: Path, field: str, value: object, words: str) -> None:
    with pytest.raises(HiveError) as refused:
        Risk(parts_of(tmp_path, **{field: value}))
    assert refused.value.code == "manifest_invalid"
    assert words in refused.value.detail


def test_a_model_that_does_not_fit_its_manifest_fails_in_words(tmp_path: Path) -> None:
    with pytest.raises(HiveError, match=r"\[\(4, 1\)\], not \[\(4, 3\)\]"):
        Risk(parts_of(tmp_path, Summing(modes=False))).answer([record()])
