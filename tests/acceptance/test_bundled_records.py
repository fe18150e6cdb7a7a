"""The figures of the bundled specialists of records hold when their own test rows are asked again."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from specialists.kinds.base import Answer
from specialists.load import load

pytest.importorskip("sklearn", reason="the forge is not installed")

from specialists.forge import recipe
from specialists.forge.data.findings import Findings
from specialists.forge.records.leaks import auroc
from specialists.forge.records.loading import table_of
from specialists.forge.records.prepare import Wishes, prepared
from specialists.forge.records.rows import document_of
from specialists.forge.records.search import Effort
from specialists.forge.risk.quality import average_precision
from specialists.forge.sources.records import read_records

DATA = os.environ.get("HIVE_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="HIVE_DATA does not say where the data sets are")


@pytest.mark.parametrize(
    "name", ["machine-predict-failure", "transaction-score-risk", "transaction-score-credit"]
)
def test_the_test_part_is_ranked_as_claimed(name: str) -> None:
    wanted = recipe.load(name)
    assert wanted.data.source
    source = read_records(wanted.data.source, Path(DATA))
    options = wanted.options.get("data", {})
    wishes = Wishes(
        positive=str(options.get("positive", "")),
        modes=options.get("modes", ()),  # type: ignore[arg-type]
        drop=options.get("drop", ()),  # type: ignore[arg-type]
        effort=Effort(0, 0.0),
    )
    found = prepared(
        table_of(source.columns, source.target), wishes, wanted.seed, Findings(), lambda: None, classes=True
    )
    part = found.of("test")
    specialist = load(name)
    (field,) = specialist.manifest.inputs
    rows = [{field: document_of(found.table, part.records, at)} for at in range(len(part))]
    answers = [answer for at in range(0, len(rows), 16) for answer in specialist.answer(rows[at : at + 16])]
    chances = np.array(
        [a.output["probability"] for a in answers if isinstance(a, Answer) and isinstance(a.output, dict)]
    )
    assert len(chances) == len(part)
    for measure, value in (
        ("auroc", auroc(chances, part.values)),
        ("average_precision", average_precision(chances, part.values)),
    ):
        figure = specialist.manifest.quality[measure]
        assert figure["value"] == pytest.approx(value, abs=0.002), measure
