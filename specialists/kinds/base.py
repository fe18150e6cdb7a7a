"""The port of a kind of specialist: decoded inputs in, answers out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from hive.errors import HiveError
from specialists.engine.base import Engine
from specialists.engine.tokenize import TextTokenizer
from specialists.manifest import Manifest
from specialists.manifest_file import Json

Inputs = Mapping[str, object]
Prepared = TypeVar("Prepared")
Needed = TypeVar("Needed")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a specialist says of one input.

    `output` is a value of the manifest's output type, `confidence` lies in 0..1 and is calibrated on data not trained
    on, `unsure` says that the specialist itself would not rely on it, and `removes` names the labels that it claims
    to have removed from the data: nothing where it is unsure. `unfamiliar` says that the input is unlike what the
    specialist was made from; then it is unsure too, however confident the model is.
    """

    output: object
    confidence: float
    unsure: bool = False
    removes: frozenset[str] = frozenset()
    unfamiliar: bool = False


class Kind(Protocol):
    """Turns inputs into answers with the help of an engine. Stateless: an answer depends on its own input only."""

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Return one answer per input, in order, the same alone as in a batch.

        Each input maps the manifest's input names to decoded values. An input that does not fit gets a
        HiveError(input_invalid) in its place and harms no other. Raises HiveError(inference_failed) if the model itself
        fails, which concerns the whole batch.
        """
        ...

    def sample(self) -> Inputs:
        """Return a valid input, for warming up."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What a kind is built from: its manifest and, where the manifest names them, engine and tokenizer."""

    manifest: Manifest
    engine: Engine | None
    tokenizer: TextTokenizer | None


KindFactory = Callable[[Parts], Kind]


def answered_each(
    batch: Sequence[Inputs],
    prepare: Callable[[Inputs], Prepared],
    finish: Callable[[list[Prepared]], list[Answer]],
) -> list[Answer | HiveError]:
    """Prepare every input on its own, finish those that fit, and put the answers back in order."""
    results: list[Answer | HiveError | None] = []
    ready: list[Prepared] = []
    for item in batch:
        try:
            ready.append(prepare(item))
            results.append(None)
        except HiveError as error:
            results.append(error)
    answers = iter(finish(ready) if ready else [])
    return [next(answers) if result is None else result for result in results]


def consistent(answer: Answer) -> Answer:
    """Return the answer with what follows from its parts.

    Who is unfamiliar is unsure, and who is unsure has removed nothing. Where the output is a document, `unfamiliar`
    stands in it, so that whoever reads the value alone knows.
    """
    output = answer.output
    if isinstance(output, Mapping):
        output = {**output, "unfamiliar": answer.unfamiliar}
    unsure = answer.unsure or answer.unfamiliar
    removes = frozenset() if unsure else answer.removes
    return replace(answer, output=output, unsure=unsure, removes=removes)


def setting(settings: Json, name: str, where: str) -> float:
    """Return a number of a manifest's settings; raise HiveError(manifest_invalid) if it is missing or no number."""
    value = settings.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise HiveError(
            "manifest_invalid", f"The manifest needs the number `{where}.{name}`.", field=f"{where}.{name}"
        )
    return float(value)


def numbers(settings: Json, name: str, where: str, count: int) -> tuple[float, ...]:
    """Return a list of `count` numbers of a manifest's settings; raise HiveError(manifest_invalid) if it is none."""
    value = settings.get(name)
    items = value if isinstance(value, list) else []
    found = [item for item in items if isinstance(item, int | float) and not isinstance(item, bool)]
    if len(found) != count or len(items) != count:
        raise HiveError("manifest_invalid", f"The manifest needs {count} numbers in `{where}.{name}`.")
    return tuple(float(item) for item in found)


def names(settings: Json, name: str, where: str) -> tuple[str, ...]:
    """Return a list of strings of a manifest's settings; raise HiveError(manifest_invalid) if it is none."""
    value = settings.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise HiveError("manifest_invalid", f"The manifest needs the list of strings `{where}.{name}`.")
    return tuple(value)


def optional_names(settings: Json, name: str, where: str) -> tuple[str, ...]:
    """Return a list of strings, empty if it is not there; raise HiveError(manifest_invalid) if it is something else."""
    return names(settings, name, where) if settings.get(name, []) != [] else ()


def needed(part: Needed | None, what: str, kind: str) -> Needed:
    """Return `part`; raise HiveError(manifest_invalid) if the manifest names none and the kind cannot do without."""
    if part is None:
        raise HiveError("manifest_invalid", f"A specialist of kind {kind!r} needs {what}.")
    return part
