"""What happened, for people: the events that a violation is about, one line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final

from conductor.core import actions as does
from hive.core import client_events as asks
from hive.wire import messages as wire
from simulation.sim.engine import number_of
from specialists.core import events as node

if TYPE_CHECKING:
    from simulation.sim.watch import Violation
    from simulation.sim.world import Happening, World

_LINES: Final = 80
_QUIET: Final = (wire.Beat, wire.Ack, node.Turned, wire.Journal, wire.Event)
_WORDS: Final = ("role", "name", "state", "code", "what", "reason", "why", "key")
_WORD: Final = 60
_OPENED: Final = "connects"


def story_of(world: World, violations: Iterable[Violation]) -> Iterator[str]:
    """Yield the lines of the first violation's story: what its subject went through, and the faults up to then."""
    first = next(iter(violations), None)
    if first is None or world.tape is None:
        return
    names = _names(world)
    words = _words(world, first)
    told = [
        line
        for happening in world.tape
        if happening[0] <= first.at_us
        and (line := _line(happening, names)) is not None
        and (happening[2] == "fault" or any(word in line for word in words))
    ]
    if len(told) > _LINES:
        yield f"{'':>12}  … {len(told) - _LINES} earlier events"
    yield from told[-_LINES:]
    yield f"{first.at_us / 1e6:12.6f}  BROKEN: {first.invariant}. {first.sentence}"


def everything(world: World) -> Iterator[str]:
    """Yield a line for all that was kept of a traced run, but for beats and the like."""
    names = _names(world)
    for happening in world.tape or ():
        line = _line(happening, names)
        if line is not None:
            yield line


def _names(world: World) -> Mapping[bytes, str]:
    return {task: ask.payload for _, task, ask in world.watch.tasks()}


def _words(world: World, violation: Violation) -> set[str]:
    """Return what names the violation's subject in a line: its payload, its task, its node."""
    words = set(violation.about)
    for _, task, ask in world.watch.tasks():
        if ask.payload in words or task.hex() in words:
            words |= {ask.payload, f"<{ask.number}>", f"[{ask.number}]", task.hex()[:8]}
    return words


def _line(happening: Happening, names: Mapping[bytes, str]) -> str | None:
    at_us, name, what, thing = happening
    if what == "fault":
        args = ", ".join(f"{key}={value}" for key, value in thing.args)
        return f"{at_us / 1e6:12.6f}  FAULT {thing.kind} at {thing.target} {args}".rstrip()
    if what == "link":
        return f"{at_us / 1e6:12.6f}  {name:<22} {_OPENED}" if thing == "opened" else None
    inner = getattr(thing, "message", getattr(thing, "request", thing))
    if isinstance(inner, _QUIET):
        return None
    arrow = "<-" if what == "takes" else "->"
    return f"{at_us / 1e6:12.6f}  {name:<22} {arrow} {_shown(thing, inner, names)}"


def _shown(thing: Any, inner: Any, names: Mapping[bytes, str]) -> str:  # noqa: ANN401 - whatever happened
    if isinstance(thing, does.Persist):
        return f"store {_value(thing.record, names)}"
    if isinstance(thing, does.Known):
        return f"hears that the store has {_value(thing.task.submitted, names)}, {_value(thing.task.finished, names)}"
    if isinstance(thing, does.Recovered):
        return f"recovers {len(thing.found.open)} open tasks"
    if isinstance(thing, node.Run | node.Ran):
        parts = thing.works if isinstance(thing, node.Run) else thing.results
        return f"{type(thing).__name__.lower()} " + ", ".join(_value(part, names) for part in parts)
    if isinstance(thing, asks.Finished):
        return f"hears {_value(thing.answer, names)}"
    where = f"[{thing.session}] " if hasattr(thing, "session") else ""
    return where + _value(inner, names)


def _value(value: Any, names: Mapping[bytes, str]) -> str:  # noqa: ANN401
    """Return a message, record or event in a few words: what it is, of which task and attempt, and how it went."""
    parts = [type(value).__name__]
    header = getattr(value, "header", None)
    task = header.task if header is not None else getattr(value, "task", None)
    if isinstance(task, bytes) and any(task):
        parts.append(names.get(task, "") or task.hex()[:8])
    if header is not None and header.epoch:
        parts.append(f"attempt {header.epoch}.{header.attempt}")
    elif header is None and is_dataclass(value) and len(parts) == 1:
        named = ((item.name, getattr(value, item.name)) for item in fields(value))
        parts += [
            f"{name}={word!r}"[:_WORD]
            for name, word in named
            if name != "session" and word not in ((), "", None)
        ]
    parts += [str(word) for field in _WORDS if (word := getattr(value, field, ""))]
    body = getattr(value, "body", ())
    if body and isinstance(body, tuple):
        number, whole = number_of(body)
        parts.append(f"<{number}>" if whole else f"[{number}]")
    return " ".join(parts)
