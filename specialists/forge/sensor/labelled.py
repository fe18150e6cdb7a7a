"""A detector on series with labelled anomalies: NAB's score, SKAB's rows, and a user's own labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from specialists.forge import nab
from specialists.forge.measures import Measure, bootstrap, ranking, share
from specialists.forge.pipeline.stages import Workbench
from specialists.forge.sensor.recite import Floats, nab_run, recite
from specialists.forge.sensor.recording import PARTS, Recording, load
from specialists.forge.sources.folders import folder_of
from specialists.forge.sources.signals import skab_valve1
from specialists.load import Specialist

NAB_ROWS: Final = 8
"""Rows of a window that NAB's series are sent in: at 5 minutes a row, a score every 40 minutes."""
SKAB_ROWS: Final = 64
SKAB_LEARNED: Final = 400
"""The first rows of each of SKAB's runs, without anomaly, that its leaderboard lets a detector learn from."""
SKAB_CHOSEN_ON: Final = 8
"""By runs 0 to 7 of valve1 the detector's design was chosen, by the later ones nothing."""
_USER_ROWS: Final = 32
_MOST_ROWS: Final = 100_000


def labelled(specialist: Specialist, bench: Workbench) -> tuple[dict[str, Measure], dict[str, object]]:
    """Return figures of the shipped specialist on labelled series, and what else there is to say."""
    figures: dict[str, Measure] = {}
    extra: dict[str, object] = {}
    if bench.recipe.data.source == "nab":
        more, extra = nab_figures(specialist, load(bench.of("data"), "test"))
        figures |= more
    else:
        figures |= _own(specialist, bench)
    if "skab" in bench.recipe.data.also:
        folder_of("skab", bench.data_root)
        assert bench.data_root is not None, "folder_of refuses without it"
        figures |= skab_figures(specialist, skab_runs(bench.data_root))
    return figures, extra


def nab_figures(
    specialist: Specialist, recordings: Sequence[Recording], draws: int = 200
) -> tuple[dict[str, Measure], dict[str, object]]:
    """Return NAB's score in its three profiles; the interval is over resampled series, the threshold the whole's."""
    runs = [nab_run(specialist, recording, NAB_ROWS) for recording in recordings]
    where = f"{len(runs)} series of NAB that were not learned from, 0 silent to 100 perfect"
    rng = np.random.default_rng(0)
    picks = [rng.integers(0, len(runs), len(runs)) for _ in range(draws)]
    figures: dict[str, Measure] = {}
    extra: dict[str, object] = {}
    for profile in nab.PROFILES:
        whole = nab.score(runs, profile)
        drawn = [nab.score([runs[i] for i in pick], profile, whole.threshold).score for pick in picks]
        low, high = np.nanpercentile(drawn, [2.5, 97.5])
        name = profile.name.removeprefix("reward_").removesuffix("_rate").lower()
        # NAB's threshold is the best one for the series at hand, as for every detector of its table.
        figures[f"nab_{name}"] = Measure(whole.score, float(low), float(high), len(runs), where)
        extra[f"nab {profile.name}"] = (
            f"{whole.score:.1f}: {whole.windows_hit} of {whole.windows} windows, {whole.false_alarms} false alarms, "
            f"threshold {whole.threshold:.3f}"
        )
    return figures, extra


def skab_runs(root: Path) -> list[Recording]:
    """Return the runs of SKAB's valve1."""
    return [
        Recording(name, tuple(f"c{n}" for n in range(values.shape[1])), values.astype(np.float64), marked)
        for name, values, marked in skab_valve1(root)
    ]


def skab_figures(specialist: Specialist, runs: Sequence[Recording]) -> dict[str, Measure]:
    """Return how rows of SKAB are ranked, and told apart by the specialist's own verdict; intervals resample runs.

    A run's rows are alike, so rows drawn one by one would make the intervals far too narrow.
    """
    scored = []
    for run in runs:
        assert run.marked is not None, "SKAB's runs have labels"
        recited = recite(specialist, run, SKAB_ROWS)
        rows = _Scored(run.marked, recited.rows(), recited.rows_anomalous())
        scored.append(rows.last(len(run.values) - SKAB_LEARNED))
    later = scored[SKAB_CHOSEN_ON:]
    every = f"rows of SKAB valve1, {len(runs)} runs, never trained on"
    kept = (
        f"rows of SKAB valve1, runs {SKAB_CHOSEN_ON} and up, never trained on; their figures were seen while the "
        "design was chosen by the other runs"
    )
    return {
        "skab_auroc": _over(later, _area, kept),
        "skab_auroc_all": _over(scored, _area, every),
        "skab_false_alarms": _over(later, lambda rows: float(rows.told[~rows.marked].mean()), kept),
        "skab_missed": _over(later, lambda rows: float((~rows.told[rows.marked]).mean()), kept),
    }


@dataclass(frozen=True, slots=True)
class _Scored:
    """Rows: whether each is labelled, its score, and whether the detector calls its window anomalous."""

    marked: npt.NDArray[np.bool_]
    scores: Floats
    told: npt.NDArray[np.bool_]

    def last(self, count: int) -> _Scored:
        """Return the last `count` rows."""
        return _Scored(self.marked[-count:], self.scores[-count:], self.told[-count:])


def _area(rows: _Scored) -> float:
    return float(roc_auc_score(rows.marked, rows.scores))


def _joined(runs: Sequence[_Scored]) -> _Scored:
    return _Scored(
        np.concatenate([run.marked for run in runs]),
        np.concatenate([run.scores for run in runs]),
        np.concatenate([run.told for run in runs]),
    )


def _over(runs: Sequence[_Scored], statistic: Callable[[_Scored], float], data: str) -> Measure:
    """Return a statistic of the rows of all `runs`, with an interval over resampled runs; `n` counts rows."""
    drawn = bootstrap(
        lambda picked: statistic(_joined([runs[place] for place in picked])), len(runs), data, rounds=200
    )
    return replace(drawn, n=sum(len(run.marked) for run in runs))


def _own(specialist: Specialist, bench: Workbench) -> dict[str, Measure]:
    """Return how the rows of a user's labelled test part are told apart; the earlier parts teach the context."""
    parts = {part: load(bench.of("data"), part) for part in PARTS}
    scored = []
    for number, tested in enumerate(parts["test"]):
        if tested.marked is None or not tested.marked.any():
            continue
        before = [parts[part][number].values for part in PARTS[:2]] if not bench.recipe.data.test else []
        values = np.concatenate([*before, tested.values])[-_MOST_ROWS:]
        recited = recite(specialist, Recording(tested.name, tested.channels, values), _USER_ROWS)
        rows = _Scored(tested.marked, recited.rows(), recited.rows_anomalous())
        scored.append(rows.last(min(len(tested.marked), len(values))))
    if not scored:
        return {}
    whole = _joined(scored)
    where = "labelled rows of the test part"
    return {
        "labelled_auroc": ranking(whole.marked, whole.scores, where),
        "labelled_found": share(whole.told[whole.marked], where),
        "labelled_false_alarms": share(whole.told[~whole.marked], where),
    }
