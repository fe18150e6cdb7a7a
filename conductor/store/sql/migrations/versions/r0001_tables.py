"""The tables of tasks, attempts, steps, outcomes, bodies, and of who was met."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    _conductor()
    _tasks()
    _journal()
    _bodies()


def _column(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _of_task() -> sa.Column[Any]:
    return sa.Column("seq", _NUMBER, sa.ForeignKey("tasks.seq", ondelete="CASCADE"), primary_key=True)


def _key(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _conductor() -> None:
    op.create_table(
        "conductor",
        _key("one", sa.SmallInteger()),
        _column("epoch", sa.BigInteger()),
        _column("batch", sa.BigInteger()),
        _column("last_us", sa.BigInteger()),
        _column("boot", sa.Text()),
        _column("offset_us", sa.BigInteger()),
    )
    op.execute(
        "INSERT INTO conductor (one, epoch, batch, last_us, boot, offset_us) VALUES (1, 0, 0, 0, '', 0)"
    )
    op.create_table("met", sa.Column("name", sa.Text(), primary_key=True), _column("hello", sa.LargeBinary()))


def _tasks() -> None:
    op.create_table(
        "tasks",
        _key("seq", _NUMBER),
        _column("principal", sa.Text()),
        _column("task", sa.LargeBinary()),
        _column("key", sa.Text()),
        _column("request", sa.LargeBinary()),
        _column("capability", sa.Text()),
        _column("labels", sa.Text()),
        _column("created_us", sa.BigInteger()),
        _column("deadline_us", sa.BigInteger()),
        _column("document", sa.LargeBinary()),
    )
    op.create_index("tasks_by_id", "tasks", ["task", "principal"], unique=True)
    op.create_index("tasks_by_age", "tasks", ["principal", "created_us"])
    op.create_table("unsettled", _of_task(), _column("owed", sa.SmallInteger()))


def _journal() -> None:
    op.create_table(
        "attempts",
        _of_task(),
        _key("number", _NUMBER),
        _column("step", sa.Integer()),
        _column("epoch", sa.BigInteger()),
        _column("attempt", sa.BigInteger()),
        _column("node", sa.Text()),
        _column("site", sa.Text()),
        _column("incarnation", sa.BigInteger()),
        _column("kills", sa.Integer()),
        _column("failures", sa.Integer()),
        _column("document", sa.LargeBinary()),
    )
    op.create_table("steps", _of_task(), _key("step", sa.Integer()), _column("document", sa.LargeBinary()))
    op.create_table(
        "outcomes",
        _of_task(),
        _column("principal", sa.Text()),
        _column("state", sa.Text()),
        _column("code", sa.Text()),
        _column("created_us", sa.BigInteger()),
        _column("closed_us", sa.BigInteger()),
        _column("bytes", sa.BigInteger()),
        _column("document", sa.LargeBinary()),
    )


def _bodies() -> None:
    op.create_table("label_sets", _key("id", _NUMBER), _column("names", sa.Text()))
    op.create_table(
        "bodies",
        _of_task(),
        _key("kind", sa.SmallInteger()),
        _key("position", sa.Integer()),
        _column("name", sa.Text()),
        _column("type", sa.Text()),
        sa.Column("label_set", _NUMBER, sa.ForeignKey("label_sets.id"), nullable=False),
        _column("frames", sa.LargeBinary()),
    )
