"""What will happen in a run, as plain values: submissions and faults. A part of a plan is a plan too."""

from __future__ import annotations

from dataclasses import dataclass

from hive.record import record

Args = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong with `target` at an instant; `args` say how, and for how long (`for_us`)."""

    at_us: int
    kind: str
    target: str
    args: Args = ()

    def arg(self, name: str, default: int = 0) -> int:
        """Return one of the arguments."""
        return next((value for key, value in self.args if key == name), default)


@record
class Submission:
    """One task that a caller asks for. `number` marks its payload and occurs in no other submission.

    With a `key` it may be submitted again, `again_us` later; `cancel_us` later it is cancelled; -1 means neither.
    If it fails, it is `retried` once. What is `wished` for names the type that the capability makes in its place.
    `poison` says what its payload does to whoever runs it: nothing, or `kill`, or `hang`.
    """

    at_us: int
    caller: str
    number: int
    capability: str
    label: str = ""
    priority: int = 5
    deadline_us: int = 10_000_000
    durable: bool = False
    wait: bool = True
    hold: bool = False
    patient: bool = True
    key: str = ""
    min_confidence: float = 0.0
    cancel_us: int = -1
    again_us: int = -1
    poison: str = ""
    retried: bool = False
    wished: bool = False

    @property
    def payload(self) -> str:
        """Return what marks the payload, which is the right answer at the same time."""
        return f"{self.capability}<{self.number}>"

    @property
    def stored(self) -> bool:
        """Say whether it is accepted only once it is stored."""
        return self.durable or bool(self.key)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that comes from outside into a world."""

    faults: tuple[Fault, ...]
    submissions: tuple[Submission, ...]
