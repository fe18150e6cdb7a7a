"""What a task's evaluate stage leaves in evaluation.json, read and checked, and the summary that scripts get."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

EVALUATION_FILE: Final = "evaluation.json"
PARTS: Final = ("teacher", "student_fp32", "student_int8")
_COSTS: Final = ("bytes", "parameters", "p50_ms", "p99_ms", "rss_mb")

Figure = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Measured:
    """One model: its quality, {measure: {value, low, high, n, data}}, and what it costs.

    `bytes` is the size of its file, `parameters` their number, `p50_ms` and `p99_ms` the time of one run at one
    thread, `rss_mb` the resident memory of a process that runs it; what was not measured is absent.
    """

    quality: Mapping[str, Figure]
    cost: Mapping[str, float]

    def value(self, measure: str) -> float:
        """Return a measure's value; raise KeyError if it was not measured."""
        value = self.quality[measure]["value"]
        assert isinstance(value, int | float), f"{measure} is a number"
        return float(value)

    def costs(self) -> Mapping[str, float]:
        """Return what it costs."""
        return self.cost

    def summary(self) -> dict[str, object]:
        """Return it as `hive forge build --json` shows it."""
        quality = {name: figure["value"] for name, figure in self.quality.items()}
        return {"quality": quality, **{name: value for name, value in self.cost.items() if name in _COSTS}}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A teacher, its student, and the quantized student, measured side by side.

    `headline` is the measure by which they are compared, `shipped` the part that is published, `raw` the whole
    document, with what else the task measured (per_class, robustness, extra).
    """

    task: str
    classes: int
    headline: str
    shipped: str
    teacher: Measured
    student_fp32: Measured
    student_int8: Measured
    raw: Mapping[str, object]

    def parts(self) -> dict[str, Measured]:
        """Return the three models by name."""
        return {"teacher": self.teacher, "student_fp32": self.student_fp32, "student_int8": self.student_int8}

    def summary(self) -> dict[str, object]:
        """Return what `hive forge build --json` prints.

        `retention` is the int8 student's headline measure over the teacher's, `bytes_ratio` the teacher's bytes over
        the student's, `speedup` the teacher's median time over the student's.
        """
        student, teacher = self.student_int8, self.teacher
        return {
            "task": self.task,
            "classes": self.classes,
            **{name: part.summary() for name, part in self.parts().items()},
            "headline": self.headline,
            "shipped": self.shipped,
            "retention": _ratio(student.value(self.headline), teacher.value(self.headline)),
            "bytes_ratio": _ratio(teacher.cost["bytes"], student.cost["bytes"]),
            "speedup": _ratio(teacher.cost["p50_ms"], student.cost["p50_ms"]),
        }


def read_evaluation(folder: Path) -> Evaluation:
    """Return what the evaluate stage left in `folder`; raise KeyError or ValueError if it lacks something."""
    raw = json.loads((folder / EVALUATION_FILE).read_text("utf-8"))
    teacher, exact, quantized = (_measured(raw[name]) for name in PARTS)
    return Evaluation(
        raw["task"],
        int(raw["classes"]),
        raw["headline"],
        raw.get("shipped", "student_int8"),
        teacher,
        exact,
        quantized,
        raw,
    )


def ratio_text(value: object, form: str) -> str:
    """Return one of the summary's ratios in a format such as `.1%`, "?" where there is none: the teacher is at zero."""
    return format(value, form) if isinstance(value, int | float) else "?"


def _measured(raw: Mapping[str, object]) -> Measured:
    quality = raw["quality"]
    assert isinstance(quality, Mapping), "quality is an object"
    quality = {name: _finite(figure) for name, figure in quality.items() if _is_number(figure["value"])}
    costs = {name: value for name, value in raw.items() if isinstance(value, int | float)}
    return Measured(quality, costs)


def _is_number(value: object) -> bool:
    """Say whether a measure has a value: of one class, for example, no ranking can be measured."""
    return isinstance(value, int | float) and math.isfinite(value)


def _finite(figure: Figure) -> Figure:
    """Return a figure without bounds that are no numbers; JSON and readers of cards have no word for them."""
    return {
        name: value for name, value in figure.items() if not isinstance(value, float) or math.isfinite(value)
    }


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None
