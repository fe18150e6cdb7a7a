"""The page about scenarios names every key and every kind of fault."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from simulation.sim import scenario_models as models

PAGE = (Path(__file__).parents[2] / "docs/reference/scenarios.md").read_text(encoding="utf-8")
PARTS = [
    models.ScenarioFile, models.NodesConfig, models.CallersConfig,
    models.NetworkConfig, models.StoreConfig, models.FaultsConfig,
]  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_every_key_is_described(part: type[BaseModel]) -> None:
    assert [name for name in part.model_fields if f"`{name}`" not in PAGE] == []


def test_every_kind_of_fault_is_described() -> None:
    assert [kind for kind in get_args(models.Kind) if f"`{kind}`" not in PAGE] == []
