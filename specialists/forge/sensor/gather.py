"""The stage `data` of the tasks about sensors: NAB in two parts, or a user's own series split by time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from zlib import crc32

import numpy as np

from hive.errors import HiveError
from specialists.forge.data.findings import Findings
from specialists.forge.data.request import refuse_unread
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.sensor.recording import Recording, save, split_by_time
from specialists.forge.sensor.tables import read_recordings
from specialists.forge.sources.folders import folder_of
from specialists.forge.sources.signals import nab

_TRAINED: Final = 0.8


def gather(bench: Workbench) -> None:
    """Read the recordings, split them, and write them with what was found about them."""
    data = bench.recipe.data
    refuse_unread(
        bench.recipe.task, data, "validation", "unlabelled", "outside", "encoding", "delimiter", "header"
    )
    if data.source:
        parts = _nab(bench)
        save(bench.folder, parts, {"files": [], "findings": []})
        return
    findings = Findings()
    path = Path(data.path or "")
    recordings, files = read_recordings(path, data.columns, findings)
    if data.test:
        tested, more = read_recordings(Path(data.test), data.columns, findings)
        parts = split_by_time(recordings)
        parts["validation"] += parts["test"]
        parts["test"], files = tested, files + more
    else:
        parts = split_by_time(recordings)
    for finding in findings.items:
        bench.say(finding.sentence)
    save(bench.folder, parts, {"files": files, "findings": [found.as_json() for found in findings.items]})
    rows = sum(len(recording.values) for recording in recordings)
    channels = max(len(recording.channels) for recording in recordings)
    bench.say(
        f"{len(recordings)} series, {rows:,} rows, up to {channels} channels. The first 60 % of each are learned from."
    )


def is_test(name: str, names: Sequence[str]) -> bool:
    """Say whether a series of NAB is measured on and not learned from: every second of its folder, by a hash.

    `names` are all series. The hash, and not the order of names, decides, since neighbours in name resemble each other.
    """
    folder = name.partition("/")[0]
    ordered = sorted((n for n in names if n.partition("/")[0] == folder), key=lambda n: crc32(n.encode()))
    return ordered.index(name) % 2 == 1


def nab_recordings(root: Path) -> list[Recording]:
    """Return the series of NAB that are at hand."""
    return [
        Recording(series.name, ("value",), series.values.astype(np.float64)[:, None], series.anomalous)
        for series in nab(root)
    ]


def _nab(bench: Workbench) -> dict[str, list[Recording]]:
    if bench.recipe.data.source != "nab":
        raise HiveError(
            "recipe_invalid", "`data.source` of this task is nab, or give your own with `data.path`."
        )
    folder_of("nab", bench.data_root)
    assert bench.data_root is not None, "folder_of refuses without it"
    recordings = nab_recordings(bench.data_root)
    names = [recording.name for recording in recordings]
    learned = [recording for recording in recordings if not is_test(recording.name, names)]
    edges = [int(_TRAINED * len(recording.values)) for recording in learned]
    bench.say(f"{len(learned)} of {len(names)} series are learned from, the others are measured on.")
    return {
        "train": [r.cut(0, edge) for r, edge in zip(learned, edges, strict=True)],
        "validation": [r.cut(edge, len(r.values)) for r, edge in zip(learned, edges, strict=True)],
        "test": [recording for recording in recordings if is_test(recording.name, names)],
    }
