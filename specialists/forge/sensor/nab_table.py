"""Scores a detector and the benchmark's simple baselines on the same series of NAB, in one run, and prints a table.

    python -m specialists.forge.sensor.nab_table --data DIR [--specialist NAME_OR_DIR] [--expose]

DIR has the folder `nab`. Each detector gets its own best threshold for each profile over all series of the table, as
the benchmark does it. The published figures are over 58 series and compare only where the same series are at hand.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from specialists.forge import nab
from specialists.forge.sensor.baselines import BASELINES, Detector
from specialists.forge.sensor.gather import is_test, nab_recordings
from specialists.forge.sensor.labelled import NAB_ROWS
from specialists.forge.sensor.recite import nab_run
from specialists.forge.sensor.recording import Recording
from specialists.forge.sources.folders import root_of
from specialists.load import load

Runs = dict[str, list[nab.Marked]]


def main(argv: Sequence[str] | None = None) -> None:
    """Print one table over all series, and one over those that the bundled detector did not learn from."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="directory with the data sets (default: the environment's HIVE_DATA)")
    parser.add_argument(
        "--specialist", default="sensor-detect-anomaly", help="name or directory of the detector"
    )
    parser.add_argument("--expose", action="store_true", help="with EXPoSE, which takes some minutes")
    options = parser.parse_args(argv)
    baselines = {name: each for name, each in BASELINES.items() if options.expose or name != "EXPoSE"}
    root = root_of(options.data)
    if root is None or not (root / "nab").is_dir():
        parser.error(
            "say where the data sets are, with NAB in the folder `nab`: --data DIR, or set HIVE_DATA"
        )
    recordings = nab_recordings(root)
    names = [recording.name for recording in recordings]
    tested = [is_test(name, names) for name in names]
    runs = runs_of(recordings, options.specialist, baselines)
    held_out = {
        name: [r for r, kept in zip(each, tested, strict=True) if kept] for name, each in runs.items()
    }
    print(f"The {sum(tested)} series that the bundled detector did not learn from:\n")
    print("\n".join(table(held_out)))
    print(f"\nAll {len(names)} series at hand:\n")
    print("\n".join(table(runs)))


def runs_of(recordings: Sequence[Recording], specialist: str, baselines: Mapping[str, Detector]) -> Runs:
    """Return the scores of every detector on every series."""
    detector = load(Path(specialist) if Path(specialist).is_dir() else specialist)
    runs: Runs = {name: [] for name in (*baselines, specialist)}
    for recording in recordings:
        assert recording.marked is not None, "NAB's series have labels"
        windows = nab.windows_of(recording.marked)
        for name, baseline in baselines.items():
            runs[name].append(nab.Marked(baseline(recording.values[:, 0]), windows))
        runs[specialist].append(nab_run(detector, recording, NAB_ROWS))
    return runs


def table(runs: Runs) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = [
        f"| detector | {' | '.join(profile.name for profile in nab.PROFILES)} | windows hit | false alarms |"
    ]
    lines.append("|---" * (len(nab.PROFILES) + 3) + "|")
    for name, each in runs.items():
        results = [nab.score(each, profile) for profile in nab.PROFILES]
        scores = " | ".join(f"{result.score:.1f}" for result in results)
        first = results[0]
        lines.append(f"| {name} | {scores} | {first.windows_hit} of {first.windows} | {first.false_alarms} |")
    return lines


if __name__ == "__main__":
    main()
