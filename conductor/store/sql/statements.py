"""Every statement, compiled once per dialect to plain text: no machinery runs per row.

The names of an insert's columns and the order of a delete's or a question's parameters are what `rows` and `reading`
build their tuples by.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from sqlalchemy import (
    BindParameter,
    ColumnClause,
    Dialect,
    bindparam,
    delete,
    insert,
    literal_column,
    make_url,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import ClauseElement, func

from conductor.store.sql.schema import (
    STEP,
    attempts,
    bodies,
    conductor,
    label_sets,
    met,
    metadata,
    outcomes,
    steps,
    tasks,
    unsettled,
)
from hive.record import record

DEAD: Final = "dead_lettered"
_ZERO: Final[ColumnClause[int]] = literal_column("0")  # as text: a number would become one more parameter
_ONE: Final[ColumnClause[int]] = literal_column("1")
MANY: Final = 64
"""How many tasks one question or one deletion of many names."""


@record
class Statements:
    """The text of each statement, by its name."""

    texts: dict[str, str]

    def __getitem__(self, name: str) -> str:
        """Return the text of a statement."""
        return self.texts[name]


@cache
def statements(dialect: str) -> Statements:
    """Return the statements for `sqlite` or `postgresql`."""
    address, style = ("sqlite://", "qmark") if dialect == "sqlite" else ("postgresql+psycopg://", "format")
    make: Callable[..., Dialect] = make_url(address).get_dialect()  # each dialect has options of its own
    how = make(paramstyle=style)
    every = {
        **_inserts(dialect),
        **_changes(),
        **_questions(),
        **_exports(),
        **_loads("one"),
        **_loads("unsettled"),
    }
    return Statements({name: _text(clause, how) for name, clause in every.items()})


def _text(clause: ClauseElement, dialect: Dialect) -> str:
    return str(clause.compile(dialect=dialect, compile_kwargs={"render_postcompile": True}))


def _inserts(dialect: str) -> dict[str, ClauseElement]:
    found: dict[str, ClauseElement] = {
        f"insert {table.name}": insert(table) for table in metadata.sorted_tables
    }
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    for table in (steps, bodies):
        found[f"insert {table.name}"] = make(table).on_conflict_do_nothing()
    again = make(met)
    found["insert met"] = again.on_conflict_do_update(
        index_elements=["name"], set_={"hello": again.excluded.hello}
    )
    return found


def _changes() -> dict[str, ClauseElement]:
    seq: BindParameter[int] = bindparam("s")
    some: BindParameter[int] = bindparam("some")
    orphans = (
        ~select(bodies.c.seq)
        .where(
            bodies.c.seq == steps.c.seq,
            bodies.c.kind == literal_column(str(STEP)),
            bodies.c.position == steps.c.step,
        )
        .exists()
    )
    return {
        "advance": update(conductor)
        .values(batch=bindparam("b"), last_us=bindparam("l"))
        .where(conductor.c.one == _ONE, conductor.c.epoch == bindparam("e")),
        "begin epoch": update(conductor)
        .values(epoch=bindparam("e"), boot=bindparam("b"), offset_us=bindparam("o"))
        .where(conductor.c.one == _ONE),
        "settle": delete(unsettled).where(unsettled.c.seq == seq),
        "owe": update(unsettled).values(owed=_ONE).where(unsettled.c.seq == seq),
        "end steps": delete(steps).where(steps.c.seq == seq),
        "end bodies": delete(bodies).where(bodies.c.seq == seq, bodies.c.kind <= bindparam("k")),
        "drop": delete(tasks).where(tasks.c.seq == seq),
        "undo": delete(tasks).where(tasks.c.seq >= bindparam("a"), tasks.c.seq < bindparam("z")),
        "purge bodies": delete(bodies).where(bodies.c.label_set == some),
        "purge labels": delete(label_sets).where(label_sets.c.id == some),
        "purge steps": delete(steps).where(orphans),
    }


def _questions() -> dict[str, ClauseElement]:
    where = tasks.c.principal == bindparam("p"), tasks.c.created_us < bindparam("t")
    tried = select(func.count()).where(attempts.c.seq == tasks.c.seq).scalar_subquery()
    shown = (
        tasks.c.task,
        tasks.c.key,
        tasks.c.capability,
        outcomes.c.state,
        outcomes.c.code,
        tasks.c.labels,
        tried,
        tasks.c.created_us,
        outcomes.c.closed_us,
    )
    page = select(*shown).select_from(tasks.outerjoin(outcomes)).where(*where)
    opened = (
        select(*shown).select_from(tasks.outerjoin(outcomes)).join(unsettled, unsettled.c.seq == tasks.c.seq)
    )
    ended = select(*shown).select_from(outcomes).join(tasks, tasks.c.seq == outcomes.c.seq)
    newest = tasks.c.created_us.desc(), tasks.c.task.desc()
    return {
        "conductor": select(conductor.c.epoch, conductor.c.batch, conductor.c.boot, conductor.c.offset_us,
                            conductor.c.last_us),
        "last task": select(func.max(tasks.c.seq)),
        "last attempt": select(func.max(attempts.c.number)),
        "kept": select(func.count(outcomes.c.seq), func.coalesce(func.sum(outcomes.c.bytes), _ZERO)),
        **_prunable(),
        "label sets": select(label_sets.c.id, label_sets.c.names),
        "met": select(met.c.name, met.c.hello).order_by(met.c.name),
        "seen": select(tasks.c.principal, tasks.c.task, tasks.c.seq, tasks.c.created_us, outcomes.c.bytes)
        .select_from(tasks.outerjoin(outcomes))
        .where(tasks.c.task.in_([bindparam(f"t{i}") for i in range(MANY)])),
        "page": page.order_by(*newest).limit(bindparam("n")).offset(_ZERO),
        "page open": opened.where(*where, unsettled.c.owed == _ZERO)
        .order_by(*newest)
        .limit(bindparam("n"))
        .offset(_ZERO),
        "page state": ended.where(
            outcomes.c.principal == bindparam("p"),
            outcomes.c.state == bindparam("s"),
            outcomes.c.created_us < bindparam("t"),
        )
        .order_by(outcomes.c.created_us.desc(), tasks.c.task.desc())
        .limit(bindparam("n")).offset(_ZERO),
    }  # fmt: skip


def _exports() -> dict[str, ClauseElement]:
    """Return how a whole store is read, some tasks at a time, so that no reader holds up the writer's log."""
    tried = select(func.count()).where(attempts.c.seq == tasks.c.seq).scalar_subquery()
    shown = (
        tasks.c.principal,
        tasks.c.task,
        tasks.c.key,
        tasks.c.capability,
        tasks.c.labels,
        tasks.c.created_us,
    )
    page = select(tasks.c.seq, *shown, outcomes.c.state, outcomes.c.code, outcomes.c.closed_us, tried)
    page = (
        page.select_from(tasks.outerjoin(outcomes)).where(tasks.c.seq > bindparam("a")).order_by(tasks.c.seq)
    )
    carried = select(bodies.c.seq, bodies.c.kind, bodies.c.position, bodies.c.name, bodies.c.type, label_sets.c.names,
                     bodies.c.frames).join(label_sets)  # fmt: skip
    between = bodies.c.seq > bindparam("a"), bodies.c.seq <= bindparam("z")
    return {
        "export page": page.limit(bindparam("n")).offset(_ZERO),
        "export bodies": carried.where(*between).order_by(bodies.c.seq, bodies.c.kind, bodies.c.position),
    }


