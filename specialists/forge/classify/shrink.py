"""The stage `prune`: the filters that matter least are cut out of the student, which then learns again for a while.

The importance of a filter is how much the loss would change without it, to first order and squared: the sum of
gradient times weight over the filter (Molchanov et al. 2019, Importance Estimation for Neural Network Pruning).
Filters of all kernel sizes compete, so pruning also finds how many of each size the data needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import torch
from torch import nn

from specialists.forge.classify.distill import Lot, StudentPlan, loss_of
from specialists.forge.classify.student import Shape, TextStudent, filled
from specialists.forge.loops import like_length

_BATCHES: Final = 40
_FEWEST: Final = 8


def importance(student: TextStudent, lot: Lot, plan: StudentPlan, seed: int) -> list[torch.Tensor]:
    """Return the importance of each filter, one vector per kernel size, over some batches of the lot."""
    student.eval()
    still = nn.Linear(student.shape.features, lot.lesson.embeddings.shape[1])
    totals = [torch.zeros(count) for _, count in student.shape.filters]
    batches = like_length([len(row) for row in lot.rows], plan.batch, seed, 0)[:_BATCHES]
    for part in batches:
        student.zero_grad(set_to_none=True)
        ids = filled([lot.rows[i] for i in part])
        loss = loss_of(student, still, ids, lot, torch.tensor(part), replace(plan, near=0.0))
        torch.autograd.backward(loss)
        for total, kernel in zip(totals, _kernels(student), strict=True):
            total.add_(_change(kernel).pow(2))
    return [total / len(batches) for total in totals]


def without(student: TextStudent, matters: Sequence[torch.Tensor], keep: int) -> TextStudent:
    """Return a student with the `keep` filters that matter most, at least a few of each kernel size."""
    order = torch.cat(list(matters)).argsort(descending=True)
    chosen = torch.zeros(len(order), dtype=torch.bool)
    chosen[order[:keep]] = True
    kept = [_at_least(mine, matter) for mine, matter in zip(_split(chosen, matters), matters, strict=True)]
    shape = student.shape
    filters = tuple((size, len(rows)) for (size, _), rows in zip(shape.filters, kept, strict=True))
    small = TextStudent(Shape(shape.pieces, shape.width, filters, shape.classes), student.drop.p)
    with torch.no_grad():
        small.embed.weight.copy_(student.embed.weight)
        for new, old, rows in zip(_kernels(small), _kernels(student), kept, strict=True):
            new.weight.copy_(old.weight[rows])
            _bias(new).copy_(_bias(old)[rows])
        small.head.weight.copy_(student.head.weight[:, _columns(shape, kept)])
        small.head.bias.copy_(student.head.bias)
    return small


def _columns(shape: Shape, kept: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return which of the student's features stay: those of the kept filters, and the mean embedding."""
    begin, parts = 0, []
    for (_, count), rows in zip(shape.filters, kept, strict=True):
        parts.append(rows + begin)
        begin += count
    return torch.cat([*parts, torch.arange(begin, begin + shape.width)])


def _split(chosen: torch.Tensor, like: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    return torch.split(chosen, [len(part) for part in like])


def _at_least(chosen: torch.Tensor, matter: torch.Tensor) -> torch.Tensor:
    rows = chosen.nonzero().squeeze(1)
    if len(rows) >= _FEWEST:
        return rows
    return matter.argsort(descending=True)[:_FEWEST].sort().values


def _kernels(student: TextStudent) -> list[nn.Conv1d]:
    return [kernel for kernel in student.kernels if isinstance(kernel, nn.Conv1d)]


def _bias(kernel: nn.Conv1d) -> torch.Tensor:
    assert kernel.bias is not None, "every kernel of a student has a bias"
    return kernel.bias


def _change(kernel: nn.Conv1d) -> torch.Tensor:
    """Return gradient times weight, summed over each filter with its bias."""
    bias = _bias(kernel)
    assert kernel.weight.grad is not None, "the loss hangs on every kernel"
    assert bias.grad is not None, "and on its bias"
    return (kernel.weight.grad * kernel.weight).detach().sum((1, 2)) + (bias.grad * bias).detach()
