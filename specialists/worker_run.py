"""Running a batch: body frames to values, through the specialist, and back to body frames.

Nothing that a caller sent, and nothing that a model does short of killing the process, gets out of here other than
as a result.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from hive.errors import HiveError
from hive.ids import task_id_text
from hive.types import DataType, TypeRegistry
from hive.values import decode_value, encode_value
from hive.wire.messages import Offer, Work
from specialists.core.events import Done, Failed, Result
from specialists.kinds.base import Answer
from specialists.manifest import Manifest

Inputs = Mapping[str, object]


class Model(Protocol):
    """What a worker needs of a specialist."""

    @property
    def manifest(self) -> Manifest:
        """What it does and what it takes."""
        ...

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Return one answer per input, in order."""
        ...


class EffectLog:
    """A file to which one line of JSON is appended per attempt that was run.

    For checkers outside the system: $HIVE_EFFECT_LOG names the file, and the lines {"task", "epoch", "attempt",
    "step", "node", "incarnation"} say what really ran, whatever anybody says about it. Nothing of a payload.
    """

    def __init__(self, path: Path, node: str, incarnation: int) -> None:
        """Open the file; raise HiveError(state_unwritable) if that cannot be."""
        self._about = {"node": node, "incarnation": incarnation}
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HiveError("state_unwritable", f"{path}: {error.strerror}.") from error

    def ran(self, works: Sequence[Work]) -> None:
        """Append the attempts in one write, so that lines of several processes do not mix."""
        lines = []
        for work in works:
            h = work.header
            names = {"task": task_id_text(h.task), "epoch": h.epoch, "attempt": h.attempt, "step": h.step}
            lines.append(json.dumps(names | self._about) + "\n")
        os.write(self._fd, "".join(lines).encode())


class Runner:
    """Runs works on one specialist."""

    def __init__(self, model: Model, effects: EffectLog | None = None) -> None:
        """Look up the data types; raise HiveError(type_unknown) if the manifest names one that nobody defines."""
        registry = TypeRegistry(model.manifest.types)
        self._model = model
        self._effects = effects
        self._inputs = {name: registry.get(kind) for name, kind in model.manifest.inputs.items()}
        self._output = registry.get(model.manifest.output)

    def run(self, works: Sequence[Work]) -> tuple[Result, ...]:
        """Return one result per work, in order. A work that cannot be decoded harms no other."""
        results: list[Result | None] = []
        batch: list[Inputs] = []
        for work in works:
            try:
                batch.append(self._decode(work))
                results.append(None)
            except HiveError as error:
                results.append(_failed(error))
        answers = iter(self._answers(batch) if batch else [])
        if self._effects is not None:
            self._effects.ran(works)
        return tuple([self._result(next(answers)) if result is None else result for result in results])

    def _decode(self, work: Work) -> Inputs:
        if not work.inputs:
            if len(self._inputs) != 1:
                raise HiveError("input_invalid", f"Name the inputs: {', '.join(self._inputs)}.")
            return {name: decode_value(kind, work.body) for name, kind in self._inputs.items()}
        frames: dict[str, tuple[bytes, ...]] = {}
        at = 0
        for name, _, count in work.inputs:
            frames[name] = work.body[at : at + count]
            at += count
        if at != len(work.body):
            raise HiveError("input_invalid", f"The inputs name {at} frames, the body has {len(work.body)}.")
        return {name: _decode_input(name, kind, frames) for name, kind in self._inputs.items()}

    def _answers(self, batch: list[Inputs]) -> list[Answer | HiveError]:
        """Return the specialist's answers; after a failure of the batch each input is tried on its own."""
        try:
            answers = self._model.answer(batch)
            if len(answers) == len(batch):
                return answers
            error = HiveError("inference_failed", f"{len(answers)} answers to {len(batch)} inputs.")
        except HiveError as failure:
            error = failure
        except MemoryError:
            error = HiveError("worker_memory", "The input needs more memory than this worker may take.")
        except Exception as failure:  # noqa: BLE001 - a model's code must not end the worker; a bug of ours neither
            # The type only: a message may quote the payload.
            error = HiveError("inference_failed", f"The specialist raised {type(failure).__name__}.")
        if len(batch) == 1:
            return [error]
        return [answer for item in batch for answer in self._answers([item])]

    def _result(self, answer: Answer | HiveError) -> Result:
        if isinstance(answer, HiveError):
            return _failed(answer)
        try:
            body = tuple(encode_value(self._output, answer.output))
        except HiveError as error:
            return Failed("inference_failed", f"The output is not a {self._output.name}: {error.detail}")
        removes = tuple(sorted(answer.removes))
        return Done(body, float(answer.confidence), bool(answer.unsure), removes)


def offer_of(manifest: Manifest) -> Offer:
    """Return what a specialist claims to be able to do."""
    return Offer(
        capability=manifest.capability,
        version=manifest.version,
        inputs=tuple(manifest.inputs.items()),
        output=manifest.output,
        digest=manifest.digest,
        specialist=manifest.name,
        removes=tuple(sorted(manifest.removes)),
        run_bound_us=manifest.run_bound_ms * 1000,
        types=tuple(kind.as_json() for kind in manifest.types),
        idempotent=manifest.idempotent,
    )


def _decode_input(name: str, kind: DataType, frames: dict[str, tuple[bytes, ...]]) -> object:
    """Return one input's value. Its stated type may be a subtype: those frames begin with the parent's."""
    if name not in frames:
        raise HiveError("input_invalid", f"The input {name!r} is missing.")
    return decode_value(kind, frames[name])


def _failed(error: HiveError) -> Failed:
    return Failed(error.code, error.detail, error.context)
