"""Organisations without territory, and which of them supplied a bulletin."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and the column."""
    op.create_table(
        "organisations",
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_s", sa.BigInteger(), nullable=False),
        sa.Column("closed_s", sa.BigInteger()),
        sa.CheckConstraint("state IN ('active', 'closed')", name="ck_organisations_state"),
        sa.PrimaryKeyConstraint("organisation", name=op.f("pk_organisations")),
    )
    op.create_index("ix_organisations_unit", "organisations", ["unit"])
    op.add_column(
        "bulletin_versions",
        sa.Column("supplier", sa.Text(), nullable=False, server_default=""),
    )


def downgrade() -> None:
    """Refuse: a hub goes back by its backup."""
    raise RuntimeError("restore a backup instead")
