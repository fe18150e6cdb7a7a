"""What a whole build leaves: a directory that loads, with its card, lineage and bill of materials, and a report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hive.errors import HiveError
from specialists.forge.pipeline.build import Built
from specialists.forge.pipeline.card import _sources
from specialists.forge.pipeline.draft import Draft
from specialists.forge.pipeline.install import install, refuse_foreign
from specialists.forge.report.folder import refuse_foreign_report, report_folder
from specialists.load import load
from specialists.manifest import verify
from tests.fakes.forge_task import Copying, recipe, whole


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return whole(tmp_path_factory.mktemp("cache"), Copying(), recipe())


def test_the_directory_loads_and_every_word_in_it_is_pinned(built: Built, tmp_path: Path) -> None:
    install(built.of("publish"), tmp_path / "mine")
    specialist = load(tmp_path / "mine")
    verify(specialist.manifest)
    assert set(specialist.manifest.files) == {
        "bom.json",
        "card.md",
        "lineage.json",
        "model.onnx",
        "tokenizer.json",
    }
    assert {path.name for path in (tmp_path / "mine").iterdir()} == {
        *specialist.manifest.files,
        "manifest.json",
        "costs.json",
    }
    assert specialist.manifest.quality["accuracy"]["value"] == 0.95


def test_a_card_without_citations_says_whose_the_data_is() -> None:
    draft = Draft(
        "text.sort", {"text": "text"}, "category", "classify", {}, {}, 1, "why", "It sorts.", "By hand."
    )
    assert list(_sources(recipe(), draft)) == [
        "The weights are under LicenseRef-unspecified. They were made from data of their maker's own."
    ]


def test_the_lineage_goes_from_the_data_to_the_quantized_student(built: Built) -> None:
    lineage = json.loads((built.of("publish") / "lineage.json").read_text())
    assert lineage["headline"] == "accuracy"
    steps = lineage["steps"]
    assert [(s["what"], s.get("value"), s.get("change")) for s in steps] == [
        ("data", None, None),
        ("teacher", 0.96, None),
        ("student, distilled", 0.955, -0.005),
        ("student, distilled and pruned", 0.951, -0.004),
        ("student, quantized", 0.95, -0.001),
    ]
    assert steps[0] == {
        "stage": "data",
        "what": "data",
        "sha256": "0" * 64,
        "rows": {"train": 70, "test": 30},
    }
    assert all(re.fullmatch("[0-9a-f]{64}", step["sha256"]) for step in steps)
    assert len({step["sha256"] for step in steps}) == 5


def test_the_card_tells_the_lineage_and_escapes_nothing_away(built: Built) -> None:
    card = (built.of("publish") / "card.md").read_text()
    assert "| student, quantized | `" in card
    assert "| 0.9500 | -0.0010 | 1,000,000 | - |" in card
    assert "- A made-up set (2026), CC0" in card


REQUIRED = {"bomFormat", "specVersion"}
COMPONENT = {"type", "name"}
"""What bom-1.6.schema.json requires of the document and of a component."""


def test_the_bill_of_materials_is_cyclonedx_1_6(built: Built) -> None:
    bill = json.loads((built.of("publish") / "bom.json").read_text())
    assert set(bill) >= REQUIRED
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bill["serialNumber"])
    model = bill["metadata"]["component"]
    components = [model, *bill["components"]]
    refs = [component["bom-ref"] for component in components]
    assert len(set(refs)) == len(refs)
    for component in components:
        assert set(component) >= COMPONENT
        assert component["type"] in {"machine-learning-model", "data"}
        assert ("modelCard" in component) == (component["type"] == "machine-learning-model")
        assert ("data" in component) == (component["type"] == "data")
        for entry in component.get("hashes", []):
            assert entry["alg"] == "SHA-256"
            assert re.fullmatch("[0-9a-f]{64}", entry["content"])
        for entry in component.get("data", []):
            assert entry["type"] == "dataset"
    metrics = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert metrics[0] == {
        "type": "accuracy",
        "value": "0.95",
        "slice": "test",
        "confidenceInterval": {"lowerBound": "0.94", "upperBound": "0.96"},
    }
    assert {entry["ref"] for entry in model["modelCard"]["modelParameters"]["datasets"]} < set(refs)
    (tree, *leaves) = bill["dependencies"]
    assert tree["ref"] == "specialist"
    assert set(tree["dependsOn"]) == {leaf["ref"] for leaf in leaves} == set(refs) - {"specialist"}


def test_the_same_recipe_and_seed_give_the_same_digest_and_another_seed_another(
    built: Built, tmp_path: Path
) -> None:
    again = whole(tmp_path / "again", Copying(), recipe())
    other = whole(tmp_path / "other", Copying(), recipe(seed=5))
    first, second, third = (load(b.of("publish")).digest for b in (built, again, other))
    assert first == second != third


@pytest.mark.parametrize("there", ["notes.txt", "manifest.json"])
def test_only_a_specialist_or_an_empty_directory_is_replaced(
    built: Built, tmp_path: Path, there: str
) -> None:
    target = tmp_path / "mine"
    target.mkdir()
    install(built.of("publish"), target)
    install(built.of("publish"), target)
    other = tmp_path / "other"
    other.mkdir()
    (other / there).write_text("{}")
    if there == "manifest.json":
        refuse_foreign(other)
    else:
        with pytest.raises(HiveError, match="is no specialist, so it is left alone"):
            install(built.of("publish"), other)
        assert (other / there).read_text() == "{}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "other"]


def test_a_foreign_folder_in_the_place_of_the_report_is_left_alone(tmp_path: Path) -> None:
    folder = report_folder(tmp_path / "mine")
    refuse_foreign_report(tmp_path / "mine")
    folder.mkdir()
    refuse_foreign_report(tmp_path / "mine")
    (folder / "thesis.tex").write_text("x")
    with pytest.raises(HiveError, match="it holds something else"):
        refuse_foreign_report(tmp_path / "mine")


def test_the_report_has_the_table_the_plots_and_what_was_found(built: Built, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the forge is not installed")
    from specialists.forge.report.write import write_report  # noqa: PLC0415 - needs matplotlib

    for _ in range(2):
        folder = write_report(built, recipe(), tmp_path / "mine")
    assert folder == tmp_path / "mine.report"
    names = {path.name for path in folder.iterdir()}
    plots = ("tradeoff", "per_class", "reliability")
    assert names == {"report.md", "report.json", *(f"{p}.{end}" for p in plots for end in ("svg", "png"))}
    text = (folder / "report.md").read_text()
    assert (
        "keeps **99.0%** of the teacher's accuracy, is **90.0** times smaller and answers **50.0** times"
        in text
    )
    assert (
        "| accuracy | 0.9600 (0.9500 to 0.9700) | 0.9510 (0.9410 to 0.9610) | 0.9500 (0.9400 to 0.9600) |"
        in text
    )
    assert "| size | 90 MB | 4 MB | 1 MB |" in text
    assert "| a\\|b | 0.800 |" in text
    assert "| input | teacher | student int8 |\n|---|---|---|\n| typos | 0.9400 | 0.9100 |" in text
    assert "- data: data has seen 0" in text
    report = json.loads((folder / "report.json").read_text())
    assert report["summary"]["bytes_ratio"] == 90.0
    assert report["data"]["counts"] == {"train": 70, "test": 30}
    assert report["said"]["evaluate"] == ["evaluate has seen 15"]


def test_the_same_evaluation_draws_the_same_plots(built: Built, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the forge is not installed")
    from specialists.forge.report.write import write_report  # noqa: PLC0415 - needs matplotlib

    one, other = (write_report(built, recipe(), tmp_path / name / "mine") for name in ("one", "other"))
    for plot in one.glob("*.svg"):
        assert plot.read_bytes() == (other / plot.name).read_bytes()
