"""What the capability graph is made of, what it is asked with, and what it answers. Frozen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Beyond:
    """A linked site that offers a capability, the sites that a task would pass on its way, the labels it takes in."""

    site: str
    path: tuple[str, ...]
    labels: int


@dataclass(frozen=True, slots=True)
class Served:
    """A capability that a granted node serves: its inputs, its output, the labels that it may remove and may see.

    `beyond` are the linked sites that offer it too; `here` says whether a node of this site does.
    """

    capability: str
    inputs: tuple[tuple[str, str], ...]
    output: str
    removes: int = 0
    allowed_labels: int = 0
    rule: str = ""
    digests: tuple[str, ...] = ()
    beyond: tuple[Beyond, ...] = ()
    here: bool = True


@dataclass(frozen=True, slots=True)
class Given:
    """A value to begin with."""

    name: str
    type: str
    labels: int


@dataclass(frozen=True, slots=True)
class Step:
    """One call: `inputs` are (name, type, source), source < 0 for task input -(source + 1), else an earlier step."""

    capability: str
    inputs: tuple[tuple[str, str, int], ...]
    output: str
    labels: int
    removes: int
    rule: str
