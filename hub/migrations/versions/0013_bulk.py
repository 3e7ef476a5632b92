"""Orders for many nodes, and what became of each."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "bulks",
        sa.Column("bulk", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("detail_json", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("created_s", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("bulk", name=op.f("pk_bulks")),
    )
    op.create_table(
        "bulk_nodes",
        sa.Column("bulk", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("fault", sa.Text()),
        sa.CheckConstraint(
            "step IN ('waiting', 'given', 'refused')", name=op.f("ck_bulk_nodes_step")
        ),
        sa.ForeignKeyConstraint(["bulk"], ["bulks.bulk"], name=op.f("fk_bulk_nodes_bulk")),
        sa.ForeignKeyConstraint(["node"], ["nodes.node"], name=op.f("fk_bulk_nodes_node")),
        sa.PrimaryKeyConstraint("bulk", "node", name=op.f("pk_bulk_nodes")),
    )
    op.create_index("ix_bulks_created", "bulks", ["created_s"])
    op.create_index("ix_bulk_nodes_step", "bulk_nodes", ["step", "bulk", "unit", "node"])


def downgrade() -> None:
    """Refuse: a hub goes back by its backup."""
    raise RuntimeError("restore a backup instead")
