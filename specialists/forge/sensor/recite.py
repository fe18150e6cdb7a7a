"""Sends recordings to a detector as a device would: window after window, the context handed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hive.errors import HiveError
from specialists.forge import nab
from specialists.forge.sensor.recording import Recording
from specialists.kinds.base import Answer
from specialists.load import Specialist

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recited:
    """A detector's score and verdict of each window, and where the windows end: `ends` are rows, exclusive."""

    scores: Floats
    anomalous: npt.NDArray[np.bool_]
    ends: npt.NDArray[np.int64]

    def rows(self) -> Floats:
        """Return a score for every row: that of its window."""
        return np.repeat(self.scores, np.diff(self.ends, prepend=0))

    def rows_anomalous(self) -> npt.NDArray[np.bool_]:
        """Return whether each row's window is anomalous by what the detector says."""
        return np.repeat(self.anomalous, np.diff(self.ends, prepend=0))

    def when_known(self, count: int) -> Floats:
        """Return a score for every one of `count` rows: that of a window where it ends, when it is known; else 0."""
        out = np.zeros(count)
        out[self.ends - 1] = self.scores
        return out


def recite(specialist: Specialist, recording: Recording, rows: int) -> Recited:
    """Send a recording in windows of `rows` rows; a window without any value is skipped, and scores nothing."""
    context: object = None
    scores, verdicts, ends = [], [], []
    count = len(recording.values)
    for begin in range(0, count, rows):
        end = min(begin + rows, count)
        values = recording.values[begin:end].astype(np.float32)
        score, anomalous = 0.0, False
        if np.isfinite(values).any() and (context is not None or end - begin >= 8):
            window = {
                "source": recording.name,
                "channels": list(recording.channels),
                "interval_s": 1.0,
                "values": values,
                "context": context,
            }
            answer = specialist.answer([{"window": window}])[0]
            if isinstance(answer, HiveError):
                raise answer
            output = _said(answer)
            score, anomalous = float(str(output["score"])), bool(output["anomalous"])
            context = output["context"]
        scores.append(score)
        verdicts.append(anomalous)
        ends.append(end)
    return Recited(np.array(scores), np.array(verdicts, dtype=bool), np.array(ends))


def nab_run(specialist: Specialist, recording: Recording, rows: int) -> nab.Marked:
    """Return a detector's scores on a series of NAB; a window's score counts at its last row, when it is known."""
    assert recording.marked is not None, "NAB's series have labels"
    recited = recite(specialist, recording, rows)
    return nab.Marked(recited.when_known(len(recording.values)), nab.windows_of(recording.marked))


def _said(answer: Answer) -> Mapping[str, object]:
    output = answer.output
    assert isinstance(output, Mapping), "an anomaly is a document"
    return output
