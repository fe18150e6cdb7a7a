"""Structured pruning of the student: whole filters go, the least important first.

All layers of the student add to one signal, so a filter is one row of that signal in every layer. Its importance is the
squared first-order Taylor term of the loss when the filter is taken away (Molchanov et al. 2019, Importance Estimation
for Neural Network Pruning).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import torch

from specialists.forge.tag.student import TagStudent

GatedLoss = Callable[[TagStudent, torch.Tensor], torch.Tensor]
"""The loss of a student on some rows, its filters scaled by a gate [filters]."""


def importance(student: TagStudent, losses: Iterable[GatedLoss]) -> torch.Tensor:
    """Return one number per filter, [filters], from `losses` that each are of some rows."""
    total = torch.zeros(student.size.filters)
    student.eval()
    for loss in losses:
        gate = torch.ones(student.size.filters, requires_grad=True)
        (slope,) = torch.autograd.grad(loss(student, gate), gate)
        total += slope.detach() ** 2
    return total


def narrowed(student: TagStudent, keep: torch.Tensor) -> TagStudent:
    """Return a student with the filters `keep` alone, their weights as they were."""
    old = student.size
    small = TagStudent(replace(old, filters=len(keep)))
    features = torch.cat([keep, old.filters + keep, 2 * old.filters + torch.arange(old.width)])
    state = student.state_dict()
    layers = range(len(old.dilations))
    rows = {f"{name}.{part}" for name in ("enter", "tell") for part in ("weight", "bias")}
    rows |= {f"blocks.{n}.bias" for n in layers}
    kept = {name: value[keep] if name in rows else value for name, value in state.items()}
    for n in layers:
        kept[f"blocks.{n}.weight"] = state[f"blocks.{n}.weight"][keep][:, keep]
    kept["tag_head.weight"] = state["tag_head.weight"][:, keep]
    for name in ("intent_head.weight", "gist.weight"):
        kept[name] = state[name][:, features]
    small.load_state_dict(kept)
    return small
