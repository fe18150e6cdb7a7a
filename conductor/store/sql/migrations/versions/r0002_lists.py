"""Indexes for lists of one state, such as dead letters, and for what may be pruned."""

from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.create_index("outcomes_by_state", "outcomes", ["principal", "state", "created_us"])
    op.create_index("outcomes_by_end", "outcomes", ["closed_us", "bytes"])
