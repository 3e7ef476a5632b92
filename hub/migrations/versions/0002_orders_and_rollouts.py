"""What nodes are asked, and images that are rolled out."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATES = "'waiting', 'sent', 'done', 'refused', 'failed', 'withdrawn'"


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("detail_json", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("code", sa.Text()),
        sa.Column("message", sa.Text()),
        sa.Column("result_json", sa.Text()),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("created_s", sa.BigInteger(), nullable=False),
        sa.Column("changed_s", sa.BigInteger(), nullable=False),
        sa.Column("expires_s", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "channel IN ('orders', 'settings', 'mandates')", name="ck_orders_channel"
        ),
        sa.CheckConstraint(f"state IN ({_STATES})", name="ck_orders_state"),
        sa.ForeignKeyConstraint(["node"], ["nodes.node"], name="fk_orders_node"),
        sa.PrimaryKeyConstraint("node", "name", name="pk_orders"),
    )
    op.create_index("ix_orders_state", "orders", ["state"])
    op.create_index("ix_orders_unit_channel", "orders", ["unit", "channel"])


def upgrade() -> None:
    """Create the tables."""
    _orders()
    op.create_table(
        "rollouts",
        sa.Column("board", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("groups_json", sa.Text(), nullable=False),
        sa.Column("failures_max", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("changed_s", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('published', 'rolling', 'stopped')", name="ck_rollouts_state"
        ),
        sa.PrimaryKeyConstraint("board", "version", name="pk_rollouts"),
    )


def downgrade() -> None:
    """Remove the tables."""
    op.drop_table("rollouts")
    op.drop_table("orders")