def _prunable() -> dict[str, ClauseElement]:
    """Return which finished tasks may go: `old` ones, in any state and owed to anybody, and `spare` ones."""
    oldest = select(outcomes.c.seq, outcomes.c.bytes).where(outcomes.c.closed_us < bindparam("t"))
    oldest = oldest.order_by(outcomes.c.closed_us).limit(bindparam("n")).offset(_ZERO)
    dead: ColumnClause[str] = literal_column(f"'{DEAD}'")
    owed = select(unsettled.c.seq).where(unsettled.c.seq == outcomes.c.seq).exists()
    return {"old": oldest, "spare": oldest.where(outcomes.c.state != dead, ~owed)}


def _loads(which: str) -> dict[str, ClauseElement]:
    """Return how whole tasks are read: one by its id, or all that a start must take up."""
    one = which == "one"
    chosen = (
        select(tasks.c.seq).where(tasks.c.task == bindparam("t"), tasks.c.principal == bindparam("p"))
        if one
        else select(unsettled.c.seq)
    )
    parts = {
        "tasks": select(tasks),
        "attempts": select(attempts),
        "steps": select(steps),
        "outcomes": select(outcomes),
        "bodies": select(bodies.c.seq, bodies.c.kind, bodies.c.position, bodies.c.name, bodies.c.type,
                         label_sets.c.names, bodies.c.frames).join(label_sets),
    }  # fmt: skip
    order = {
        "tasks": (tasks.c.seq,),
        "attempts": (attempts.c.seq, attempts.c.number),
        "steps": (steps.c.seq, steps.c.step),
        "outcomes": (outcomes.c.seq,),
        "bodies": (bodies.c.seq, bodies.c.kind, bodies.c.position),
    }
    return {
        f"load {which} {name}": part.where(order[name][0].in_(chosen)).order_by(*order[name])
        for name, part in parts.items()
    }
